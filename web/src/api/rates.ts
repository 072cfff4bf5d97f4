import type { Status } from './status.ts'

/** Rows and messages a second between two answers of /status. */
export interface RatePoint {
  /** ms since 1970. */
  readonly time: number
  readonly rowsIn: number
  readonly messagesIn: number
  /** Per sink, by `sinkKey`: rows that left its part of the pipeline. */
  readonly out: Readonly<Record<string, number>>
}

interface Sample {
  readonly time: number
  readonly rows: number
  readonly messages: number
  readonly handed: Readonly<Record<string, number>>
}

export function sinkKey(sink: { readonly name: string; readonly stream: string }): string {
  return `${sink.name}/${sink.stream}`
}

/** Turns totals into rates, and keeps those of the last two minutes. */
export class Rates {
  #last: Sample | undefined
  #points: readonly RatePoint[] = []

  add(time: number, status: Status): readonly RatePoint[] {
    const { door, sinks } = status
    const sample: Sample = {
      time,
      rows: door.rowsReceived,
      messages: door.messagesReceived,
      handed: Object.fromEntries(sinks.map((sink) => [sinkKey(sink), sink.books.handed])),
    }
    const last = this.#last
    if (last !== undefined && time - last.time < 250) return this.#points
    this.#last = sample
    // Totals that went down are those of another data folder: its first answer gives no rate.
    if (last === undefined || sample.rows < last.rows) return this.#points
    const seconds = (time - last.time) / 1000
    const point: RatePoint = {
      time,
      rowsIn: (sample.rows - last.rows) / seconds,
      messagesIn: Math.max(0, sample.messages - last.messages) / seconds,
      out: Object.fromEntries(
        Object.entries(sample.handed).map(([key, handed]) => [
          key,
          Math.max(0, handed - (last.handed[key] ?? handed)) / seconds,
        ]),
      ),
    }
    this.#points = [...this.#points.filter((p) => p.time > time - 120_000), point]
    return this.#points
  }
}
