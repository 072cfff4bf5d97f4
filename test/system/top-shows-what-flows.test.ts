import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { TopAnswer } from '../../src/cli/top-table.ts'
import { RawMqttClient } from '../support/raw-mqtt-client.ts'
import { runCommand, startCommand } from '../support/run-command.ts'
import { SluiceProcess } from '../support/sluice-process.ts'

const hostile = 'busy\x1b[2J'

test('top tells who sends what where, and tail the messages of a topic', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-top-'))
  const sluice = await SluiceProcess.start({ data: path.join(folder, 'data') })
  const url = `http://127.0.0.1:${sluice.httpPort}`
  const busy = await RawMqttClient.connect(sluice.mqttPort, 5, { clientId: hostile })
  const calm = await RawMqttClient.connect(sluice.mqttPort, 4, { clientId: 'calm' })
  let isOver = false
  let sent = 0
  const sending = (async () => {
    for (; !isOver; sent++) {
      busy.write(busy.publish(`dev/pump/m${sent % 3}`, String(sent), (sent % 65_535) + 1))
      await busy.acknowledged(1)
      if (sent % 10 === 0) calm.write(calm.publish('plain/greeting\x1b', `hello ${sent}`))
      await setTimeout(2)
    }
  })()
  t.after(async () => {
    isOver = true
    await sending
    busy.destroy()
    calm.destroy()
    await sluice.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  })

  // Its store takes a moment to open.
  for (let rate = 0; rate === 0; ) {
    const { sinks } = (await sluice.get('/api/v1/top')) as TopAnswer
    rate = sinks.find(({ stream }) => stream === 'readings')?.rowsPerSecond ?? 0
  }
  const json = await runCommand('top', '--once', '--json', '--url', url)
  assert.equal(json.code, 0, json.err)
  const answer = JSON.parse(json.out) as TopAnswer
  assert.ok(answer.seconds >= 0.9)
  assert.deepEqual(
    answer.clients.map(({ name }) => name),
    [hostile, 'calm'],
  )
  assert.equal(answer.isSampled, false)
  assert.deepEqual(answer.topics.map(({ name }) => name).sort(), [
    'dev/pump/m0',
    'dev/pump/m1',
    'dev/pump/m2',
    'plain/greeting\x1b',
  ])
  const rates = answer.clients.map(({ messagesPerSecond }) => messagesPerSecond)
  const mqtt = answer.sources.find(({ name }) => name === 'mqtt')
  assert.ok((rates[0] ?? 0) > (rates[1] ?? 0) && (rates[1] ?? 0) > 0, String(rates))
  assert.ok((mqtt?.acceptedPerSecond ?? 0) > 0 && answer.rowsPerSecond > 0, json.out)
  assert.equal(answer.connections, 2)

  const plain = await runCommand('top', '--once', '--url', url)
  assert.match(plain.out, /SOURCE.*\n(.*\n)*.*mqtt(.*\n)*SINK.*\n(.*\n)*CLIENT.*\n(.*\n)*TOPIC/)
  assert.match(plain.out, /busy\\u001b\[2J/)
  assert.doesNotMatch(plain.out, /(?!\n)\p{Cc}/u)

  const screens = startCommand('top', '--url', url)
  for (; screens.out.split('rows/s').length < 3; ) await setTimeout(50)
  screens.interrupt()
  assert.equal((await screens.ended).code, 0)

  for (const more of [[], ['--json']]) {
    const tail = startCommand('tail', '--topic', 'plain/#', ...more, '--url', url)
    for (; tail.out === ''; ) await setTimeout(50)
    tail.interrupt()
    const { out, code, err } = await tail.ended
    assert.equal(code, 0, err)
    const line = out.split('\n')[0] ?? ''
    if (more.length === 0) assert.match(line, /Z {2}plain\/greeting\\u001b {2}hello \d+$/)
    else assert.equal((JSON.parse(line) as { topic: string }).topic, 'plain/greeting\x1b')
  }
  const wrong = await runCommand('tail', '--topic', 'a#', '--url', url)
  assert.equal(wrong.code, 2, wrong.err)
  assert.match(wrong.err, /filter/)
})

test('top measures for as long as it is asked to, and only for a few at a time', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-top-'))
  const sluice = await SluiceProcess.start({ data: path.join(folder, 'data') })
  t.after(async () => {
    await sluice.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${sluice.httpPort}/api/v1/top`
  const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(url)))
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 200, 200, 200, 503, 503],
  )
  assert.equal((await fetch(url)).status, 200)
  for (const query of ['seconds=0', 'seconds=11', 'limit=101', 'minutes=1'])
    assert.equal((await fetch(`${url}?${query}`)).status, 400, query)
})
