import { execFileSync } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')

/** Where a figure was taken: without it the figure means nothing. */
export interface Place {
  readonly fileSystem: string
  readonly cores: number
  readonly node: string
  /** Short hash; `+` behind it if the work tree differs from it. */
  readonly commit: string
}

/** `folder` must exist: it is where the bench stores. */
export function placeOf(folder: string): Place {
  return {
    fileSystem: fileSystemOf(folder),
    cores: os.availableParallelism(),
    node: process.version,
    commit: commit(),
  }
}

/** Memory pretending to be a disk: nothing measured on it says anything about durable. */
export function isMemory(fileSystem: string): boolean {
  return fileSystem === 'tmpfs' || fileSystem === 'ramfs'
}

/** The kind of file system of the folder, from the longest mount point above it; `unknown` where there is no /proc. */
export function fileSystemOf(folder: string, mounts = readMounts()): string {
  const real = realpathSync(folder)
  let best = { point: '', type: 'unknown' }
  for (const line of mounts.split('\n')) {
    // proc(5): id parent major:minor root point options [optional]… - type source options
    const [before = '', after = ''] = line.split(' - ')
    const point = (before.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 8)),
    )
    const isAbove = real === point || real.startsWith(point.endsWith('/') ? point : `${point}/`)
    if (point !== '' && isAbove && point.length >= best.point.length)
      best = { point, type: after.split(' ')[0] ?? '' }
  }
  return best.type
}

function readMounts(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8')
  } catch {
    return ''
  }
}

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
    const hash = git('rev-parse', '--short=10', 'HEAD')
    return git('status', '--porcelain', '--untracked-files=no') === '' ? hash : `${hash}+`
  } catch {
    return 'unknown'
  }
}
