import { chmodSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'

/** Any user but root and the owner. */
const nobody = 65_534

/** Does work while nothing in the folder may be written: as somebody else where we are root, whom no mode holds up. */
export async function withoutRights<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const { geteuid, seteuid } = process
  if (geteuid === undefined || seteuid === undefined) throw new Error('this system has no user ids')
  const all = [folder, ...readdirSync(folder).map((name) => path.join(folder, name))]
  const modes = all.map((file) => statSync(file).mode)
  const isRoot = geteuid() === 0
  for (const file of all) chmodSync(file, file === folder ? 0o555 : 0o444)
  if (isRoot) seteuid(nobody)
  try {
    return await work()
  } finally {
    if (isRoot) seteuid(0)
    all.forEach((file, i) => chmodSync(file, modes[i] ?? 0o644))
  }
}
