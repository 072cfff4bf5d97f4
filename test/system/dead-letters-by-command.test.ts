import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import mqtt from 'mqtt'
import { runCommand } from '../support/run-command.ts'
import { SluiceHttp } from '../support/sluice-http.ts'

const hostile = '\x1b]0;owned\x07\u202e'
const obeyed = /(?!\n)[\p{Cc}\u2028-\u202e\u2066-\u2069]/u

test('letters are listed, shown, exported, corrected, replayed and discarded by command', async (t) => {
  const running = await SluiceHttp.start(t)
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${running.sluice.mqttPort}`)
  t.after(() => client.end(true))
  const letters = async (...args: string[]) => {
    const end = await runCommand('dead-letters', ...args, '--url', running.url)
    return { ...end, lines: end.out.split('\n').filter((line) => line !== '') }
  }
  const none = await letters('list')
  assert.deepEqual([none.code, none.out, none.err], [0, '', 'no letter fits\n'])

  for (let i = 0; i < 4; i++) await client.publishAsync(`dev/a/m${i}`, `{"v":${i},"q":1000}`, { qos: 1 })
  await client.publishAsync(`dev/b/m`, `no${hostile}`, { qos: 1 })
  await client.publishAsync(`dev/c/m`, Buffer.from([0xff, 0]), { qos: 1 })
  await running.drained()

  const list = await letters('list', '--limit', '3')
  assert.equal(list.lines.length, 4)
  assert.match(list.lines[0] ?? '', /^ID +TIME +CODE +SOURCE +DEVICE OR TOPIC +REASON$/)
  assert.match(list.err, /there are more/)
  const ofA = await letters('list', '--device', 'a', '--json')
  const [newest] = ofA.lines.map((line) => JSON.parse(line) as { id: string; text: string })
  assert.deepEqual([ofA.lines.length, newest?.text], [4, '{"v":3,"q":1000}'])
  const [b] = (await letters('list', '--device', 'b', '--json')).lines
  const word = JSON.parse(b ?? '') as { id: string; text: string }
  assert.equal(word.text, `no${hostile}`)
  const shown = await letters('show', word.id)
  assert.doesNotMatch(shown.out, obeyed)
  assert.match(shown.out, /^device {5}b$/m)
  assert.match(shown.out, /^no\\u001b\]0;owned/m)
  assert.equal((await letters('show', word.id, '--bytes')).out, `no${hostile}`)
  const missing = await letters('show', '999999')
  assert.deepEqual([missing.code, missing.err], [1, 'sluice: there is no letter 999999\nCheck the name.\n'])

  const file = path.join(running.data, 'letters.ndjson')
  assert.equal((await letters('export', '--out', file)).code, 0)
  const exported = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
  assert.deepEqual(
    exported.map((line) => (JSON.parse(line) as { device: string }).device),
    ['a', 'a', 'a', 'a', 'b', 'c'],
  )

  const failed = await letters('replay', word.id, '--text', '{"v":[]}')
  assert.equal(failed.code, 2)
  assert.match(failed.err, /^sluice: v: /)
  const fixed = await letters('replay', word.id, '--text', '{"v":7}')
  assert.deepEqual([fixed.code, fixed.out], [0, `replayed letter ${word.id}: 1 row\n`])
  fs.writeFileSync(file, '{"v":8}')
  const byFile = await letters('replay', newest?.id ?? '', '--file', file, '--topic', 'dev/other/m')
  assert.deepEqual([byFile.code, byFile.out], [0, `replayed letter ${newest?.id}: 1 row\n`])
  const many = await letters('replay', '--device', 'a')
  assert.deepEqual([many.code, many.out], [1, 'replayed 0 letters: 0 rows; 3 failed again and stay\n'])
  assert.equal(many.err.split('\n').length, 4)
  const nothing = await letters('replay', '--device', 'nobody', '--yes')
  assert.equal(nothing.code, 0)

  const wrongs = [
    [['replay'], /say which letters are meant/],
    [['replay', '--device', 'a', '--text', '1'], /correct one letter/],
    [['replay', '5', '--device', 'a'], /--device: an id means one letter/],
    [['replay', '5', '--text', '1', '--file', file], /not both/],
    [['list', '--code', 'nonsense'], /code: expected one of /],
    [['show', 'x'], /id: expected the id of a letter/],
  ] as const
  const told = await Promise.all(wrongs.map(([args]) => letters(...args)))
  for (const [i, { code, err }] of told.entries()) {
    assert.equal(code, 2, err)
    assert.match(err, wrongs[i]?.[1] ?? /never/)
  }
  const [c] = (await letters('list', '--device', 'c', '--json')).lines
  const { id } = JSON.parse(c ?? '') as { id: string }
  assert.match((await letters('discard', id)).out, /^discarded 1 letter of \d+ bytes\n$/)
  assert.match((await letters('discard', '--to', 'now')).out, /^discarded 3 letters of \d+ bytes\n$/)
  assert.equal((await letters('list')).out, '')
  await running.drained()
  assert.deepEqual(
    (await running.rows('other')).map(({ value }) => value),
    [8],
  )
})
