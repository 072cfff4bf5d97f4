/** Prints what documentation takes from code into it: npm run docs:config. A test holds the files to be current. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { components } from '../src/app/components.ts'
import { configReference } from './docs/config-reference.ts'
import { errorReference } from './docs/error-reference.ts'
import { mqttLimitReference } from './docs/mqtt-limit-reference.ts'
import { replaceSection } from './docs/marked-section.ts'

const docs = path.resolve(import.meta.dirname, '../docs')

/** Files below docs/ as they should be. */
export async function printedDocs(): Promise<Map<string, string>> {
  const read = (file: string) => readFileSync(path.join(docs, file), 'utf8')
  return new Map([
    [
      'operations.md',
      replaceSection(read('operations.md'), 'configuration', await configReference(components)),
    ],
    [
      'protocols.md',
      replaceSection(
        replaceSection(read('protocols.md'), 'errors', errorReference()),
        'mqtt-limits',
        mqttLimitReference(),
      ),
    ],
  ])
}

if (import.meta.main) {
  for (const [file, text] of await printedDocs()) writeFileSync(path.join(docs, file), text)
}
