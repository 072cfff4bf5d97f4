import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addRows, type Gate, gateTo, openGate, outcomeOf, turn } from '../../../test/support/gate.ts'
import { openSimulatedLog } from '../../../test/support/simulated-log.ts'
import type { KeyedState } from '../../core/keyed-state.ts'
import type { ReplayWatcher } from '../store-process/store-replays.ts'
import { decodeReplay, encodeReplay, type ReplayRecord } from './replay-record.ts'
import type { ReplayTarget } from './replay-targets.ts'
import { Replays, replaysGroup } from './replays.ts'

const small = { segmentBytes: 4_000, maxBytes: 20_000, groups: [replaysGroup] }

/** What a start finds in the keyed state. */
function stateOf(records: Readonly<Record<string, ReplayRecord>>): KeyedState {
  const entries = Object.entries(records).map(([name, record]): [string, Uint8Array] => [
    `replays/${name}`,
    encodeReplay(record),
  ])
  return { get: (key) => new Map(entries).get(key), entries: () => entries }
}

function recordOf(log: string, more: Partial<ReplayRecord> = {}): ReplayRecord {
  const part = { kind: 'log', log, partition: 0, stream: 'readings', from: 0n, until: 100n } as const
  return {
    version: 1,
    sink: 'main',
    lane: 'again@1',
    parts: [part],
    started: 1,
    principal: 'somebody',
    ...more,
  }
}

/** Replays of that log to a sink that takes nothing until it is told what came of it. */
function replaysOf(
  { log, intake, clock }: Gate,
  records: Readonly<Record<string, ReplayRecord>>,
  end: () => Promise<void> = async () => {},
) {
  const watchers: ReplayWatcher[] = []
  const events: string[] = []
  const target: ReplayTarget = {
    streams: [{ stream: 'readings', processors: [] }],
    error: undefined,
    note: () => undefined,
    start: (_order, watcher) => watchers.push(watcher),
    copy: undefined,
    copies: undefined,
    end,
  }
  const replays = new Replays({
    log,
    logFolder: '',
    intake,
    clock,
    targets: new Map([['main', target]]),
    onEvent: (_level, message) => events.push(message),
  })
  replays.restore(stateOf(records))
  return { replays, watchers, events }
}

/** Rows until the log, with its checks, takes none. */
async function fill({ intake, thread }: Gate): Promise<void> {
  for (let i = 0; i < 200; i++) {
    addRows(intake, i * 10, i * 10 + 10)
    if ((await outcomeOf(intake.durable())) !== 'durable') return
    thread.check()
  }
  assert.fail('the log is never full')
}

/** Whether rows are taken after the log has looked at its size. */
async function taken({ intake, thread }: Gate): Promise<string> {
  await turn()
  thread.check()
  addRows(intake, 0, 1)
  return outcomeOf(intake.durable())
}

async function endOf(gate: Gate, name: string): Promise<string | undefined> {
  const last = (await gate.documents('state')).findLast(({ key }) => key === `replays/${name}`)
  if (last === undefined || last.body === '') return last?.body
  return decodeReplay(Buffer.from(last.body))?.end?.state
}

test('a replay that goes on after a restart holds what it needs, whatever retention would remove', async (t) => {
  const gate = await openGate({}, small)
  const { replays, watchers } = replaysOf(gate, { again: recordOf(gate.log.id) })
  t.after(() => replays.stop())
  await fill(gate)
  assert.equal(gate.log.status().first, 0n)
  assert.equal(gate.log.status().state, 'disk-full')
  watchers[0]?.onDone()
  assert.equal(await taken(gate), 'durable')
  assert.ok(gate.log.status().first > 0n)
})

test('a replay that ends in a full log lets go of it, and its end is kept', async (t) => {
  const ends: readonly [string, (run: ReturnType<typeof replaysOf>) => unknown][] = [
    ['cancelled', ({ replays }) => replays.end('again')],
    ['done', ({ watchers }) => watchers[0]?.onDone()],
    ['failed', ({ watchers }) => watchers[0]?.onDone('no place for it')],
  ]
  for (const [state, end] of ends) {
    const gate = await openGate({}, small)
    const run = replaysOf(gate, { again: recordOf(gate.log.id) })
    t.after(() => run.replays.stop())
    await fill(gate)
    await end(run)
    await gate.intake.durable().catch(() => {})
    assert.equal(await endOf(gate, 'again'), state)
    assert.equal(await taken(gate), 'durable', state)
  }
})

test('where the disk takes nothing at all, the hold goes and the end is kept later; a name is forgotten when that is on disk', async (t) => {
  const gate = await openGate({}, small)
  const { replays, events } = replaysOf(gate, { again: recordOf(gate.log.id) })
  t.after(() => replays.stop())
  await fill(gate)
  gate.storage.failNth(1, { code: 'ENOSPC' }, 'write')
  await assert.rejects(replays.end('again'), { code: 'disk-full' })
  assert.equal(replays.get('again').state, 'cancelled')
  assert.equal(await endOf(gate, 'again'), undefined)
  assert.match(events.join('\n'), /the end of the replay again could not be kept, and is tried again/)
  assert.equal(await taken(gate), 'durable', 'nothing holds the log any more')
  while ((await endOf(gate, 'again')) === undefined) await turn()
  assert.equal(await endOf(gate, 'again'), 'cancelled')

  gate.storage.failNth(1, { code: 'ENOSPC' }, 'write')
  await assert.rejects(replays.end('again'), { code: 'disk-full' })
  assert.equal(replays.list().length, 1, 'it is not forgotten yet')
  gate.thread.check()
  assert.equal((await replays.end('again')).forgotten, true)
  assert.deepEqual(replays.list(), [])
  assert.equal(await endOf(gate, 'again'), '')
})

test('one that is cancelled and forgotten at once stays forgotten', async (t) => {
  const gate = await openGate({}, small)
  const written = Promise.withResolvers<void>()
  const { replays } = replaysOf(gate, { again: recordOf(gate.log.id) }, () => written.promise)
  t.after(() => replays.stop())
  const both = [replays.end('again'), replays.end('again')]
  for (let i = 0; i < 5; i++) await turn()
  written.resolve()
  assert.deepEqual(
    (await Promise.all(both)).map(({ forgotten }) => forgotten),
    [false, true],
  )
  assert.equal(await endOf(gate, 'again'), '')
  assert.deepEqual(replays.list(), [])
})

test('a replay that is found ended at a start, or that cannot go on, holds nothing', async (t) => {
  const simulated = await openSimulatedLog(small)
  const gate = { ...simulated, ...gateTo(simulated) }
  const end: ReplayRecord['end'] = { state: 'done', at: 2, parts: [] }
  const { replays } = replaysOf(gate, {
    ended: recordOf(gate.log.id, { end }),
    homeless: recordOf(gate.log.id, { sink: 'gone' }),
    outdated: recordOf('another log'),
  })
  t.after(() => replays.stop())
  for (let i = 0; i < 300; i++) {
    addRows(gate.intake, 0, 10)
    assert.equal(await outcomeOf(gate.intake.durable()), 'durable')
    gate.thread.check()
  }
  assert.ok(gate.log.status().first > 0n)
  assert.equal(replays.get('homeless').state, 'failed')
})
