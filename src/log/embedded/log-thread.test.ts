import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { changesOf, countingReadings, nameOf } from '../../../test/support/log-changes.ts'
import { plain, valuesOf } from '../../../test/support/log-reading.ts'
import { range } from '../../../test/support/written-log.ts'
import { type EmbeddedLog, type EmbeddedLogOptions, openEmbeddedLog } from './log.ts'

const never = new AbortController().signal

function temporaryFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-log-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return path.join(folder, 'log')
}

const open = (folder: string, options: Partial<EmbeddedLogOptions> = {}) =>
  openEmbeddedLog(folder, {
    segmentBytes: 64 << 20,
    maxBytes: 1e9,
    retentionSeconds: 86_400,
    reserveBytes: 0,
    groups: ['reader'],
    ...options,
  })

async function firstValues(log: EmbeddedLog, n: number): Promise<(number | string)[]> {
  const values: (number | string)[] = []
  const options = { from: undefined, maxRows: 1000, lingerMs: 0 }
  for await (const d of log.consume('readings', 'reader', options, never)) {
    values.push(...valuesOf([plain(d)]))
    d.ack()
    if (values.length >= n) break
  }
  return values
}

test('on a real disk and thread, what is committed is read, also after the log was closed and opened', async (t) => {
  const folder = temporaryFolder(t)
  const log = await open(folder)
  const commits = range(0, 300).map((i) =>
    log.commit(changesOf({ names: i === 0 ? [nameOf(0)] : [], readings: countingReadings(i * 10, 10) })),
  )
  assert.deepEqual(await firstValues(log, 3000), range(0, 3000))
  await Promise.all(commits)
  await log.close()
  const again = await open(folder)
  assert.equal(again.id, log.id)
  assert.deepEqual(again.start.names, [nameOf(0)])
  assert.deepEqual(await firstValues(again, 3000), range(0, 3000))
  await again.close()
})

test('columns in shared memory are taken as they are, again and again', async (t) => {
  const log = await open(temporaryFolder(t))
  const buffer = new SharedArrayBuffer(22 * 100)
  const shared = {
    time: new Float64Array(buffer, 0, 100),
    value: new Float64Array(buffer, 800, 100),
    series: new Uint32Array(buffer, 1600, 100),
    quality: new Uint8Array(buffer, 2000, 100),
    flags: new Uint8Array(buffer, 2100, 100),
  }
  for (let i = 0; i < 20; i++) {
    const length = 1 + i * 3
    for (let k = 0; k < length; k++) shared.value[k] = i * 1000 + k
    await log.commit(changesOf({ readings: { ...shared, length, text: undefined, extra: undefined } }))
  }
  const expected = range(0, 20).flatMap((i) => range(i * 1000, i * 1000 + 1 + i * 3))
  assert.deepEqual(await firstValues(log, expected.length), expected)
  await log.close()
})

test('a log over its size refuses commits, and takes them again when its reader has caught up', async (t) => {
  const log = await open(temporaryFolder(t), { maxBytes: 200_000 })
  let committed = 0
  await assert.rejects(
    async () => {
      for (;;) {
        await log.commit(changesOf({ readings: countingReadings(committed, 1000) }))
        committed += 1000
      }
    },
    { code: 'disk-full' },
  )
  assert.equal(log.status().state, 'disk-full')
  assert.deepEqual(await firstValues(log, committed), range(0, committed))
  // The thread looks twice a second.
  for (;;) {
    try {
      await log.commit(changesOf({ readings: countingReadings(committed, 1) }))
      break
    } catch (error) {
      assert.equal((error as { code: string }).code, 'disk-full')
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  assert.ok(log.status().bytes <= 250_000)
  await log.close()
})

test('a folder that cannot be used is told, and the process stays', async (t) => {
  const folder = temporaryFolder(t)
  fs.writeFileSync(folder, 'a file')
  await assert.rejects(open(folder), { name: 'SluiceError', message: /cannot be opened/ })
})

test('a folder with the name of a segment stops the start, and is named', async (t) => {
  const folder = temporaryFolder(t)
  await (await open(folder)).close()
  const inTheWay = path.join(folder, '0000000000999999-0.seg')
  fs.mkdirSync(inTheWay)
  await assert.rejects(open(folder), {
    code: 'config-invalid',
    message: `the log in ${folder} cannot be opened: ${inTheWay} is a folder where a file belongs; move it away`,
  })
  fs.rmdirSync(inTheWay)
  await (await open(folder)).close()
})
