import { fileURLToPath } from 'node:url'
import { readTextFile } from './text-file.ts'

/** This Sluice's version, as package.json has it. */
export const version = versionOf(
  JSON.parse(readTextFile(fileURLToPath(new URL('../../package.json', import.meta.url)))),
)

function versionOf(file: unknown): string {
  return typeof file === 'object' && file !== null && 'version' in file ? String(file.version) : ''
}
