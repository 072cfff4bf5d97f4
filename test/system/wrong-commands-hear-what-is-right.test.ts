import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { runCommand, startCommand } from '../support/run-command.ts'
import { freePort } from '../../src/prove/free-port.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { drained } from '../support/sluice-status.ts'

let folder: string
let sluice: SluiceProcess
let url: string

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-commands-'))
  sluice = await SluiceProcess.start({ data: path.join(folder, 'data') })
  url = `http://127.0.0.1:${sluice.httpPort}`
  await post('{"device":"pump1","time":"2024-01-15T10:30:00Z","temperature":25.5,"pressure":1}')
  await drained(sluice, { rows: 2, timeoutMs: 20_000 })
})
after(async () => {
  await sluice.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

async function post(body: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  assert.equal((await fetch(`${url}/api/v1/readings`, { method: 'POST', headers, body })).status, 202)
}

const noAddresses = ['127.0.0.1:8080', 'nonsense', 'ftp://127.0.0.1', 'http://']

test('a wrong command is exit code 2, and says what would be right', async () => {
  const wrong: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [[], /^Usage: sluice/],
    [['nonsense'], /unknown command 'nonsense'/],
    [['query', '--nonsense'], /unknown option '--nonsense'/],
    [['export'], /missing required argument 'device'/],
    [['check', '--set', 'http.port=x'], /http\.port .*expected a number, got "x"/],
    [['up', '--set', 'http.prot=1'], /http\.prot .*did you mean port\?/],
    ...noAddresses.map(
      (address) => [['query', '--url', address], /an address such as http:\/\/127/] as const,
    ),
    [['simulate', '--url', '127.0.0.1:1883'], /an address such as mqtt:\/\/127/],
    [['simulate', '--trackers', '0'], /--trackers/],
    [
      ['simulate', '--plcs', '1', '--amplitude', '2'],
      /--amplitude is for accelerometers, and there are none/,
    ],
    [['simulate', '--preset', 'foo'], /no preset foo; there are: hivepulse/],
    [['simulate', '--prefix', 'a+b'], /without spaces, \+/],
    [['log', 'inspect', '--data', folder], /there is no log in .*--data/],
    [['log', 'inspect', '--data', import.meta.filename], /there is no log in .*--data/],
    [['log', 'verify', '--data', folder], /there is no log in .*--data/],
    [['log', 'repair', '--data', folder], /there is no log in .*--data/],
    [['log', 'export', '--data', folder], /there is no log in .*--data/],
    [
      ['log', 'export', '--data', folder, '--from', 'monday'],
      /--from monday: expected a number of the log, or a time/,
    ],
    [['replay', '--into', 'x', '--data', import.meta.filename], /there is no log in /],
    [
      ['tail', '--devices', '', '--url', url],
      /^sluice: devices: expected a name or a pattern such as pump-\*/,
    ],
    [['replay', '--into', '../x', '--data', folder], /--into \.\.\/x: expected a name/],
    [['query', '--metric', 'm', '--from', '-1h', '--url', url], /--metric, --from need a device, such as/],
    [['query', 'pump1', '--from', 'x', '--url', url], /^sluice: from: expected ms since 1970.*got "x"\n$/],
    [
      ['query', 'pump1', '--from', 'x', '--limit', '0', '--url', url],
      /^sluice: 2 parameters are wrong:\n {2}from: .*\n {2}limit: .*\n$/,
    ],
    [['export', 'pump1', '--format', 'xml', '--url', url], /Allowed choices are csv, parquet/],
  ]
  for (const [args, said] of wrong) {
    const { code, out, err } = await runCommand(...args)
    assert.match(err, said, args.join(' '))
    assert.deepEqual([code, out], [2, ''], args.join(' '))
  }
})

test('nobody at the address is exit code 1, and names the address and what to do', async () => {
  const port = await freePort()
  const web = `http://127.0.0.1:${port}`
  for (const args of [
    ['query', '--url', web],
    ['tail', '--url', web],
    ['demo', 'clear', '--url', web],
    ['simulate', '--duration', '1', '--url', web],
    ['simulate', '--duration', '1', '--url', `mqtt://127.0.0.1:${port}`],
    // A preset keeps its own devices beside those that are named.
    [
      'simulate',
      '--preset',
      'hivepulse',
      '--plcs',
      '0',
      '--duration',
      '1',
      '--url',
      `mqtt://127.0.0.1:${port}`,
    ],
    // Somebody, who speaks something else.
    ['simulate', '--duration', '1', '--url', `mqtt://127.0.0.1:${sluice.httpPort}`],
    ['query', '--url', `http://127.0.0.1:${sluice.mqttPort}`],
  ]) {
    const { code, out, err } = await runCommand(...args)
    const address = args.at(-1) ?? ''
    assert.ok(err.startsWith(`sluice: no Sluice answers at ${address} (`), err)
    assert.match(err, /is it running\? Name another with --url\n$/)
    assert.deepEqual([code, out], [1, ''], args.join(' '))
  }
})

test('an empty answer says whether it is the device, the metric or the range', async () => {
  const file = path.join(folder, 'kept.csv')
  fs.writeFileSync(file, 'kept')
  for (const [args, code, said] of [
    [['query', 'pump2'], 1, /nothing is stored of a device pump2; "sluice query" alone lists/],
    [
      ['query', 'pump1', '--metric', 'rpm'],
      1,
      /device pump1 has no metric rpm; it has pressure, temperature\n/,
    ],
    [
      ['query', 'pump1'],
      0,
      /^no reading in this range; those of pump1 lie from 2024-01-15T10:30:00\.000Z to /,
    ],
    [['query', 'pump1', '--step', '1m'], 0, /^no reading in this range/],
    [['export', 'pump1', '--out', folder], 1, /^sluice: the export to .* cannot be written: EISDIR/],
    [['export', 'pump2', '--out', file], 1, /nothing is stored of a device pump2/],
  ] as const) {
    const end = await runCommand(...args, '--url', url)
    assert.match(end.err, said, args.join(' '))
    assert.deepEqual([end.code, end.out], [code, ''], args.join(' '))
  }
  assert.equal(fs.readFileSync(file, 'utf8'), 'kept')
})

test('what is there is exit code 0, and standard output holds nothing else', async () => {
  const all = await runCommand('query', '--url', url, '--limit', '1')
  assert.match(all.out, /^DEVICE +METRIC .*\npump1 +pressure +1 .*\n$/)
  assert.deepEqual([all.code, all.err], [0, 'there are more: raise --limit\n'])
  const some = await runCommand(
    'query',
    'pump1',
    '--metric',
    'temperature',
    '--from',
    '0',
    '--json',
    '--url',
    url,
  )
  assert.equal((JSON.parse(some.out) as { rows: unknown[] }).rows.length, 1) // as: its documented shape
  assert.deepEqual([some.code, some.err], [0, ''])
  const exported = await runCommand('export', 'pump1', '--url', url)
  assert.deepEqual([exported.code, exported.out.trim().split('\n').length], [0, 3])
  assert.deepEqual((await runCommand('--help')).code, 0)
  assert.match((await runCommand('--version')).out, /^\d+\.\d+\.\d+\n$/)
})

test('check shows what up would do: its data folder, and the demo fleet kept for a day', async () => {
  const plain = await runCommand('check', '--data', '/somewhere')
  assert.match(plain.out, /^data: \/somewhere$/m)
  assert.doesNotMatch(plain.out, /demo-/)
  const demo = await runCommand('check', '--demo')
  assert.match(demo.out, /readings:\n +- devices: demo-\*\n +keepDays: 1\n/)
})

// Last: it ends the program.
test('tail ends with exit code 1 when Sluice does, and says so', async () => {
  const tail = startCommand('tail', '--url', url)
  for (; tail.out === ''; await setTimeout(20)) await post('{"device":"live","n":1}')
  await sluice.stop()
  const { code, err } = await tail.ended
  assert.match(err, /^sluice: Sluice closed the connection \(/)
  assert.equal(code, 1)
})
