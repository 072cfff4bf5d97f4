/**
 * What the verifying clients send: everything about a record follows from the plan's seed and the record's place, so that a judge can tell
 * afterwards what must stand in a store without having kept it.
 */
export interface Plan {
  readonly seed: number
  /** Which run this is, in small letters and digits: part of its devices' names, so that rows of an earlier run are none of it. */
  readonly run?: string
  readonly devices: number
  /** Metrics a device; records go to them in turn. */
  readonly metrics: number
  /**
   * What tells the records of a series apart: each has a time of its own, or none at all. Without a time a store knows a record by its
   * number in the log, so that one which is taken twice stands there twice; then its value says which one it is.
   */
  readonly identity?: 'time' | 'number'
}

/** A record's place: its device by number, the client's epoch (one life of it), and its sequence number in that life. */
export interface RecordPlace {
  readonly device: number
  readonly epoch: number
  readonly sequence: number
}

/** A record as a store should show it. */
export interface PlannedRecord {
  readonly device: string
  readonly metric: string
  /** µs since 1970, where it is sent with one. */
  readonly time: number
  readonly value: number
}

/** Sequence numbers of an epoch: each is a millisecond of its own, so a series never has two records of one time. */
export const epochRecords = 2 ** 26
/** 2024-01-01: all times lie in the past, where no limit holds. */
const baseMs = 1_704_067_200_000

export function plannedRecord(plan: Plan, place: RecordPlace): PlannedRecord {
  return {
    device: deviceName(plan, place.device),
    metric: `m${place.sequence % plan.metrics}`,
    time: (baseMs + ordinalOf(place)) * 1000,
    value: plan.identity === 'number' ? numberedValue(plan, place) : plannedValue(plan, place),
  }
}

export function deviceName(plan: Plan, device: number): string {
  return `${devicePrefix(plan)}${device}`
}

/** What the names of the plan's devices begin with, and no others. */
export function devicePrefix({ run }: Plan): string {
  return run === undefined ? 'prove-' : `prove-${run}-`
}

/** The place that a stored row belongs to, or undefined if no client could have sent such a row. */
export function placeOf(
  plan: Plan,
  device: string,
  metric: string,
  time: number,
  value: number,
): RecordPlace | undefined {
  const number = deviceNumber(plan, device)
  const isNumbered = plan.identity === 'number'
  const ordinal = isNumbered ? Math.floor(value / checks) : time / 1000 - baseMs
  if (number === undefined || !(ordinal >= 0) || !Number.isInteger(ordinal)) return undefined
  const sequence = ordinal % epochRecords
  if (metric !== `m${sequence % plan.metrics}`) return undefined
  const place = { device: number, epoch: Math.floor(ordinal / epochRecords), sequence }
  return isNumbered && value !== numberedValue(plan, place) ? undefined : place
}

/** Which device of the plan has this name; undefined if none. */
export function deviceNumber(plan: Plan, device: string): number | undefined {
  const prefix = devicePrefix(plan)
  const digits = device.slice(prefix.length)
  if (!device.startsWith(prefix) || !/^(0|[1-9]\d{0,8})$/.test(digits)) return undefined
  const number = Number(digits)
  return number < plan.devices ? number : undefined
}

function ordinalOf({ epoch, sequence }: RecordPlace): number {
  return epoch * epochRecords + sequence
}

/** A whole number that says which record it is, with 16 bits of hash behind it. */
function numberedValue(plan: Plan, place: RecordPlace): number {
  const hash = mix(mix(mix(plan.seed ^ 0x9e3779b9) ^ place.device) ^ ordinalOf(place))
  return ordinalOf(place) * checks + (hash & (checks - 1))
}

const checks = 2 ** 16

/** 32 bits of hash over seed and place, for a record whose value says nothing. */
export function placeHash(plan: Plan, { device, epoch, sequence }: RecordPlace): string {
  const hash = mix(mix(mix(mix(plan.seed ^ 0x2545f491) ^ device) ^ epoch) ^ sequence)
  return (hash >>> 0).toString(16).padStart(8, '0')
}

/** 48 bits of hash over seed and place, as a decimal of three places: few enough digits to come back from JSON as the same double. */
function plannedValue(plan: Plan, { device, epoch, sequence }: RecordPlace): number {
  const client = mix(mix(plan.seed ^ 0x9e3779b9) ^ device) ^ epoch
  const low = mix(mix(client) ^ sequence) >>> 0
  const high = mix(mix(client ^ 0x85ebca6b) ^ sequence) & 0xffff
  return (high * 2 ** 32 + low - 2 ** 47) / 1000
}

/** The finalizer of MurmurHash3: every bit of the input moves every bit of the answer. */
function mix(input: number): number {
  let hash = input | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
