/** The proofs of this folder with small numbers. What a loaded machine cannot promise (times, ratios) is left to the long runs. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { needsToStart } from '../support/needs.ts'
import * as firstAck from './first-ack.ts'
import * as kills from './kills.ts'
import * as letterReplays from './letter-replays.ts'
import * as mosquittoBaseline from './mosquitto-baseline.ts'
import * as poison from './poison.ts'
import { holds } from './runner/in-test.ts'
import * as storeDown from './store-down.ts'

test('after kill -9 it starts on its log and acknowledges', async (t) => {
  await holds(t, firstAck, { megabytes: 5, starts: 2, limitMs: 30_000 })
})

test('kills into commits, transactions and starts lose nothing and double nothing, over MQTT and HTTP', async (t) => {
  await holds(t, kills, { cycles: 6, devices: 8, rate: 5_000, everyStart: 2 })
})

test('kills while dead letters are replayed: each is a letter still, or its row stands once', async (t) => {
  await holds(t, letterReplays, { kills: 2, letters: 10 })
})

test('poison of twelve kinds among good rows at full speed is in the dead letters, and no good row is affected', async (t) => {
  await holds(t, poison, { seconds: 0.3, rounds: 1, ratio: 0 })
})

test('a store that is down while rows come has each of them once afterwards', async (t) => {
  const times = { memoryMb: 10_000, drain: 0, lagSeconds: 60 }
  await holds(t, storeDown, { seconds: 2, measureSeconds: 0.3, calmSeconds: 0.5, ...times })
})

test('Sluice loses nothing where a broker and a plain subscriber do, which the same judge finds', {
  skip: needsToStart('mosquitto'),
}, async (t) => {
  const { seen } = await holds(t, mosquittoBaseline, {
    cycles: 1,
    quietSeconds: 3,
    faults: 'kill-subscriber',
  })
  const quick = Object(seen['Mosquitto + quick subscriber']) as Record<string, { lost: number }>
  assert.ok((quick['kill-subscriber']?.lost ?? 0) > 0, 'it was away, and nobody kept what came')
})
