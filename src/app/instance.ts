import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { SluiceError } from '../core/errors.ts'
import { readJson, writeJson } from '../lib/append-file.ts'

/**
 * The id of this Sluice among those that run beside each other, made at the first start and kept with the data: a broker holds messages for
 * it under this name while it is away.
 *
 * @throws SluiceError `config-invalid` where the file holds none.
 */
export async function instanceOf(dataFolder: string): Promise<string> {
  const file = path.join(dataFolder, 'instance')
  const kept = await readJson(file).catch((error: unknown) => {
    if (error instanceof SyntaxError) return null
    throw error
  })
  if (typeof kept === 'string' && /^[0-9a-f]{12}$/.test(kept)) return kept
  if (kept !== undefined) {
    throw new SluiceError(
      'config-invalid',
      `${file} holds no id: put it back from a copy, or remove it. Without it brokers take this Sluice for another one, and what they hold for the old one waits for nobody`,
    )
  }
  const made = randomBytes(6).toString('hex')
  await writeJson(file, made)
  return made
}
