import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { puback, pubcomp, pubrec, startMqttServer } from '../../test/support/mqtt-server.ts'
import { Fleet } from './fleet.ts'
import { Ledger } from './ledger.ts'
import { type Plan, plannedRecord } from './plan.ts'

const plan: Plan = { seed: 7, devices: 2, metrics: 3 }

test('records arrive in order, as planned, and the ledger has every answer', async () => {
  const sequences = new Map<string, number>()
  await using server = await startMqttServer(({ packet, protocolVersion }) => {
    const [, device = '', metric] = packet.topic.split('/')
    const sequence = sequences.get(device) ?? 0
    sequences.set(device, sequence + 1)
    const record = plannedRecord(plan, { device: Number(device.slice(6)), epoch: 0, sequence })
    const json = JSON.parse(packet.payload.toString()) as { v: number; ts: number } // as: checked by the comparison
    assert.deepEqual({ device, metric, time: json.ts * 1000, value: json.v }, record)
    return puback(packet.messageId, 0, protocolVersion)
  })
  const { ledger, fleet } = startFleet(server.port)
  await reached(() => fleet.acked > 5_000)
  await fleet.finish(AbortSignal.timeout(5_000))
  const totals = ledger.totals()
  assert.deepEqual(fleet.violations, [])
  assert.deepEqual(totals, {
    records: server.received(),
    acked: server.received(),
    refused: 0,
    unknown: 0,
    sends: server.received(),
  })
})

test('what was unanswered when a connection was lost is sent again, in order and unchanged, before anything new', async () => {
  const first: string[] = []
  const second: string[] = []
  await using server = await startMqttServer(({ packet, count, protocolVersion }) => {
    const seen = `${packet.topic} ${packet.payload.toString()}`
    if (count <= 50) {
      first.push(seen)
      if (count === 50) return 'close'
      return count <= 20 ? puback(packet.messageId, 0, protocolVersion) : undefined
    }
    second.push(`${packet.dup ? 'dup ' : ''}${seen}`)
    return puback(packet.messageId, 0, protocolVersion)
  })
  const { ledger, fleet } = startFleet(server.port, { ...plan, devices: 1 }, 40)
  await reached(() => fleet.acked > 200)
  await fleet.finish(AbortSignal.timeout(5_000))
  // Records 0 to 19 had their answer; 20 to 59 may have been on the wire.
  assert.deepEqual(
    second.slice(0, 30),
    first.slice(20).map((seen) => `dup ${seen}`),
  )
  assert.equal(fleet.connections, 2)
  const totals = ledger.totals()
  assert.equal(totals.unknown, 0)
  assert.equal(totals.acked, totals.records)
  assert.ok(totals.sends > totals.records)
})

test('a record that is refused is gone: it is written down and not sent again', async () => {
  await using server = await startMqttServer(({ packet, count, protocolVersion }) =>
    puback(packet.messageId, protocolVersion === 5 && count % 10 === 0 ? 0x97 : 0, protocolVersion),
  )
  const { ledger, fleet } = startFleet(server.port)
  await reached(() => fleet.refused > 20)
  await fleet.finish(AbortSignal.timeout(5_000))
  const totals = ledger.totals()
  assert.equal(totals.refused, fleet.refused)
  assert.equal(totals.acked + totals.refused, totals.records)
  assert.equal(totals.sends, totals.records)
})

test('an answer that nobody waits for is a violation', async () => {
  await using server = await startMqttServer(({ packet, count, protocolVersion }) =>
    puback(count === 30 ? 65_000 : packet.messageId, 0, protocolVersion),
  )
  const { fleet } = startFleet(server.port, { ...plan, devices: 1 })
  await reached(() => fleet.violations.length > 0)
  assert.deepEqual(fleet.violations, ['prove-0: puback 65000 that nobody waits for'])
  fleet.close()
})

test('a server that answers nothing leaves a full window unknown, and finishing says so', async () => {
  await using server = await startMqttServer(() => undefined)
  const { ledger, fleet } = startFleet(server.port)
  await reached(() => server.received() === 80)
  await assert.rejects(fleet.finish(AbortSignal.timeout(50)), /80 records are still unanswered/)
  fleet.close()
  assert.deepEqual(ledger.totals(), { records: 80, acked: 0, refused: 0, unknown: 80, sends: 80 })
})

test('a connection that stays silent is given up and made anew', async () => {
  let answering = false
  await using server = await startMqttServer(({ packet, protocolVersion }) =>
    answering ? puback(packet.messageId, 0, protocolVersion) : undefined,
  )
  const { fleet, ledger } = startFleet(server.port, plan, 40, 100)
  await reached(() => server.received() > 80)
  answering = true
  await reached(() => fleet.acked > 100)
  await fleet.finish(AbortSignal.timeout(5_000))
  assert.ok(fleet.connections > plan.devices)
  assert.equal(ledger.totals().unknown, 0)
})

test('a paused fleet stays away until it is resumed', async () => {
  await using server = await startMqttServer(({ packet, protocolVersion }) =>
    puback(packet.messageId, 0, protocolVersion),
  )
  const { fleet } = startFleet(server.port)
  await reached(() => fleet.acked > 100)
  fleet.pause()
  server.closeConnections()
  await reached(() => !fleet.connected)
  const { acked } = fleet
  await setTimeout(100) // several first retries long
  assert.equal(fleet.connections, plan.devices)
  assert.equal(fleet.acked, acked)
  fleet.resume()
  await reached(() => fleet.acked > acked + 100)
  await fleet.finish(AbortSignal.timeout(5_000))
})

test('at QoS 2 what has no PUBREC goes again with its packet id, what has one is released, and nothing is sent twice else', async () => {
  // One device, with ten ids.
  const window = 5
  const open = new Set<number>()
  const seen = { publishes: 0, repeats: 0, releases: 0, closes: 0 }
  const shouldClose = (count: number): boolean => count % 7 === 0 && ++seen.closes > 0
  const taken: string[] = []
  await using server = await startMqttServer(
    ({ packet, count, protocolVersion }) => {
      seen.publishes++
      assert.equal(packet.qos, 2)
      const id = packet.messageId ?? 0
      assert.ok(id >= 1 && id <= 2 * window)
      // A repeat may be of one that did not arrive.
      assert.ok(packet.dup || !open.has(id), 'an id that is not free was used')
      if (open.has(id)) seen.repeats++
      else taken.push(packet.payload.toString())
      open.add(id)
      return shouldClose(count) ? 'close' : pubrec(id, 0, protocolVersion)
    },
    {
      release(id) {
        open.delete(id)
        return shouldClose(++seen.releases) ? 'close' : pubcomp(id)
      },
    },
  )
  const numbered: Plan = { ...plan, devices: 1, identity: 'number' }
  const { ledger, fleet } = startFleet(server.port, numbered, window, 5_000, 2)
  await reached(() => fleet.acked > 100)
  await fleet.finish(AbortSignal.timeout(5_000))
  assert.deepEqual(fleet.violations, [])
  assert.deepEqual(
    taken,
    Array.from({ length: ledger.totals().records }, (_, sequence) => {
      const { value } = plannedRecord(numbered, { device: 0, epoch: 0, sequence })
      return `{"v":${value},"q":"good"}`
    }),
  )
  assert.equal(open.size, 0)
  assert.ok(seen.closes > 10 && seen.repeats > 0)
  assert.equal(seen.publishes, taken.length + seen.repeats)
  assert.equal(ledger.totals().acked, taken.length)
})

test('a session that is gone is a violation', async () => {
  let sessions = 0
  await using server = await startMqttServer(
    ({ packet, protocolVersion }) => pubrec(packet.messageId, 0, protocolVersion),
    { hasSession: () => sessions++ < 2 },
  )
  const { fleet } = startFleet(server.port, { ...plan, devices: 1 }, 40, 5_000, 2)
  for (let connections = 1; connections < 3; connections++) {
    await reached(() => fleet.connections === connections && fleet.acked > connections * 100)
    server.closeConnections()
  }
  await reached(() => fleet.violations.length > 0)
  assert.deepEqual(fleet.violations, ['prove-0: the session is gone'])
  fleet.close()
})

function startFleet(port: number, of = plan, window = 40, answerTimeoutMs = 5_000, qos: 1 | 2 = 1) {
  const ledger = new Ledger(of)
  const fleet = new Fleet({ host: '127.0.0.1', port, ledger, window, qos, answerTimeoutMs })
  fleet.start()
  return { ledger, fleet }
}

/** Waits for a condition, turn by turn of the event loop. */
async function reached(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5_000
  while (!condition()) {
    assert.ok(performance.now() < end, `not within 5 s: ${String(condition)}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
