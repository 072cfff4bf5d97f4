import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../support/run-command.ts'
import { SluiceHttp } from '../support/sluice-http.ts'

interface Verdict {
  readonly faults: readonly { readonly kind: string; readonly rows: Readonly<Record<string, number>> }[]
  readonly setAside: readonly unknown[]
}

/** The object that each line is. */
function parsed(lines: string): Record<string, unknown>[] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>) // our own lines
}

test('a damaged log is found, exported, repaired and used again by its commands', async (t) => {
  const running = await SluiceHttp.start(t)
  const { data } = running
  const reading = (v: number, time = v) =>
    JSON.stringify({ device_id: 'd', tag_id: 'x', v, ts: 1_700_000_000_000 + time })
  for (let i = 0; i < 10; i++) await running.post(reading(i))
  await running.drained()
  const log = (command: string, ...args: readonly string[]) =>
    runCommand('log', command, '--data', data, ...args)

  const beside = await log('verify')
  assert.deepEqual([beside.code, beside.out.split('\n').at(-2)], [0, 'whole'], beside.err)
  const all = await log('export', '--stream', 'readings')
  assert.equal(all.code, 0, all.err)
  const rows = parsed(all.out)
  assert.deepEqual(
    rows.map(({ value }) => value),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  assert.equal(rows[0]?.['device'], 'd')
  const [from, to] = [rows[3]?.['seq'], rows[5]?.['seq']]
  const part = await log('export', '--stream', 'readings', '--from', String(from), '--to', String(to))
  assert.deepEqual(parsed(part.out), rows.slice(3, 5))
  const since = await log(
    'export',
    '--stream',
    'readings',
    '--from',
    new Date(1_700_000_000_007).toISOString(),
  )
  assert.deepEqual(parsed(since.out), rows.slice(7))
  assert.equal((await log('inspect')).code, 0)
  const unknown = await log('export', '--stream', 'nope')
  assert.deepEqual([unknown.code, unknown.out], [2, ''])
  assert.match(unknown.err, /no stream nope; it has .*readings/)
  const reversed = await log('export', '--from', '5', '--to', '3')
  assert.equal(reversed.code, 2)
  assert.match(reversed.err, /--from 5 --to 3: --from must be before --to/)
  const locked = await log('repair')
  assert.equal(locked.code, 1)
  assert.match(locked.err, /in use by another running Sluice/)

  running.sluice.killTree()
  await running.sluice.closed
  const folder = path.join(data, 'log')
  const [segment = ''] = (await fs.readdir(folder)).filter((name) => name.endsWith('.seg'))
  const bytes = await fs.readFile(path.join(folder, segment))
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  await fs.writeFile(path.join(folder, segment), bytes)

  const inspected = await log('inspect')
  assert.equal(inspected.code, 1, inspected.out)
  const damaged = await log('verify')
  assert.equal(damaged.code, 1)
  assert.match(
    damaged.out,
    new RegExp(`^${segment}, offset \\d+, \\d+ bytes: .* gone: 1 row of readings\\..*log repair`, 'm'),
  )
  const verdict = parsed((await log('verify', '--json')).out)[0] as unknown as Verdict
  assert.deepEqual(
    verdict.faults.map(({ kind, rows: lost }) => [kind, lost]),
    [['commits', { readings: 1 }]],
  )
  const file = path.join(data, 'rows.ndjson')
  const rest = await log('export', '--stream', 'readings', '--out', file)
  assert.equal(rest.code, 1)
  assert.match(rest.err, /bytes at \d+ are damaged and were passed over/)
  assert.equal(parsed(await fs.readFile(file, 'utf8')).length, 9)

  const dry = await log('repair', '--dry-run')
  assert.deepEqual([dry.code, dry.out.split('\n').at(-2)], [1, 'nothing was changed (--dry-run)'])
  assert.deepEqual(await fs.readFile(path.join(folder, segment)), bytes)
  const repaired = await log('repair')
  assert.deepEqual([repaired.code, repaired.out.split('\n').at(-2)], [0, 'whole'], repaired.err)
  const again = await log('repair')
  assert.deepEqual([again.code, again.out], [0, 'whole: there is nothing to repair\n'])
  const after = parsed((await log('verify', '--json')).out)[0] as unknown as Verdict
  assert.deepEqual([after.faults.length, after.setAside.length], [0, 1])

  await running.killAndRestart()
  await running.post(reading(10))
  await running.drained()
  const status = await running.get<{
    readonly log: { readonly damagedFrames: number }
    readonly alarms: readonly unknown[]
  }>('/status')
  assert.equal(status.log.damagedFrames, 0)
  assert.deepEqual(status.alarms, [], 'the store had taken the row before')
})
