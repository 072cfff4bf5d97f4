import assert from 'node:assert/strict'
import test from 'node:test'
import { noBooks } from '../core/sink.ts'
import { type ProveReport, reportText } from './report.ts'

const sink = { stored: 9, lost: 0, duplicate: 0, phantom: 0, corrupt: 0, refusedStored: 0, repeated: 0 }
const report: ProveReport = {
  ...{ ok: true, seed: 1, run: 'r', server: 'http://127.0.0.1:8080', devices: 2, seconds: 1 },
  ...{ sent: 9, acked: 9, refused: 0, unknown: 0, sends: 9 },
  sinks: { main: sink, copy: { ...sink, reordered: 0 } },
  unreadSinks: [],
  deadLetters: {
    ...{ sent: 3, acked: 2, refused: 0, answered: 1, stored: 2, lost: 0, duplicate: 0, phantom: 0 },
    ...{ corrupt: 0, repeated: 0 },
  },
  silentGaps: 0,
  live: { rows: 9, connections: 1, announced: 0, wrong: 0 },
  books: {
    ...{ balanced: true, ledger: { least: 9, most: 9 }, log: 9, sinks: { main: noBooks }, differences: [] },
    door: { accepted: 9, refused: 1, deadLettered: 2 },
  },
  ...{ faults: {}, starts: 0, slowestStartMs: 0, storeRestarts: 0, openCommits: 0 },
  ...{ violations: [], examples: [] },
}
const text = (changes: Partial<ProveReport>) => reportText({ ...report, ...changes }, 'sluice prove')

test('a sink whose order nobody could judge is named', () => {
  const words = text({})
  assert.match(words, /^main was read over HTTP.*its order was not judged$/m)
  assert.doesNotMatch(words, /^copy was read/m)
})

test('restarts of stores stand beside the faults', () => {
  assert.match(
    text({ faults: { 'store-down': { storesKilled: 3 } }, storeRestarts: 3 }),
    /; 3 restarts of stores$/m,
  )
})

test('refusals that stand in no book are told beside those that do', () => {
  assert.match(text({}), /1 refused at the door$/m)
  assert.match(
    text({ refused: 500 }),
    /1 refused at the door, beside what it refused while it could write nothing/,
  )
})

test('a run that is not ok without a fault says what it lacks', () => {
  assert.match(text({ ok: false, sinks: {} }), /^NOT ok: no sink could be read$/m)
  assert.match(text({ ok: false, acked: 0, sinks: {} }), /^NOT ok: nothing was acknowledged$/m)
})
