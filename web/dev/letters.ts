/** Dead letters of the made-up fleet, newest first: one of each usual kind, again and again. */
export interface DevLetter {
  readonly id: string
  readonly time: number
  readonly code: string
  readonly reason: string
  readonly source: string
  readonly device?: string
  readonly topic?: string
  readonly principal: string
  readonly bytes: string
}

type Kind = Omit<DevLetter, 'id' | 'time' | 'principal' | 'bytes'> & { readonly payload: string | Uint8Array }

const kinds: readonly [Kind, ...Kind[]] = [
  {
    code: 'invalid-value',
    reason: 'value is neither a number, a boolean nor a text: null',
    source: 'mqtt',
    device: 'site1/pump-01',
    topic: 'uns/site1/pump-01/temperature',
    payload: '{"value":null,"quality":192,"timestamp":"2026-11-21T05:12:09Z"}',
  },
  {
    code: 'undecodable',
    reason: 'the payload is not JSON: unexpected end at byte 41',
    source: 'mqtt',
    device: 'site2/pump-02',
    topic: 'uns/site2/pump-02/pressure',
    payload: '{"value": 4.21, "quality": "good", "times',
  },
  {
    code: 'invalid-time',
    reason: 'timestamp lies 5 h ahead of its receipt; at most 1 h is allowed',
    source: 'http',
    device: 'tracker-4007',
    payload: '{"device":"tracker-4007","speed":41.5,"timestamp":1795275600}',
  },
  {
    code: 'undecodable',
    reason: 'the payload is not UTF-8 at byte 0',
    source: 'mqtt',
    topic: 'dev/door/state',
    payload: Uint8Array.of(
      0xff,
      0xd8,
      0xff,
      0xe0,
      0,
      16,
      74,
      70,
      73,
      70,
      0,
      1,
      1,
      0,
      0,
      1,
      0,
      1,
      0,
      0,
      0xff,
      0xdb,
    ),
  },
  {
    code: 'missing-field',
    reason: 'measurement is missing',
    source: 'mqtt',
    topic: 'sensor.884.measurements',
    device: '884',
    payload: '{"sensor_serial":"884","time":1795249120.25,"token":"***"}',
  },
  {
    code: 'too-large',
    reason: 'the payload has 81 920 bytes and is no array; 65 536 are allowed',
    source: 'mqtt',
    topic: 'dev/bridge/deck-01/log',
    device: 'bridge/deck-01',
    payload: `{"value":"${'vibration '.repeat(60)}`,
  },
]

export function createLetters(count: number): DevLetter[] {
  const start = Date.now()
  return Array.from({ length: count }, (_, i) => {
    const { payload, ...kind } = kinds[(i * 5 + (i >> 2)) % kinds.length] ?? kinds[0]
    return {
      ...kind,
      id: String(1_048_576 + (count - i) * 17),
      time: start - 40_000 - i * i * 9_000 - i * 61_000,
      principal: 'local',
      bytes: Buffer.from(payload).toString('base64'),
    }
  })
}
