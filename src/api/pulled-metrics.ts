import { Counter, Gauge, type Registry } from '@prometheus-io/client'
import type { Snapshot } from './snapshot.ts'

export type Labels = Readonly<Record<string, string>>
/** The values of a metric in a snapshot, each with its labels. */
export type Values = (snapshot: Snapshot) => number | Iterable<readonly [Labels, number]>

/** Metrics whose values stand in the snapshot. */
export class PulledMetrics {
  readonly #registers: Registry[]
  readonly #refresh: ((snapshot: Snapshot) => void)[] = []

  constructor(registry: Registry) {
    this.#registers = [registry]
  }

  counter(name: string, help: string, labelNames: readonly string[], values: Values): void {
    const counter = new Counter({ name, help, labelNames, registers: this.#registers })
    this.#refresh.push((snapshot) => {
      counter.reset()
      for (const [labels, value] of pairs(values(snapshot))) counter.inc(labels, value)
    })
  }

  gauge(name: string, help: string, labelNames: readonly string[], values: Values): void {
    const gauge = new Gauge({ name, help, labelNames, registers: this.#registers })
    this.#refresh.push((snapshot) => {
      gauge.reset()
      for (const [labels, value] of pairs(values(snapshot))) gauge.set(labels, value)
    })
  }

  refresh(snapshot: Snapshot): void {
    for (const refresh of this.#refresh) refresh(snapshot)
  }
}

function pairs(values: ReturnType<Values>): Iterable<readonly [Labels, number]> {
  return typeof values === 'number' ? [[{}, values]] : values
}
