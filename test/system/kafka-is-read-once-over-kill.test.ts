import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { KafkaTopic } from '../support/kafka-topic.ts'
import { needs, serverVariable } from '../support/needs.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { readStatus } from '../support/sluice-status.ts'
import { countReadings } from '../support/stored-readings.ts'

const kills = 4

/** Trackers: four rows each, told apart by their number alone, so that a record which is read twice shows. */
const tracker = (i: number) =>
  JSON.stringify({
    id: `t${i % 20}`,
    latitude: i,
    longitude: i,
    altitude: i,
    battery: 50,
    timestamp: 1_700_000_000,
  })

test('records of Kafka are in the store once, though Sluice is killed while it reads them', {
  skip: needs('kafka'),
}, async (t) => {
  const data = mkdtempSync(path.join(tmpdir(), 'sluice-kafka-'))
  await using topic = await KafkaTopic.create(serverVariable('kafka', 'TEST_KAFKA'), 12)
  const settings = {
    'sources.plant.type': 'kafka',
    'sources.plant.brokers': `["${serverVariable('kafka', 'TEST_KAFKA')}"]`,
    'sources.plant.topics': `["${topic.name}"]`,
    'sources.plant.group': topic.name,
    // A member that was killed keeps its partitions for this long.
    'sources.plant.sessionTimeoutMs': '2000',
    // Small steps, so that kills fall between commits.
    'sources.plant.fetchBytes': '16384',
  }
  let sluice = await SluiceProcess.start({ data, settings })
  t.after(() => sluice.killTree())
  let sent = 0
  let isSending = true
  const sending = (async () => {
    while (isSending) {
      await topic.send(Array.from({ length: 200 }, () => ({ value: tracker(sent++) })))
      await delay(5)
    }
  })()
  const rows = async () => (await readStatus(sluice)).log.rows['readings'] ?? 0
  for (let kill = 0; kill < kills; kill++) {
    const before = await rows()
    // Some before Kafka has heard of anything, some behind offsets that it has.
    while (kill % 2 === 1 && (await acknowledged(sluice)) === 0) await delay(20)
    while ((await rows()) < before + 2_000) await delay(20)
    sluice.killTree()
    await sluice.closed
    sluice = await SluiceProcess.start({ data, settings })
  }
  isSending = false
  await sending
  const records = (await topic.ends()).reduce((sum, end) => sum + end, 0)
  while ((await rows()) < 4 * records) await delay(20)
  while ((await storedRows(sluice)) < 4 * records) await delay(20)
  const { alarms } = await readStatus(sluice)
  assert.deepEqual(alarms, [])
  assert.equal((await sluice.stop()).code, 0)
  assert.equal(
    (await topic.committed(topic.name)).reduce((sum, offset) => sum + offset, 0),
    records,
  )
  assert.equal(await countReadings(data), 4 * records)
  rmSync(data, { recursive: true })
})

/** Rows that the store has. */
async function storedRows(sluice: SluiceProcess): Promise<number> {
  const { sinks } = await readStatus(sluice)
  return sinks.find((sink) => sink.stream === 'readings')?.books.stored ?? 0
}

/** Records that Kafka has been told are safe. */
async function acknowledged(sluice: SluiceProcess): Promise<number> {
  // as: the program's own answer
  const { sources } = (await sluice.get('/status')) as { sources: readonly { acknowledged: number }[] }
  return sources[0]?.acknowledged ?? 0
}
