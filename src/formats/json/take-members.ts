import { byNumber } from '../../core/batch.ts'
import { good } from '../../core/quality.ts'
import type { TimeUnit } from '../../core/time.ts'
import { isRaw } from './json-source.ts'
import { type KnownName, secretNames } from './members.ts'
import type { RecordContext } from './parse-record.ts'
import { RecordFault } from '../record-fault.ts'
import { type NamedDevice, RecordReader } from './record-reader.ts'
import { remember, rememberSerial } from './remember.ts'
import { kindOf, qualityOf, stampOf, takeValue, timeOf } from './take-value.ts'

/** Takes a record that is an object; returns the rows added. */
export function takeMembers(members: Readonly<Record<string, unknown>>, context: RecordContext): number {
  const record = new RecordReader(members, context)
  switch (record.form) {
    case 'single':
      return takeSingle(record)
    case 'sample':
      return takeSample(record)
    case 'tracker':
      return takeTracker(record)
    case 'generic':
      return takeGeneric(record)
  }
}

/** Takes a payload that is a value and nothing else, for the series that its topic names. */
export function takeBareValue(value: unknown, context: RecordContext): number {
  const { route, intake, limits } = context
  if (route.device === undefined || route.metric === undefined)
    throw new RecordFault(
      'missing-field',
      undefined,
      'a value alone needs a topic that names device and metric; else send {"device": "pump1", "temperature": 25.5}',
    )
  const stamp = stampOf(undefined, undefined, good, 0, intake, limits)
  const target = { device: route.device, metric: route.metric, unit: undefined, field: undefined }
  const series = takeValue(value, target, stamp, intake, limits)
  remember(route, series, kindOf(value), '', '', '', undefined)
  return 1
}

/** F5 and F6: `{"v":25.5,"q":"good","u":"°C","ts":1709712000000}`, `{"value":25.5,"quality":192,"timestamp":"…"}`. */
function takeSingle(record: RecordReader): number {
  const { intake, limits, route } = record.context
  const field = record.has('v') ? 'v' : 'value'
  const value = record.take(field)
  const device = record.device()
  const metricId = record.metricId()
  // `ts` beside `v` is ms since 1970, and 0 where the sender has no time.
  const isCompact = field === 'v'
  const timeField = record.first(isCompact ? ['ts', 'timestamp', 'time'] : ['timestamp', 'ts', 'time'])
  const isMs = isCompact && timeField === 'ts'
  const time = timeOf(record.take(timeField), timeField, isMs ? 'ms' : 'guess', isMs)
  const qualityField = record.first(['q', 'quality'])
  const quality = qualityOf(record.take(qualityField), qualityField)
  const unit = record.unit()
  const stamp = stampOf(time, timeField, quality, 0, intake, limits)
  // Where nothing names the metric, the member's own name does.
  const metric = metricId === '' ? (route.metric ?? field) : metricId
  const target = { device: device.name, metric, unit, field }
  const series = takeValue(value, target, stamp, intake, limits)
  const member = metricId === '' && route.metric === undefined ? field : ''
  remember(route, series, kindOf(value), device.id, metricId, member, unit)
  record.addExtra(record.rest())
  return 1
}

/** F3: `{"SerialNumber":"AAD-1123","Timestamp":"2025-12-26T10:00:00.123456789Z","Value":1.23}`. */
function takeSample(record: RecordReader): number {
  const { intake, limits, route } = record.context
  const serial = record.id('SerialNumber')
  const device = serial === '' ? route.device : serial
  if (device === undefined)
    throw new RecordFault('missing-field', 'SerialNumber', 'it is missing or empty, and names the device')
  if (!record.has('Value')) throw new RecordFault('missing-field', 'Value', 'a sample needs a value')
  const time = timeOf(record.take('Timestamp'), 'Timestamp', 'guess', false)
  const stamp = stampOf(time, 'Timestamp', good, 0, intake, limits)
  const target = { device, metric: 'measurement', unit: undefined, field: 'Value' }
  const value = record.take('Value')
  const series = takeValue(value, target, stamp, intake, limits)
  if (serial !== '') rememberSerial(route, series, kindOf(value), serial)
  record.addExtra(record.rest())
  return 1
}

/** F1: `{"id":"dev-1","latitude":55.7,…,"timestamp":1765400000,"token":"…"}`: in whole seconds, so rows are told apart by number. */
function takeTracker(record: RecordReader): number {
  const device = record.id('id')
  if (device === '') throw new RecordFault('missing-field', 'id', 'it is empty, and names the device')
  return takeEvery(record, { name: device, id: device }, ['timestamp'], 's', byNumber)
}

function takeGeneric(record: RecordReader): number {
  return takeEvery(record, record.device(), ['timestamp', 'ts', 'time'], 'guess', 0)
}

/** Every member is a metric of its own, all of one time. What is no value (an array) is kept beside the last row. */
function takeEvery(
  record: RecordReader,
  device: NamedDevice,
  timeNames: readonly [KnownName, ...KnownName[]],
  unit: TimeUnit,
  flags: number,
): number {
  const { intake, limits, route } = record.context
  const metricId = record.metricId()
  const prefix = metricId === '' ? (route.metric ?? '') : metricId
  const timeField = record.first(timeNames)
  const time = timeOf(record.take(timeField), timeField, unit, false)
  const stamp = stampOf(time, timeField, good, flags, intake, limits)
  const arrays: [string, unknown][] = []
  let rows = 0
  const takeAll = (members: readonly [string, unknown][], path: string): void => {
    for (const [name, value] of members) {
      if (value === null || secretNames.has(name.toLowerCase())) continue
      const field = path === '' ? name : `${path}.${name}`
      if (name === '') throw new RecordFault('invalid-name', field, 'a member has no name')
      if (Array.isArray(value)) arrays.push([field, value])
      else if (typeof value === 'object' && !isRaw(value)) takeAll(Object.entries(value), field)
      else {
        const metric = record.checkedName(prefix === '' ? field : `${prefix}.${field}`, field)
        const target = { device: device.name, metric, unit: undefined, field }
        const series = takeValue(value, target, stamp, intake, limits)
        if (path === '') remember(route, series, kindOf(value), device.id, metricId, name, undefined)
        rows++
      }
    }
  }
  takeAll(record.rest(), '')
  if (rows === 0)
    throw new RecordFault(
      'missing-field',
      undefined,
      'the record holds no value, such as "temperature": 25.5',
    )
  record.addExtra(arrays)
  return rows
}
