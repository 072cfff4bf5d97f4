import path from 'node:path'
import type { MemoryStorage } from '../support/memory-storage.ts'
import { contentOf } from './simulated-files.ts'

/** What the file sink's files hold, the oldest first. */
export function rowsOfFiles(storage: MemoryStorage, file: string): { number: number; value: number }[] {
  const [folder, base] = [path.dirname(file), path.basename(file)]
  const rotated = storage
    .list(folder)
    .flatMap((name) =>
      name.startsWith(`${base}.`) && /^\d+$/.test(name.slice(base.length + 1))
        ? [Number(name.slice(base.length + 1))]
        : [],
    )
    .sort((a, b) => b - a)
  const files = [
    ...rotated.map((n) => `${file}.${n}`),
    ...(storage.list(folder).includes(base) ? [file] : []),
  ]
  return files.flatMap((each) =>
    contentOf(storage, each)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        // as: what the file sink writes.
        const { seq, value, edit, from } = JSON.parse(line) as {
          seq: number
          value: number
          edit?: string
          from: number
        }
        return { number: seq, value: edit === undefined ? value : -Math.round(from * 1000) }
      }),
  )
}
