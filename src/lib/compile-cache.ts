import module from 'node:module'
import os from 'node:os'
import path from 'node:path'

/**
 * Keeps the code that V8 compiles of every module between starts, for this process and for the threads and processes it starts, which
 * is half of the time that a start takes. Not in the folder for temporary files, Node's own choice: what others may write there would be run here.
 */
export function keepCompiledCode(): void {
  const caches = process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache')
  // The environment is how threads and processes know of it.
  process.env['NODE_COMPILE_CACHE'] ??= path.join(caches, 'sluice')
  module.enableCompileCache()
}

/** Writes down what was compiled so far, else done when the process ends: one that is killed would compile it all again. */
export function saveCompiledCode(): void {
  module.flushCompileCache()
}
