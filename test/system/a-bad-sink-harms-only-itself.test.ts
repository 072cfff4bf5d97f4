import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { SluiceProcess } from '../support/sluice-process.ts'
import { readStatus, type SluiceStatus } from '../support/sluice-status.ts'

const settings = {
  'sinks.lines.type': 'file',
  'sinks.lines.path': 'lines.ndjson',
  'sinks.place.type': 'file',
  'sinks.place.path': 'place',
  'sinks.good.type': 'file',
  'sinks.good.path': 'good.ndjson',
}

test('sinks that cannot be opened are down with an alarm that names the file; all else runs, and they come back and stop in order', async (t) => {
  const data = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-bad-sink-'))
  const [lines, place] = [path.join(data, 'lines.ndjson'), path.join(data, 'place')]
  await fs.mkdir(place)
  await fs.writeFile(lines, '{"seq":1}\n')
  await fs.writeFile(`${lines}.position.json`, '')
  const sluice = await SluiceProcess.start({ data, settings })
  t.after(async () => {
    sluice.killTree()
    await sluice.closed
    await fs.rm(data, { recursive: true, force: true })
  })
  const until = async (isSo: (status: SluiceStatus) => boolean) => {
    for (;;) {
      const status = await readStatus(sluice)
      if (isSo(status)) return status
      await setTimeout(50)
    }
  }
  const handed = ({ sinks }: SluiceStatus, name: string) =>
    sinks.find((sink) => sink.name === name && sink.stream === 'readings')?.books.handed
  const downs = ({ alarms }: SluiceStatus) => alarms.filter(({ code }) => code === 'sink-down')

  const { status } = await fetch(`http://127.0.0.1:${sluice.httpPort}/api/v1/readings`, {
    method: 'POST',
    body: JSON.stringify({ device_id: 'd', tag_id: 'x', v: 1 }),
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(status, 202)
  const bad = await until(
    (now) => handed(now, 'main') === 1 && handed(now, 'good') === 1 && downs(now).length === 2,
  )
  const [first = '', second = ''] = downs(bad).map(({ message }) => message)
  assert.ok(first.startsWith(`lines (readings) is down: ${lines}.position.json is damaged`), first)
  assert.ok(second.startsWith('place (readings) is down: ') && second.includes(place), second)
  const health = await fetch(`http://127.0.0.1:${sluice.httpPort}/health`)
  assert.equal(health.status, 503)
  assert.match(sluice.output, /"sink":"lines".*position\.json is damaged/)

  await fs.rm(lines)
  await fs.rm(`${lines}.position.json`)
  const mended = await until((now) => handed(now, 'lines') === 1)
  assert.equal(downs(mended).length, 1)
  assert.equal((await fs.readFile(lines, 'utf8')).trim().split('\n').length, 1)

  // One of them waits still for its next try.
  const { code } = await sluice.stop()
  assert.equal(code, 0, sluice.output)
})
