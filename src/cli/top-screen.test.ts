import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import test from 'node:test'
import { Screen, type Terminal } from './top-screen.ts'
import { type TopAnswer, topTables } from './top-table.ts'

const named = (name: string, messagesPerSecond: number, bytesPerSecond: number) => ({
  ...{ name, messagesPerSecond, bytesPerSecond },
})

const answer: TopAnswer = {
  seconds: 1,
  rowsPerSecond: 1234.5,
  lagSeconds: 0.2,
  isSampled: false,
  sources: [
    { name: 'mqtt', state: 'open', acceptedPerSecond: 1000, deadLetteredPerSecond: 1, refusedPerSecond: 0 },
  ],
  clients: [named('a\x1b[2J\n', 5, 900), named('b', 9, 50)],
  topics: Array.from({ length: 50 }, (_, i) => named(`topic-${i}`, 100 - i, i)),
  sinks: [{ name: 'main', stream: 'readings', state: 'running', backlog: 17, rowsPerSecond: 1230 }],
  slowClients: [
    {
      ...{ clientId: 'sleepy', address: '127.0.0.1', waitingBytes: 4096 },
      ...{ unacknowledged: 23, queuedBytes: 7654, stalledMs: 812.4 },
    },
  ],
  live: { clients: 2, subscriptions: 3 },
  connections: 7,
}

test('the tables show every flow, sorted as asked, with nothing that a terminal obeys', () => {
  const text = topTables(answer, 'rate')
  for (const part of [
    '1234.5 rows/s',
    'mqtt',
    'main',
    '17',
    'topic-49',
    'sleepy',
    '4096',
    '23',
    '7654',
    '812',
  ])
    assert.ok(text.includes(part), part)
  assert.doesNotMatch(text, /(?!\n)\p{Cc}/u)
  assert.ok(text.indexOf('\nb ') < text.indexOf('\na\\u001b'), text)
  const byBytes = topTables(answer, 'bytes')
  assert.ok(byBytes.indexOf('\na\\u001b') < byBytes.indexOf('\nb '))
})

test('a low screen shows something of every table', () => {
  const lines = topTables(answer, 'rate', 24).split('\n')
  assert.ok(lines.length <= 24, `${lines.length} lines`)
  for (const header of ['SOURCE', 'SINK', 'CLIENT', 'TOPIC', 'SLOW CLIENT'])
    assert.ok(
      lines.some((line) => line.startsWith(header)),
      header,
    )
  assert.ok(lines.some((line) => line.startsWith('topic-0')))
})

test('s sorts by the next column, q leaves, and the terminal is given back as it was', () => {
  const input = Object.assign(new EventEmitter(), {
    isTTY: true,
    isRaw: false,
    isPaused: false,
    setRawMode(isRaw: boolean) {
      input.isRaw = isRaw
    },
    pause() {
      input.isPaused = true
    },
  })
  let written = ''
  const output = Object.assign(new EventEmitter(), {
    rows: 30,
    write(text: string) {
      written += text
      return true
    },
  })
  let leaves = 0
  // as: it needs no more of the streams than these stand for.
  const screen = new Screen({ input, output } as unknown as Terminal, 'rate', () => leaves++)
  assert.equal(input.isRaw, true)
  screen.show(answer)
  const shown = () => written.slice(written.lastIndexOf('\x1b[H'))
  assert.match(shown(), /sorted by rate/)
  input.emit('data', Buffer.from('s'))
  assert.match(shown(), /sorted by bytes/)
  output.rows = 12
  output.emit('resize')
  assert.ok(shown().split('\r\n').length <= 12)
  assert.equal(leaves, 0)
  input.emit('data', Buffer.from('q'))
  input.emit('data', Buffer.from('\x03'))
  assert.equal(leaves, 2)
  screen.close()
  assert.deepEqual([input.isRaw, input.isPaused], [false, true])
  assert.ok(written.startsWith('\x1b[?1049h') && written.endsWith('\x1b[?1049l'))
  assert.equal(input.listenerCount('data') + output.listenerCount('resize'), 0)
})
