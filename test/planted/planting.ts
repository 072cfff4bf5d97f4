import type { Bug } from './bugs.ts'

/** The source with the bug in it. @throws where the place it changes is not there exactly once: a refactoring must not make a bug vanish. */
export function planted(source: string, { name, file, find, replace }: Bug): string {
  const places = source.split(find).length - 1
  if (places !== 1)
    throw new Error(`the bug "${name}" cannot be planted: ${file} holds the text it replaces ${places} times`)
  return source.replace(find, () => replace)
}
