import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { lockfile, missingEntries, platformOf } from '../scripts/complete-lockfile.ts'

test('the lock file holds the native packages of every platform, or npm ci would refuse it (npm run lockfile)', () => {
  const lock = JSON.parse(readFileSync(lockfile, 'utf8')) as Parameters<typeof missingEntries>[0]
  assert.deepEqual(Object.keys(missingEntries(lock)), [])
})

test('no version in package.json is a range', () => {
  for (const file of ['../package.json', '../web/package.json']) {
    const text = readFileSync(new URL(file, import.meta.url), 'utf8')
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text) as Record<
      string,
      Record<string, string> | undefined
    >
    for (const [name, version] of Object.entries({
      ...dependencies,
      ...devDependencies,
      ...optionalDependencies,
    }))
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${name} in ${file}`)
  }
})

test('an entry is missing where neither the package itself nor a folder above has it', () => {
  const optionalDependencies = { 'x-linux-arm64-musl': '1.0.0', 'x-darwin-x64': '^1.0.0' }
  const packages = {
    'node_modules/a': {},
    'node_modules/a/node_modules/x': { dev: true, optionalDependencies },
    'node_modules/a/node_modules/x-darwin-x64': {},
  }
  assert.deepEqual(missingEntries({ packages }), {
    'node_modules/x-linux-arm64-musl': {
      version: '1.0.0',
      cpu: ['arm64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    },
  })
  assert.deepEqual(platformOf('@x/binding-win32-ia32-msvc'), { os: ['win32'], cpu: ['ia32'] })
  assert.deepEqual(platformOf('@x/binding-linux-arm-gnueabihf'), {
    os: ['linux'],
    cpu: ['arm'],
    libc: ['glibc'],
  })
  assert.deepEqual(platformOf('@x/binding-android-arm-eabi'), { os: ['android'], cpu: ['arm'] })
  assert.throws(() => platformOf('bufferutil'), /by hand/)
})
