import { SluiceError } from '../../src/core/errors.ts'
import type { Durable } from '../../src/core/durable.ts'
import type { DoorBooks, Intake } from '../../src/core/intake.ts'

const capacity = 65_536

/** An intake that fills columns and starts over when they are full, for benches of decoding alone. It makes nothing durable. */
export class ColumnIntake implements Intake {
  readonly now = Date.now() * 1000
  readonly books = {} as Readonly<DoorBooks> // never read: decoding counts nothing
  readonly #series = new Uint32Array(capacity)
  readonly #time = new Float64Array(capacity)
  readonly #value = new Float64Array(capacity)
  readonly #quality = new Uint8Array(capacity)
  readonly #flags = new Uint8Array(capacity)
  readonly #names = new Map<string, number>()
  #length = 0
  /** Read by nobody: it keeps the work from being left out. */
  extraBytes = 0

  series(device: string, metric: string): number {
    const name = `${device}\n${metric}`
    const known = this.#names.get(name)
    if (known !== undefined) return known
    this.#names.set(name, this.#names.size)
    return this.#names.size - 1
  }

  add(series: number, time: number, value: number, quality: number, flags: number): void {
    if (this.#length === capacity) this.#length = 0
    const row = this.#length++
    this.#series[row] = series
    this.#time[row] = time
    this.#value[row] = value
    this.#quality[row] = quality
    this.#flags[row] = flags
  }

  addText(series: number, time: number, _text: string, quality: number, flags: number): void {
    this.add(series, time, Number.NaN, quality, flags)
  }

  addExtra(json: string): void {
    this.extraBytes += json.length
  }

  mark(): number {
    return this.#length
  }

  rollback(mark: number): void {
    this.#length = mark
  }

  tick(): void {}
  addDocument(): void {}
  set(): void {}
  addEdit(): void {}
  reject(): void {}
  countMessage(): void {}
  countRefusedRows(): void {}

  durable(): Promise<Durable> {
    return Promise.reject(new SluiceError('closed', 'nothing is made durable here'))
  }

  room(): undefined {
    return undefined
  }

  refusal(): undefined {
    return undefined
  }
}
