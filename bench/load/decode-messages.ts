import { Reading, ReadingBatch } from '../../proto/generated/sluice/v1/reading.ts'
import type { FormatName } from '../../src/formats/table.ts'

/** Takes a row: time in µs, quality as a number. */
type Add = (device: string, metric: string, time: number, value: number, quality: number) => void

/** A form of messages to decode. */
export interface DecodeForm {
  readonly name: string
  readonly unit: 'messages' | 'samples'
  /** Whether its rate counts messages; else rows. */
  readonly perMessage: boolean
  readonly samplesPerMessage: number
  readonly messages: number
  topic(device: number): string
  payload(device: number, message: number): string | Uint8Array
  readonly format: FormatName
  /** What plain code parses a payload with. */
  read(payload: Buffer): unknown
  /** What plain code does with the parsed payload. */
  parse(topic: string, payload: unknown, add: Add): void
}

const topics = 100
const begin = Date.UTC(2026, 0, 15)
const jwt = `eyJhbGciOiJFZERTQSJ9.${'x'.repeat(180)}.y`

/** Values as sensors send them, with two decimals or in full. */
const short = (i: number): string => (((i * 7919) % 100_000) / 100).toFixed(2)
const full = (i: number): string => String(9.81 * Math.sin(i))
const iso = (ms: number): string => new Date(ms).toISOString()

/** What plain code believes to have parsed. */
interface Json {
  readonly v: number
  readonly q: string
  readonly ts: number
  readonly device_id: string
  readonly tag_id: string
  readonly value: number
  readonly quality: number
  readonly timestamp: string
  readonly SerialNumber: string
  readonly Timestamp: string
  readonly Value: number
}
interface Tracker {
  readonly id: string
  readonly latitude: number
  readonly longitude: number
  readonly altitude: number
  readonly battery: number
  readonly timestamp: number
}

const json = {
  format: 'json',
  read: (payload: Buffer): unknown => JSON.parse(payload.toString('utf8')),
} as const

const single = (name: string, payload: DecodeForm['payload'], parse: DecodeForm['parse']): DecodeForm => ({
  ...json,
  ...{ name, payload, parse, unit: 'messages', perMessage: true, samplesPerMessage: 1, messages: 50_000 },
  topic: (device) => `uns/site1/line-${device % 7}/pump-${device}/temperature`,
})

const reading = (device: string, metric: string, micros: number, number: number): Reading => ({
  ...{ device, metric, quality: 192, unit: '', values: [] },
  time: { $case: 'timeUs', timeUs: BigInt(micros) },
  value: { $case: 'number', number },
})

/** What plain code does with a reading of the generated code. */
function addReading({ device, metric, time, value, quality }: Reading, add: Add): void {
  if (time?.$case === 'timeUs' && value?.$case === 'number')
    add(device, metric, Number(time.timeUs), value.number, quality ?? 192)
}

const parseV2: DecodeForm['parse'] = (topic, payload, add) => {
  const { v, q, ts } = payload as Json
  const at = topic.lastIndexOf('/')
  add(topic.slice(4, at), topic.slice(at + 1), ts * 1000, v, q === 'good' ? 192 : 0)
}
const parseV1: DecodeForm['parse'] = (topic, payload, add) => {
  const { value, quality, timestamp } = payload as Json
  const at = topic.lastIndexOf('/')
  add(topic.slice(4, at), topic.slice(at + 1), Date.parse(timestamp) * 1000, value, quality)
}

export const decodeForms: readonly DecodeForm[] = [
  single('f5', (_, i) => `{"v":${short(i)},"q":"good","ts":${begin + i}}`, parseV2),
  single('f5-unit', (_, i) => `{"v":${short(i)},"q":"good","u":"°C","ts":${begin + i}}`, parseV2),
  single(
    'f5-ids',
    (device, i) =>
      `{"v":${short(i)},"q":"good","u":"°C","ts":${begin + i},"source_ts":${begin + i - 5},"device_id":"plc-${device % 7}","tag_id":"tag-${device}"}`,
    (_, payload, add) => {
      const { v, q, ts, device_id, tag_id } = payload as Json
      add(device_id, tag_id, ts * 1000, v, q === 'good' ? 192 : 0)
    },
  ),
  single(
    'f6',
    (_, i) => `{"value":${short(i)},"quality":192,"unit":"bar","timestamp":"${iso(begin + i)}"}`,
    parseV1,
  ),
  single(
    'f6-nano',
    (_, i) =>
      `{"value":${full(i)},"quality":192,"unit":"bar","timestamp":"${iso(begin + i).slice(0, -1)}123456+01:00"}`,
    parseV1,
  ),
  {
    ...json,
    ...{ name: 'f1', unit: 'messages', perMessage: true, samplesPerMessage: 4, messages: 30_000 },
    topic: () => 'devices/telemetry',
    payload: (device, i) =>
      `{"id":"dev-${device}","latitude":55.${1000 + (i % 8999)},"longitude":37.${1000 + ((i * 7) % 8999)},"altitude":${i % 300},"battery":${short(i)},"timestamp":${begin / 1000 + i},"token":"${jwt}"}`,
    parse(_, payload, add) {
      const { id, timestamp, latitude, longitude, altitude, battery } = payload as Tracker
      add(id, 'latitude', timestamp * 1e6, latitude, 192)
      add(id, 'longitude', timestamp * 1e6, longitude, 192)
      add(id, 'altitude', timestamp * 1e6, altitude, 192)
      add(id, 'battery', timestamp * 1e6, battery, 192)
    },
  },
  {
    ...json,
    ...{ name: 'generic3', unit: 'messages', perMessage: true, samplesPerMessage: 3, messages: 50_000 },
    topic: (device) => `devices/pump-${device}/telemetry`,
    payload: (_, i) =>
      `{"temperature":${short(i)},"humidity":${short(i + 1)},"pressure":${short(i + 2)},"ts":${begin + i}}`,
    parse(topic, payload, add) {
      const { ts, ...metrics } = payload as Record<string, number>
      const device = topic.slice(8, -10)
      for (const [metric, value] of Object.entries(metrics))
        add(device, metric, Number(ts) * 1000, value, 192)
    },
  },
  {
    ...json,
    ...{ name: 'f3', unit: 'samples', perMessage: false, samplesPerMessage: 1000, messages: 100 },
    topic: (device) => `sensor.AAD-${device}.measurements`,
    payload: (device, message) =>
      JSON.stringify(
        Array.from({ length: 1000 }, (_, i) => ({
          SerialNumber: `AAD-${device}`,
          Timestamp: `${iso(begin + message * 1000 + i).slice(0, -1)}456789Z`,
          Value: Number(full(message * 1000 + i)),
        })),
      ),
    parse(_, payload, add) {
      for (const { SerialNumber, Timestamp, Value } of payload as Json[])
        add(SerialNumber, 'measurement', Date.parse(Timestamp) * 1000, Value, 192)
    },
  },
  {
    ...{ name: 'protobuf', unit: 'messages', perMessage: true, samplesPerMessage: 1, messages: 50_000 },
    format: 'protobuf',
    topic: (device) => `plc/${device % 7}`,
    payload: (device, i) =>
      Reading.encode(reading(`pump-${device}`, 'temperature', (begin + i) * 1000, i / 7)).finish(),
    read: (payload) => Reading.decode(payload),
    parse: (_, payload, add) => addReading(payload as Reading, add),
  },
  {
    ...{ name: 'protobuf-batch', unit: 'samples', perMessage: false, samplesPerMessage: 1000, messages: 50 },
    format: 'protobuf',
    topic: (device) => `plc/${device % 7}`,
    payload: (device, message) =>
      ReadingBatch.encode({
        readings: Array.from({ length: 1000 }, (_, i) =>
          reading(`pump-${(device + i) % 50}`, 'temperature', (begin + message * 1000 + i) * 1000, i / 7),
        ),
      }).finish(),
    read: (payload) => ReadingBatch.decode(payload),
    parse(_, payload, add) {
      for (const one of (payload as ReadingBatch).readings) addReading(one, add)
    },
  },
]

/** Messages one after the other as `topic payload topic payload …`, the way they stand in what a socket read. */
export interface Messages {
  readonly bytes: Buffer
  /** Where the topic of each begins, with one more entry for the end. */
  readonly topics: Int32Array
  readonly payloads: Int32Array
  readonly count: number
  readonly samples: number
}

export function writeMessages(form: DecodeForm): Messages {
  const parts: Buffer[] = []
  const starts = new Int32Array(form.messages + 1)
  const payloads = new Int32Array(form.messages)
  let at = 0
  for (let i = 0; i < form.messages; i++) {
    const device = (i * 37) % topics
    const topic = Buffer.from(form.topic(device))
    const payload = Buffer.from(form.payload(device, i))
    starts[i] = at
    payloads[i] = at + topic.length
    at += topic.length + payload.length
    parts.push(topic, payload)
  }
  starts[form.messages] = at
  const samples = form.messages * form.samplesPerMessage
  return { bytes: Buffer.concat(parts), topics: starts, payloads, count: form.messages, samples }
}
