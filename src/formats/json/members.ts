// hot: bench/decode
/**
 * The member names that the JSON forms know, each with a code. A record's known members make a set of bits (1 << code),
 * and that set says which form the record has.
 */
export const code = {
  v: 0,
  value: 1,
  q: 2,
  quality: 3,
  u: 4,
  unit: 5,
  ts: 6,
  timestamp: 7,
  time: 8,
  source_ts: 9,
  source_timestamp: 10,
  server_timestamp: 11,
  device_id: 12,
  device: 13,
  id: 14,
  tag_id: 15,
  metric: 16,
  token: 17,
  SerialNumber: 18,
  Timestamp: 19,
  Value: 20,
  latitude: 21,
  longitude: 22,
  altitude: 23,
  battery: 24,
} as const

export type KnownName = keyof typeof code

/** Code of a name that no form knows. */
export const unknown = -1

/** The known names, by code. */
export const knownNames = Object.keys(code) as readonly KnownName[] // the object's own keys are its type's keys

export const bits = (...names: readonly KnownName[]): number =>
  names.reduce((set, name) => set | (1 << code[name]), 0)

const encoder = new TextEncoder()
const nameBytes = knownNames.map((name) => encoder.encode(name))
const codes: ReadonlyMap<string, number> = new Map(Object.entries(code))

/** Code of a name, `unknown` if no form knows it. */
export function codeOf(name: string): number {
  return codes.get(name) ?? unknown
}

/** As `codeOf`, from the bytes of the name as they stand. */
export function codeOfBytes(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from] as number
  let candidate: number
  switch (to - from) {
    case 1:
      return first === 0x76 ? code.v : first === 0x71 ? code.q : first === 0x75 ? code.u : unknown
    case 2:
      candidate = first === 0x74 ? code.ts : code.id
      break
    case 4:
      candidate = first === 0x74 ? code.time : code.unit
      break
    case 5:
      candidate = first === 0x76 ? code.value : first === 0x56 ? code.Value : code.token
      break
    case 6:
      candidate = first === 0x64 ? code.device : first === 0x6d ? code.metric : code.tag_id
      break
    case 7:
      candidate = first === 0x71 ? code.quality : code.battery
      break
    case 8:
      candidate = first === 0x6c ? code.latitude : code.altitude
      break
    case 9:
      candidate =
        first === 0x74
          ? code.timestamp
          : first === 0x64
            ? code.device_id
            : first === 0x73
              ? code.source_ts
              : first === 0x54
                ? code.Timestamp
                : code.longitude
      break
    case 12:
      candidate = code.SerialNumber
      break
    case 16:
      candidate = bytes[from + 1] === 0x6f ? code.source_timestamp : code.server_timestamp
      break
    default:
      return unknown
  }
  const name = nameBytes[candidate] as Uint8Array
  for (let i = from, j = 0; i < to; i++, j++) if (bytes[i] !== name[j]) return unknown
  return candidate
}

/** The forms a record can have: `sample` is F3, `single` F5 and F6, `tracker` F1; every other object is `generic`. */
export type Form = 'sample' | 'single' | 'tracker' | 'generic'

const singleValue = bits('v', 'value')
/** Everything that belongs to the single-value forms, with the spellings of both. */
const singleMembers = bits(
  ...(['v', 'value', 'q', 'quality', 'u', 'unit', 'ts', 'timestamp', 'time', 'token'] as const),
  ...(['source_ts', 'source_timestamp', 'server_timestamp'] as const),
  ...(['device_id', 'device', 'id', 'tag_id', 'metric'] as const),
)
const metricIds = bits('tag_id', 'metric')
const trackerIds = bits('id', 'timestamp')
const trackerValues = bits('latitude', 'longitude', 'altitude', 'battery', 'token')
const otherIds = bits('device_id', 'device')
const sampleValue = bits('Value')
const sampleNames = bits('SerialNumber', 'Timestamp')

/**
 * The form of a record.
 *
 * A record with `v` or `value` is a single value if something names its metric (then what else it holds is kept as extra
 * members), or if it holds nothing else; without a metric's name `{"v":230,"a":3.2}` is two metrics.
 */
export function formOf(members: number, hasUnknown: boolean, routeHasMetric: boolean): Form {
  if ((members & singleValue) !== 0) {
    if (routeHasMetric || (members & metricIds) !== 0) return 'single'
    if (!hasUnknown && (members & ~singleMembers) === 0) return 'single'
  }
  const sampleParts = members & sampleNames
  if (sampleParts === sampleNames || (sampleParts !== 0 && (members & sampleValue) !== 0)) return 'sample'
  if ((members & trackerIds) === trackerIds && (members & trackerValues) !== 0 && (members & otherIds) === 0)
    return 'tracker'
  return 'generic'
}

/** Members that are never stored, in any case; `maskTokens` masks the same names in what is kept for people. */
export const secretNames: ReadonlySet<string> = new Set(['token', 'password', 'authorization'])
