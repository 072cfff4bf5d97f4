/**
 * npm run lockfile: adds to package-lock.json the packages for other platforms that npm could not resolve when it wrote the file.
 *
 * Native packages name one optional package a platform. Where a registry does not have all of them, npm leaves the missing ones out of
 * the lock file, and `npm ci` then refuses it everywhere. An entry with version and platform is enough: `npm ci` skips those of other
 * platforms, and takes the integrity from the registry for its own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

interface Entry {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

interface Lockfile {
  readonly packages: Readonly<Record<string, Entry>>
}

export const lockfile = path.resolve(import.meta.dirname, '../package-lock.json')

/** Optional packages that some package names and the lock file lacks, each with the entry it should have. */
export function missingEntries({ packages }: Lockfile): Record<string, Entry> {
  const missing: Record<string, Entry> = {}
  for (const [place, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (isResolved(packages, place, name)) continue
      const key = `node_modules/${name}`
      const isDev = dev === true && missing[key]?.dev !== false
      const { cpu, libc, os } = platformOf(name)
      // In npm's own order, so that it leaves the file as it is. The least version of a range is one that exists.
      missing[key] = {
        version: version.replace(/^[~^]/, ''),
        ...(cpu === undefined ? {} : { cpu }),
        ...(isDev ? { dev: true } : {}),
        ...(libc === undefined ? {} : { libc }),
        optional: true,
        ...(os === undefined ? {} : { os }),
      }
    }
  }
  return missing
}

/** Node's way up: beside the package itself first, then in every folder above. */
function isResolved(packages: Lockfile['packages'], place: string, name: string): boolean {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true
    if (at === '') return false
  }
}

const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const processors = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'x64',
  'wasm32',
]
const spellings: Readonly<Record<string, { cpu?: string; libc?: string }>> = {
  eabi: { cpu: 'arm' },
  gnueabihf: { cpu: 'arm', libc: 'glibc' },
  musleabihf: { cpu: 'arm', libc: 'musl' },
  gnu: { libc: 'glibc' },
  musl: { libc: 'musl' },
}

/** `binding-linux-arm64-musl` → linux, arm64, musl: the words by which every such package is named. */
export function platformOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> {
  // The one package of this kind that is named after what it does.
  if (name === 'fsevents') return { os: ['darwin'] }
  const words = name.split(/[-/]/)
  const os = words.find((word) => systems.includes(word))
  const cpu =
    words.find((word) => processors.includes(word)) ?? words.map((word) => spellings[word]?.cpu).find(Boolean)
  const libc = words.map((word) => spellings[word]?.libc).find(Boolean)
  if (cpu === 'wasm32') return { cpu: [cpu] }
  if (os === undefined || cpu === undefined)
    throw new Error(`${name} does not say its platform: complete its entry by hand`)
  return { os: [os], cpu: [cpu], ...(os === 'linux' && libc !== undefined ? { libc: [libc] } : {}) }
}

if (import.meta.main) {
  const text = readFileSync(lockfile, 'utf8')
  const lock = JSON.parse(text) as Lockfile // npm's own form, version 3
  const missing = missingEntries(lock)
  const packages = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) =>
    a.localeCompare(b, 'en'),
  )
  writeFileSync(
    lockfile,
    `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, undefined, 2)}\n`,
  )
  console.log(`${Object.keys(missing).length} entries added`)
}
