/**
 * Decode alone: payload bytes → topic's route → series → columns, on one core, without a socket or a disk. Every message has its own time
 * and value, and the next message is of another topic. The figure of each form is beside that of plain code in the same run: `JSON.parse`, or what is
 * generated from proto/. Rates are per second of processor time, so that a busy machine does not change them much.
 */
import { byNumber } from '../src/core/batch.ts'
import { defaultRecordLimits } from '../src/core/limits.ts'
import { createFormats } from '../src/formats/table.ts'
import { createRouter, defaultTopics } from '../src/formats/topics.ts'
import { ColumnIntake } from './load/column-intake.ts'
import { decodeForms, type DecodeForm, writeMessages } from './load/decode-messages.ts'

export const storesNothing = true

export interface DecodeOptions {
  readonly seconds?: number
  readonly form?: string
}

interface Rates {
  /** Messages a second; for arrays samples a second. */
  scan: number
  parse: number
  ratio: number
}

export async function run({ seconds = 0.5, form }: DecodeOptions = {}) {
  const forms = decodeForms.filter(({ name }) => form === undefined || name === form)
  const started = performance.now()
  const runs = forms.map((one) => ({ form: one, scan: scanRun(one), parse: parseRun(one) }))
  // Every form is warm before one is measured: the product sees them all through the same code.
  for (let i = 0; i < 2; i++)
    for (const { scan, parse } of runs) {
      measure(scan, 0.1)
      measure(parse, 0.1)
    }
  const rates: Record<string, Rates> = {}
  for (const { form: one, scan, parse } of runs) {
    const rate = { scan: measure(scan, seconds), parse: measure(parse, seconds / 2) }
    rates[one.name] = { ...rate, ratio: Math.round((rate.scan / rate.parse) * 100) / 100 }
    console.error(
      `${one.name.padEnd(10)} ${figure(rate.scan)} ${one.unit}/s, plain code ${figure(rate.parse)}`,
    )
  }
  const first = rates['f5'] ?? Object.values(rates)[0]
  return {
    bench: 'decode',
    ratePerSecond: first?.scan ?? 0,
    unit: 'messages',
    seconds: Math.round((performance.now() - started) / 10) / 100,
    referenceRatePerSecond: first?.parse ?? 0,
    referenceRatio: first?.ratio ?? 0,
    forms: rates,
  }
}

/** One pass over all messages of a form; returns the messages or samples decoded. */
type Pass = () => number

function scanRun(form: DecodeForm): Pass {
  const { bytes, topics, payloads, count, samples } = writeMessages(form)
  const format = createFormats(defaultRecordLimits)[form.format]
  const router = createRouter([...defaultTopics, 'plc/{device}'], defaultRecordLimits)
  const intake = new ColumnIntake()
  const refuse = (refusal: object): void => {
    throw new Error(`refused: ${JSON.stringify(refusal)}`)
  }
  return () => {
    let rows = 0
    for (let i = 0; i < count; i++) {
      const payload = payloads[i] as number
      const route = router.route(bytes, topics[i] as number, payload)
      if (route === undefined) throw new Error('a topic has no route')
      rows += format.decode(bytes, payload, topics[i + 1] as number, route, intake, refuse)
    }
    if (rows !== samples) throw new Error(`${rows} rows of ${samples}`)
    return form.perMessage ? count : samples
  }
}

/** The same work as it is mostly written: a string, JSON.parse (or generated code), Date.parse, a Map by strings. */
function parseRun(form: DecodeForm): Pass {
  const { bytes, topics, payloads, count, samples } = writeMessages(form)
  const intake = new ColumnIntake()
  const ids = new Map<string, number>()
  const idOf = (device: string, metric: string): number => {
    const key = `${device} ${metric}`
    let id = ids.get(key)
    if (id === undefined) {
      id = intake.series(device, metric)
      ids.set(key, id)
    }
    return id
  }
  return () => {
    for (let i = 0; i < count; i++) {
      const payload = payloads[i] as number
      const topic = bytes.toString('latin1', topics[i], payload)
      form.parse(
        topic,
        form.read(bytes.subarray(payload, topics[i + 1])),
        (device, metric, time, value, quality) =>
          intake.add(idOf(device, metric), time, value, quality, byNumber),
      )
    }
    return form.perMessage ? count : samples
  }
}

/** Messages per second of processor time. */
function measure(pass: Pass, seconds: number): number {
  let done = 0
  const before = process.cpuUsage()
  for (;;) {
    done += pass()
    const used = process.cpuUsage(before)
    const spent = (used.user + used.system) / 1e6
    if (spent >= seconds) return Math.round(done / spent)
  }
}

function figure(rate: number): string {
  return rate.toLocaleString('en').padStart(11)
}

if (import.meta.main) {
  const [seconds, form] = process.argv.slice(2)
  const result = await run({ ...(seconds && { seconds: Number(seconds) }), ...(form && { form }) })
  console.log(JSON.stringify(result))
}
