import fs from 'node:fs'
import path from 'node:path'

/**
 * Makes a folder and those above it; returns the first that it made, if any. `fs.mkdirSync` with `recursive` never returns where the
 * system answers ENOENT below a folder that is there, as /proc does.
 */
export function makeFolders(folder: string): string | undefined {
  const missing: string[] = []
  let at = path.resolve(folder)
  while (!fs.existsSync(at) && path.dirname(at) !== at) {
    missing.push(at)
    at = path.dirname(at)
  }
  // A file where the folder belongs is told as the system tells it.
  if (missing.length === 0 && !fs.statSync(at).isDirectory()) fs.mkdirSync(at)
  for (const one of missing.toReversed())
    try {
      fs.mkdirSync(one)
    } catch (error) {
      // Somebody else has made it meanwhile.
      if (!fs.statSync(one, { throwIfNoEntry: false })?.isDirectory()) throw error
    }
  return missing.at(-1)
}
