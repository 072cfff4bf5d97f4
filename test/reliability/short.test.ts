/** The proofs of this folder with small numbers. What a loaded machine cannot promise (times, ratios) is left to the long runs. */
import test from 'node:test'
import * as firstAck from './first-ack.ts'
import * as poison from './poison.ts'
import { holds } from './runner/in-test.ts'

test('after kill -9 it starts on its log and acknowledges', async (t) => {
  await holds(t, firstAck, { megabytes: 5, starts: 2, limitMs: 30_000 })
})

test('poison of twelve kinds among good rows at full speed is in the dead letters, and no good row is affected', async (t) => {
  await holds(t, poison, { seconds: 0.3, rounds: 1, ratio: 0 })
})
