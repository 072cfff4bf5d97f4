import fs from 'node:fs'

/** A small file as text, such as a configuration or a secret. Throws the system's error, or TypeError if it is not UTF-8. */
export function readTextFile(file: string): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(fs.readFileSync(file))
}

/** A small file as it is. Throws the system's error. */
export function readBytes(file: string): Buffer {
  return fs.readFileSync(file)
}

/** A stream into a file, which is replaced if it exists. */
export function writeStream(file: string): fs.WriteStream {
  return fs.createWriteStream(file)
}
