/** Faults of the machine with small numbers: each kind once, one full disk, a few of the calls. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import { faultTable } from '../../src/prove/faults/table.ts'
import { needsShim } from '../support/needs.ts'
import * as diskFull from './disk-full.ts'
import * as everyCall from './every-call.ts'
import { proveWith } from './prove-with/prove-with.ts'
import { holds } from './runner/in-test.ts'

const skip = await needsShim()
/** They have tests of their own. */
const elsewhere = ['kill', 'term']

test('whatever is done to the machine, nothing that was acknowledged is lost or doubled', {
  skip,
}, async (t) => {
  const options = z.object({})
  await holds(
    t,
    {
      options,
      async run(_, report) {
        const names = Object.keys(faultTable).filter((name) => !elsewhere.includes(name))
        const faults = await Promise.all(names.map((name) => (faultTable[name] ?? assert.fail(name))()))
        return await proveWith(faults, { devices: 8, rate: 2_000 }, report)
      },
    },
    {},
  )
})

test('a full disk refuses explicitly, answers queries, and takes records again when it has space', {
  skip: diskFull.unavailable() ?? false,
}, async (t) => {
  await holds(t, diskFull, { cycles: 1, megabytes: 100 })
})

test('a call of the disk that fails loses nothing, hangs nothing and spoils no start', {
  skip,
}, async (t) => {
  await holds(t, everyCall, { most: 6 })
})
