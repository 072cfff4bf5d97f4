/**
 * A place in a log: everything of `partition` with a number below `next` lies behind it.
 * Positions are kept by the sink, in the same transaction as its rows.
 */
export interface Position {
  /** The log's id (a UUID): a number means nothing beside another log. */
  readonly log: string
  readonly partition: number
  /** The first number not yet taken. */
  readonly next: bigint
}

/**
 * A live cursor: one opaque string that holds the log id and a number for every partition, so that it stays
 * valid when a log has more than one. Form: `<log id>.<partition>-<next>[.<partition>-<next>…]`, numbers in base 36.
 */
export function encodeCursor(positions: readonly Position[]): string {
  const first = positions[0]
  if (first === undefined) return ''
  const parts = positions.map((p) => `${p.partition.toString(36)}-${p.next.toString(36)}`)
  return [first.log, ...parts].join('.')
}

/** The positions of a cursor, or undefined if the text is not one. */
export function decodeCursor(cursor: string): Position[] | undefined {
  const [log, ...parts] = cursor.split('.')
  if (log === undefined || !/^[0-9a-f-]{36}$/.test(log) || parts.length === 0) return undefined
  const positions: Position[] = []
  for (const part of parts) {
    const match = /^([0-9a-z]{1,6})-([0-9a-z]{1,13})$/.exec(part)
    if (match === null) return undefined
    positions.push({ log, partition: Number.parseInt(match[1] ?? '', 36), next: parseBase36(match[2] ?? '') })
  }
  return positions
}

function parseBase36(digits: string): bigint {
  let value = 0n
  for (const digit of digits) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return value
}
