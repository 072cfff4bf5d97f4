import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { killInCommit } from '../../src/prove/kill-in-commit.ts'
import { openKeptRun, textsOf } from '../support/kept-run.ts'
import { reached } from '../support/prove-run.ts'
import { RawMqttClient } from '../support/raw-mqtt-client.ts'
import { SessionRun } from '../support/session-run.ts'
import type { SluiceProcess } from '../support/sluice-process.ts'

// Plain MQTT, no ingest topic: what the gateway keeps for its clients, and the program killed again and again.

const kills = Number(process.env['SLUICE_KILLS'] ?? 6)
const seed = process.env['SLUICE_SEED'] === undefined ? undefined : Number(process.env['SLUICE_SEED'])

test(`${kills} × kill -9 between publishers and subscribers lose nothing that was acknowledged`, {
  timeout: 60_000 + kills * 15_000,
}, async (t) => {
  const run = await SessionRun.create(seed)
  t.diagnostic(`seed ${run.seed}`)
  const retained = new Map<string, string>()
  let inCommit = 0
  let sluice = await run.start()
  try {
    await run.begin()
    for (let kill = 0; kill < kills; kill++) {
      await retain(run, retained, kill)
      const torn = await withWill(run, `${kill}/torn`, kill)
      await sayGoodbye(run, `${kill}/polite`)
      const { acked } = run
      await reached(
        () => run.faults.length > 0 || run.acked > acked + 500,
        30_000,
        () => `the load runs; ${sluice.output}`,
      )
      assert.deepEqual(run.faults, [])
      await setTimeout(run.random() * 200)

      const { tree } = sluice
      ;(await subscribeLate(run, kill)).destroy()
      if (kill % 2 === 1) sluice.killTree(tree)
      else if (await killInCommit(run.data, 'log', tree)) inCommit++
      await sluice.closed
      torn.destroy()
      sluice = await run.start()
      assert.deepEqual(await retainedNow(run), new Map(retained), 'what is retained')
      await getLate(run, kill)
    }
    await run.settle(() => sluice.output)
    await judgeWills(run)
    await nothingIsLeft(run, sluice)
    const { watchers, acked } = run
    const sum = (of: (watcher: (typeof watchers)[number]) => number) =>
      watchers.reduce((total, watcher) => total + of(watcher), 0)
    t.diagnostic(
      `${acked} messages acknowledged, ${sum(({ check }) => check.deliveries)} delivered to ${watchers.length} subscribers over ` +
        `${sum(({ subscriber }) => subscriber.connections)} connections, ${sum(({ check }) => check.repeats)} of them again at QoS 1, ` +
        `${sum(({ subscriber }) => subscriber.repeats)} packets of QoS 2 again; ${inCommit} of ${kills} kills in a commit`,
    )
  } catch (error) {
    throw new Error(`seed ${run.seed}; data is kept in ${run.data}`, { cause: error })
  } finally {
    run.close()
    sluice.killTree()
  }
  fs.rmSync(run.data, { recursive: true })
  assert.ok(inCommit > 0, 'no kill fell into a commit: this run proves nothing')
})

/** One retained message more, one with another payload, and one less than before. */
async function retain(run: SessionRun, retained: Map<string, string>, round: number): Promise<void> {
  using client = await RawMqttClient.connect(run.mqttPort, round % 2 === 0 ? 4 : 5)
  const set = async (topic: string, payload: string, qos: 1 | 2) => {
    await client.say(topic, payload, qos, { retain: true })
    if (payload === '') retained.delete(topic)
    else retained.set(topic, payload)
  }
  await set(`kept/${round}`, `of ${round}`, 2)
  await set('kept/last', `${round}`, 1)
  if (round > 0) await set(`kept/${round - 1}`, '', round % 2 === 0 ? 1 : 2)
}

async function retainedNow(run: SessionRun): Promise<Map<string, string>> {
  using client = await RawMqttClient.connect(run.mqttPort)
  client.answers = true
  await client.subscribe(['kept/#'])
  client.write(client.publish('kept/marker', 'marker', 1))
  const messages = await client.messagesUntil('marker')
  return new Map(messages.map(({ topic, payload }) => [topic, payload.toString()]))
}

/** A client that has its SUBACK, and a session that is kept. */
async function subscribeLate(run: SessionRun, round: number): Promise<RawMqttClient> {
  const client = await comeLate(run, round)
  assert.deepEqual(await client.subscribe([`late/${round}`]), [2])
  return client
}

/** What it has subscribed to comes to it. */
async function getLate(run: SessionRun, round: number): Promise<void> {
  using publisher = await RawMqttClient.connect(run.mqttPort)
  await publisher.say(`late/${round}`, 'for the latest', 2)
  using client = await comeLate(run, round)
  assert.equal(client.connack?.sessionPresent, true, 'the session of a client that had its SUBACK')
  await client.subscribe(['marker'])
  await publisher.say('marker', 'marker', 2)
  const messages = await client.messagesUntil('marker')
  assert.deepEqual(
    messages.map(({ payload }) => payload.toString()),
    ['for the latest'],
  )
  using _ended = await RawMqttClient.connect(run.mqttPort, 5, { clientId: `late-${round}`, clean: true })
}

function comeLate({ mqttPort }: SessionRun, round: number): Promise<RawMqttClient> {
  const connect = { clientId: `late-${round}`, clean: false }
  if (round % 2 === 0) return RawMqttClient.connect(mqttPort, 4, connect)
  return RawMqttClient.connect(mqttPort, 5, { ...connect, properties: { sessionExpiryInterval: 3600 } })
}

/** A client whose will is to be published, in turn with a session that outlives it and with one that does not. */
function withWill(run: SessionRun, name: string, round: number): Promise<RawMqttClient> {
  const will = { topic: `wills/${name}`, payload: Buffer.from('gone'), qos: 2 as const, retain: false }
  const kept = round % 2 === 0 ? {} : { properties: { sessionExpiryInterval: 3600 } }
  return RawMqttClient.connect(run.mqttPort, 5, { clientId: `will-${round}`, will, ...kept })
}

/** A client that takes its will back, and that this is on disk. */
async function sayGoodbye(run: SessionRun, name: string): Promise<void> {
  const client = await withWill(run, name, 1_000)
  await client.leave()
  using other = await RawMqttClient.connect(run.mqttPort)
  await other.say('elsewhere', 'after it', 1)
}

/** Every will of a client that was killed away came, at QoS 2 once, and no other. */
async function judgeWills(run: SessionRun): Promise<void> {
  const expected = Array.from({ length: kills }, (_, round) => `wills/${round}/torn gone`).toSorted()
  for (const { wills, qos } of run.watchers) {
    await reached(
      () => new Set(wills).size >= kills,
      10_000,
      () => `the wills come: ${wills.join(', ')}`,
    )
    assert.deepEqual((qos === 2 ? wills : [...new Set(wills)]).toSorted(), expected)
  }
}

/** When all have what they wanted and gave up their sessions, nothing stays but what is retained. */
async function nothingIsLeft(run: SessionRun, sluice: SluiceProcess): Promise<void> {
  const left = async () => {
    const { mqtt } = (await sluice.get('/status')) as { mqtt: Record<string, number> } // as: the program's own answer
    return { queued: mqtt['queuedMessages'], dropped: mqtt['queueDropped'] }
  }
  const end = performance.now() + 10_000
  while ((await left()).queued !== 0 && performance.now() < end) await setTimeout(50)
  assert.deepEqual(await left(), { queued: 0, dropped: 0 })
  for (const { subscriber } of run.watchers) await subscriber.end()
  for (let round = 1; round < kills; round += 2) await forget(run, `will-${round}`)
  await forget(run, 'will-1000')
  const { code, signal } = await sluice.stop()
  assert.equal(code, 0, `it ended with ${code ?? signal}:\n${sluice.output}`)

  const { kept, ...opened } = await openKeptRun(run.data)
  const messages = Object.keys(textsOf(kept.messages))
  const keys = Object.keys(textsOf(kept.state))
  const sizes = [...kept.state.entries('')].map(([, value]) => value.length)
  await opened.stop()
  assert.deepEqual(messages, [])
  // A publisher of 3.1.1 cannot give up its session when it goes.
  assert.equal(keys.filter((key) => key.startsWith('mqtt/session/')).length, 1, 'sessions that are left')
  assert.deepEqual(
    keys.filter((key) => key.startsWith('mqtt/retained/')),
    [`mqtt/retained/kept/${kills - 1}`, 'mqtt/retained/kept/last'],
  )
  assert.ok(Math.max(...sizes) < 1_000, `values of ${sizes.join(', ')} bytes are left`)
}

/** Ends the session of a client. */
async function forget(run: SessionRun, clientId: string): Promise<void> {
  using _client = await RawMqttClient.connect(run.mqttPort, 5, { clientId, clean: true })
}
