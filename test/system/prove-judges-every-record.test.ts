import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import test, { after, before } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Fault } from '../../src/prove/judge.ts'
import { Ledger } from '../../src/prove/ledger.ts'
import { readProc } from '../../src/prove/process-tree.ts'
import type { ProveReport } from '../../src/prove/report.ts'
import { judgeSink, type SinkFinding } from '../../src/prove/sink-judge.ts'
import { type CommandEnd, runCommand, startCommand } from '../support/run-command.ts'
import { freePort } from '../../src/prove/free-port.ts'
import { SluiceProcess } from '../support/sluice-process.ts'

/** A whole run of the command with a kill in it; its data are what the judge is tried on below. */
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-prove-test-'))
const folder = path.join(home, 'run')
let end: CommandEnd
let report: ProveReport
let ledger: Ledger

before(async () => {
  end = await runCommand(
    ...['prove', '--seconds', '3', '--devices', '8', '--rate', '4000', '--faults', 'kill', '--json'],
    ...['--seed', '11', '--data', folder, '--set', 'topics=["plant/{device}"]'],
  )
  report = JSON.parse(end.out) as ProveReport // as: what the command prints, looked at below
  ledger = Ledger.decode(fs.readFileSync(path.join(folder, 'ledger.ndjson'), 'utf8'))
})
after(() => fs.rmSync(home, { recursive: true }))

test('a run over kills is ok, and says so in one object that agrees with the ledger and with the sinks', async (t) => {
  t.diagnostic(JSON.stringify({ ...report, books: undefined }))
  assert.equal(end.code, 0, end.out + end.err)
  assert.ok(report.ok)
  assert.equal(report.seed, 11)
  const { records, ...totals } = ledger.totals()
  const { sent, acked, refused, unknown, sends } = report
  assert.deepEqual({ sent, acked, refused, unknown, sends }, { sent: records, ...totals })
  assert.ok(sent > 1_000)
  assert.equal(unknown, 0, 'the fleet waits for every answer')

  const { main, copy } = report.sinks
  assert.deepEqual(Object.keys(report.sinks), ['main', 'copy'])
  assert.equal(main?.stored, acked)
  assert.equal(copy?.stored, acked)
  assert.deepEqual(
    [main?.lost, main?.duplicate, main?.phantom, main?.corrupt, main?.reordered],
    [0, 0, 0, 0, 0],
  )
  const lines = fs.readFileSync(path.join(folder, 'data/copy.ndjson'), 'utf8').trimEnd().split('\n').length
  assert.equal(lines, acked + (copy?.repeated ?? 0))

  assert.ok(report.deadLetters.sent > 0 && report.deadLetters.answered > 0, 'bad records were among the good')
  assert.equal(report.deadLetters.stored, report.deadLetters.sent + report.deadLetters.repeated)
  assert.ok((report.faults['kill']?.['kills'] ?? 0) >= 1)
  assert.ok(report.starts >= 2)
  assert.ok(report.live.rows >= acked - report.live.announced)
  assert.ok(report.live.connections >= 2, 'the subscriber came back after a kill')
  assert.equal(report.books.log, lines)
  assert.equal(report.kept, folder)
})

/** Each changes one row of the store, as no Sluice would: what the judge must find then. */
const storeChanges: readonly [what: string, faults: Partial<Record<Fault, number>>, sql: string][] = [
  ['removed', { lost: 1 }, 'DELETE FROM $t WHERE seq = $s'],
  ['doubled', { duplicate: 1 }, 'INSERT INTO $t SELECT * FROM $t WHERE seq = $s'],
  ['changed', { corrupt: 1 }, 'UPDATE $t SET value = value + 0.001 WHERE seq = $s'],
  ['moved to another time', { lost: 1, phantom: 1 }, 'UPDATE $t SET time = time + 1 WHERE seq = $s'],
  [
    'put behind the last',
    { reordered: 1 },
    'UPDATE $t SET seq = (SELECT max(seq) + 1 FROM $t) WHERE seq = $s',
  ],
]

for (const [what, faults, sql] of storeChanges) {
  test(`a row of the store that is ${what} is found`, async () => {
    const file = path.join(home, 'tampered.duckdb')
    fs.copyFileSync(path.join(folder, 'data/main.duckdb'), file)
    const instance = await DuckDBInstance.create(file)
    const connection = await instance.connect()
    const [[table] = []] = (
      await connection.runAndReadAll('SELECT id FROM chunks ORDER BY sorted_rows LIMIT 1')
    ).getRows()
    const name = `r${Number(table)}`
    const [[seq] = []] = (
      await connection.runAndReadAll(`SELECT seq FROM ${name} ORDER BY seq LIMIT 1 OFFSET 200`)
    ).getRows()
    await connection.run(sql.replaceAll('$t', name).replaceAll('$s', String(seq)))
    connection.closeSync()
    instance.closeSync()
    const finding = await judgeSink(ledger, { name: 'main', type: 'duckdb', file })
    assert.deepEqual(found(finding, what === 'put behind the last'), faults)
  })
}

/** The same for the lines of a file. */
const fileChanges: readonly [
  what: string,
  faults: Partial<Record<Fault, number>>,
  change: (lines: string[], at: number) => void,
][] = [
  ['removed', { lost: 1 }, (lines, at) => lines.splice(at, 1)],
  ['doubled', { duplicate: 1, reordered: 1 }, (lines, at) => lines.splice(at, 0, lines[at] ?? '')],
  ['changed', { corrupt: 1 }, (lines, at) => (lines[at] = lines[at]?.replace(/"value":-?/, '$&1') ?? '')],
  [
    'swapped with its neighbour',
    { reordered: 1 },
    (lines, at) => lines.splice(at, 2, lines[at + 1] ?? '', lines[at] ?? ''),
  ],
]

for (const [what, faults, change] of fileChanges) {
  test(`a line of the file that is ${what} is found`, async () => {
    const lines = fs.readFileSync(path.join(folder, 'data/copy.ndjson'), 'utf8').trimEnd().split('\n')
    change(
      lines,
      lines.findIndex(
        (line, i) => i > 200 && lines.every((other) => other === line || !isSameRecord(other, line)),
      ),
    )
    const file = path.join(home, 'tampered.ndjson')
    fs.writeFileSync(file, `${lines.join('\n')}\n`)
    assert.deepEqual(found(await judgeSink(ledger, { name: 'copy', type: 'file', file }), false), faults)
  })
}

test('a server that runs is proven over HTTP beside what it has, and its rows stay', async (t) => {
  const data = path.join(home, 'running')
  const sluice = await SluiceProcess.start({ data, httpPort: await freePort() })
  t.after(() => sluice.killTree())
  const url = `http://127.0.0.1:${sluice.httpPort}`
  for (const seed of ['1', '1']) {
    const args = ['--seconds', '0.5', '--devices', '4', '--rate', '2000', '--seed', seed, '--json']
    const { code, out, err } = await runCommand('prove', '--url', url, ...args)
    assert.equal(code, 0, out + err)
    const proven = JSON.parse(out) as ProveReport // as: what the command prints
    assert.equal(proven.sinks['main']?.stored, proven.acked)
    assert.equal(proven.sinks['main']?.reordered, undefined)
  }
  const devices = (await sluice.get('/api/v1/devices?prefix=prove-')) as { total: number }
  assert.equal(devices.total, 8, 'the second run was another one')
})

test('what cannot be done is told before anything is started', async () => {
  const complaints: readonly [args: string[], words: RegExp][] = [
    [['--faults', 'kill,meteor'], /meteor: there is no such fault.*can be had: .*kill/],
    [['--url', 'http://127.0.0.1:1', '--faults', 'kill', '--set', 'a=1'], /--faults, --set are for a server/],
    [['--qos', '3'], /Allowed choices are 1, 2, mixed/],
    [['--set', 'mqtt.prot=1'], /mqtt\.prot/],
    [['--data', folder], /is not empty/],
    [['--rate', '1', '--seconds', '5'], /less than a record for each of 20 devices/],
    [['--data', ''], /--data needs the name of a folder/],
    [['--set', 'sinks.copy.path=/tmp/elsewhere.ndjson'], /outside the data folder/],
    [['--set', 'sources.b.type=mqtt-broker'], /has no sources/],
    [['--set', 'http.port=1'], /on free ports/],
    [['--set', `data=${path.join(home, 'x')}`], /with --data/],
    [['--set', 'stores={}'], /has no store/],
    [['--data', path.join(folder, 'report.json')], /cannot be made/],
  ]
  for (const [args, words] of complaints) {
    const { code, out, err } = await runCommand('prove', ...args)
    assert.match(err, words)
    assert.equal(out, '')
    assert.equal(code, 2, err)
  }
})

test('where no server answers, that is what is said', async () => {
  const { code, out, err } = await runCommand(
    'prove',
    '--url',
    `http://127.0.0.1:${await freePort()}`,
    '--seconds',
    '1',
  )
  assert.equal(code, 1)
  assert.match(err, /no Sluice answers at/)
  assert.equal(out, '')
})

test('a server that ends by itself is told, started again, and judged by what it has acknowledged', async () => {
  const place = path.join(home, 'ended')
  const load = ['--seconds', '60', '--devices', '4', '--rate', '2000', '--json']
  const command = startCommand('prove', ...load, '--data', place)
  const lines = path.join(place, 'data/copy.ndjson')
  await reached(() => (fs.statSync(lines, { throwIfNoEntry: false })?.size ?? 0) > 50_000)
  const [pid] = processesOf(path.join(place, 'data'))
  process.kill(Number(pid), 'SIGKILL')
  const { code, out } = await command.ended
  assert.equal(code, 1)
  const { ok, violations, acked, unknown, sinks, books } = JSON.parse(out) as ProveReport // as: what the command prints
  assert.ok(!ok)
  assert.match(violations.join(), /^the server has ended by itself \(it was killed with SIGKILL\)/)
  assert.ok(acked > 0)
  const { main } = sinks
  assert.ok(main !== undefined && main.stored >= acked && main.stored <= acked + unknown)
  assert.deepEqual([main.lost, main.duplicate, books.differences], [0, 0, []])
})

test('Ctrl-C ends it and its server, and leaves nothing behind', async (t) => {
  const inside = path.join(home, 'tmp')
  fs.mkdirSync(inside)
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = inside
  t.after(() => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  })
  const command = startCommand('prove', '--seconds', '60', '--devices', '2', '--rate', '100')
  await reached(() => fs.globSync(path.join(inside, '*/data/log/*.seg')).length > 0)
  command.interrupt()
  const { code, err } = await command.ended
  assert.equal(code, 1)
  assert.match(err, /given up/)
  assert.deepEqual(
    fs.readdirSync(inside).filter((name) => name.startsWith('sluice-prove-')),
    [],
  )
  assert.deepEqual(processesOf(inside), [])
})

/** Looks now and then: what is waited for needs the processor. */
async function reached(isSo: () => boolean): Promise<void> {
  for (let look = 0; !isSo(); look++) {
    if (look > 2_000) throw new Error(`it was not so in time: ${isSo.toString()}`)
    await setTimeout(20)
  }
}

/** Running servers whose data lie below the folder. */
function processesOf(below: string): string[] {
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    const command = readProc(`/proc/${pid}/cmdline`) ?? ''
    return command.includes(below) && command.includes('--no-demo')
  })
}

/** Two lines of one record, which was sent again. */
function isSameRecord(left: string, right: string): boolean {
  const identity = /"device":.*"time":[\d.]+/
  return identity.exec(left)?.[0] === identity.exec(right)?.[0]
}

/** Faults that were found; where a number was raised, how many records look out of order depends on which came behind it. */
function found({ verdict }: SinkFinding, isManyOrderFaults: boolean): object {
  const faults = Object.entries(verdict.faults).filter(([, count]) => count > 0)
  return Object.fromEntries(
    faults.map(([fault, count]) => [fault, isManyOrderFaults && fault === 'reordered' ? 1 : count]),
  )
}
