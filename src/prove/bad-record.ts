import { deviceName, deviceNumber, type Plan, placeHash, plannedRecord, type RecordPlace } from './plan.ts'

/** Of a client's good records, each with one of these places at its end is followed by a bad one. */
const every = 1_000
const at = 99

/** Whether a record that cannot be taken follows this good one. */
export function isFollowedByBad(sequence: number): boolean {
  return sequence % every === at
}

/** The last level of the topic that bad records go to. */
export const badMetric = 'bad'

/**
 * A record that nobody can take, in one of several ways, which says itself which one it is. At a door that answers each record it is refused,
 * at one that cannot it must become a dead letter.
 */
export function badRecord(plan: Plan, place: RecordPlace): string {
  const { time } = plannedRecord(plan, place)
  const device = `"device":${JSON.stringify(deviceName(plan, place.device))}`
  const mark = `"prove":"${badMark(plan, place)}"`
  const forms = [
    `{${device},${mark},"v":1,"ts":"yesterday"}`,
    `{${device},${mark},"v":NaN,"ts":${time / 1000}}`,
    `{${device},${mark},"v":1e999,"ts":${time / 1000}}`,
    `{${device},${mark},"v":1`,
  ]
  return forms[place.sequence % forms.length] ?? ''
}

/** The place that a text says it is the bad record of; undefined if it is none of this plan's. */
export function badPlaceOf(plan: Plan, text: string): RecordPlace | undefined {
  const [, mark = ''] = /"prove":"([^"]{1,200})"/.exec(text) ?? []
  const [name = '', epoch, sequence] = mark.split('/')
  const device = deviceNumber(plan, name)
  if (device === undefined || epoch === undefined || sequence === undefined) return undefined
  const place = { device, epoch: Number(epoch), sequence: Number(sequence) }
  return badMark(plan, place) === mark ? place : undefined
}

function badMark(plan: Plan, place: RecordPlace): string {
  return `${deviceName(plan, place.device)}/${place.epoch}/${place.sequence}/${placeHash(plan, place)}`
}
