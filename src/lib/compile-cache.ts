import module from 'node:module'
import path from 'node:path'

/**
 * Keeps the code that V8 compiles of every module between starts, for this process and for the threads and processes it starts, which
 * is half of the time that a start takes. Not in the folder for temporary files, Node's own choice: what others may write there would be run here.
 */
export function keepCompiledCode(): void {
  // The environment is how threads and processes know of it.
  process.env['NODE_COMPILE_CACHE'] ??= cacheFolder()
  // Nowhere to keep it: then it is compiled each time.
  if (process.env['NODE_COMPILE_CACHE'] !== '') module.enableCompileCache()
}

/** Empty where this user has no folder of its own. */
function cacheFolder(): string {
  const { XDG_CACHE_HOME: caches = '', HOME: home = '' } = process.env
  if (path.isAbsolute(caches)) return path.join(caches, 'sluice')
  return path.isAbsolute(home) ? path.join(home, '.cache', 'sluice') : ''
}

/** Writes down what was compiled so far, else done when the process ends: one that is killed would compile it all again. */
export function saveCompiledCode(): void {
  module.flushCompileCache()
}
