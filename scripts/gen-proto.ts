/** Writes proto/generated from the .proto files: npm run gen-proto. A test holds the folder to be current. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { protoFolder } from './proto/descriptors.ts'
import { generatedCode } from './proto/generate.ts'

const folder = path.join(protoFolder, 'generated')
rmSync(folder, { recursive: true, force: true })
for (const [name, text] of generatedCode()) {
  const file = path.join(folder, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}
