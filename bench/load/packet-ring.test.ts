import assert from 'node:assert/strict'
import test from 'node:test'
import mqttPacket from 'mqtt-packet'
import { PacketRing } from './packet-ring.ts'
import { type FormName, formNames } from './payload-forms.ts'

const base = { connection: 7, topics: 50, elements: 1, window: 300, baseSeconds: 1_704_067_200 }

for (const form of formNames) {
  const elements = form === 'f3' ? 5 : 1
  test(`${form}: every packet is a PUBLISH of QoS 1, topics switch, times ascend in every series`, () => {
    const ring = new PacketRing({ ...base, form, elements })
    const lastTime = new Map<string, number>()
    const seen = new Set<string>()
    const times = new Set<number>()
    let previousDevice = ''
    let messages = 0
    for (let turn = 0; turn < ring.buffers * 3; turn++) {
      ring.fill(turn)
      for (const packet of parse(ring.packets(turn, 0, ring.slots))) {
        assert.equal(packet.qos, 1)
        assert.equal(packet.messageId, (messages++ % (ring.slots * ring.buffers)) + 1)
        const readings = read(form, packet.topic, packet.payload.toString())
        assert.equal(readings.length, ring.rowsPerMessage)
        const device = readings[0]?.series.split(' ')[0] ?? ''
        if (form !== 'f5' && form !== 'f6') assert.notEqual(device, previousDevice)
        previousDevice = device
        for (const { series, time, value } of readings) {
          assert.ok(
            time > (lastTime.get(series) ?? 0),
            `${series} went from ${lastTime.get(series)} to ${time}`,
          )
          lastTime.set(series, time)
          assert.ok(Number.isFinite(value))
          seen.add(`${series} ${time}`)
          times.add(time)
        }
      }
    }
    assert.equal(seen.size, messages * ring.rowsPerMessage)
    assert.equal(times.size, form === 'f1' ? ring.buffers * 3 : messages * elements)
  })
}

test('part of a buffer is whole packets', () => {
  const ring = new PacketRing({ ...base, form: 'f5' })
  ring.fill(0)
  const whole = parse(ring.packets(0, 0, ring.slots))
  const parts = [...parse(ring.packets(0, 0, 3)), ...parse(ring.packets(0, 3, ring.slots))]
  assert.deepEqual(parts, whole)
})

interface Publish {
  readonly topic: string
  readonly qos: number
  readonly messageId: number
  readonly payload: Buffer
}

function parse(bytes: Buffer): Publish[] {
  const packets: Publish[] = []
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  parser.on('packet', (packet) => {
    assert.equal(packet.cmd, 'publish')
    const { topic, qos, messageId, payload } = packet
    assert.ok(messageId !== undefined && typeof payload !== 'string')
    packets.push({ topic, qos, messageId, payload: Buffer.from(payload) })
  })
  parser.on('error', (error) => {
    throw error
  })
  assert.equal(parser.parse(Buffer.from(bytes)), 0)
  return packets
}

type JsonRecord = Readonly<Record<string, string | number>>

function read(form: FormName, topic: string, payload: string) {
  const json = JSON.parse(payload) as JsonRecord | JsonRecord[] // as: payload-forms.ts wrote it
  const records = Array.isArray(json) ? json : [json]
  return records.flatMap((record) => {
    const time = record.ts ?? record.timestamp ?? record.Timestamp
    const micros = typeof time === 'string' ? microsOf(time) : Number(time)
    const device = String(record.id ?? record.SerialNumber ?? topic)
    return Object.entries(record)
      .filter(([name, value]) => typeof value === 'number' && !['ts', 'timestamp', 'quality'].includes(name))
      .map(([name, value]) => ({ series: `${device} ${form}:${name}`, time: micros, value: Number(value) }))
  })
}

function microsOf(text: string): number {
  const [, seconds, fraction] = /^(.{19})\.(\d+)Z$/.exec(text) ?? []
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction?.padEnd(6, '0').slice(0, 6))
}
