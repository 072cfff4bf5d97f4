import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { booksOf, changesOf, countingReadings, nameOf } from '../../../test/support/log-changes.ts'
import { readAll, valuesOf } from '../../../test/support/log-reading.ts'
import { MemoryStorage, type StorageFault } from '../../../test/support/memory-storage.ts'
import { seededRandom } from '../../../test/support/random.ts'
import { range } from '../../../test/support/written-log.ts'
import { LogWriter } from './writer.ts'

const folder = '/data/log'
const rowsOfCommit = 4
const faults: readonly StorageFault[] = [
  { code: 'EIO' },
  { code: 'EIO', done: 1 },
  { code: 'EIO', done: 0.5 },
  { code: 'ENOSPC', done: 0.7 },
  { code: 'EMFILE' },
  { code: 'EACCES' },
  { code: 'STOP' },
  { code: 'STOP', done: 0.5 },
  { code: 'STOP', done: 1 },
]

/**
 * A log from its first start on: commits that begin segments and bring names, a removal by retention, a stop, a start, a kill, a start.
 * The one call that fails may refuse a commit or a start; what is tried after it must go well.
 */
class History {
  readonly storage: MemoryStorage
  readonly #clock = new FakeClock()
  #writer: LogWriter | undefined
  /** Values of the commits that were acknowledged; and of those that the machine has died in, which may be there or not. */
  readonly kept: number[] = []
  readonly #unknown = new Set<number>()
  /** Values that retention may have removed are below this one. */
  #bound = 0
  #next = 0
  failures = 0

  constructor(nth: number, fault: StorageFault | undefined) {
    this.storage = new MemoryStorage({ random: seededRandom(nth), sectorBytes: 64 })
    if (fault) this.storage.failNth(nth, fault)
  }

  live(): this {
    this.#start()
    for (let i = 0; i < 4; i++) this.#commit(i === 2 ? 1 : undefined)
    this.#removeOld()
    for (let i = 0; i < 2; i++) this.#commit()
    this.#do((writer) => writer.check(undefined))
    this.#do((writer) => writer.close())
    this.#start()
    for (let i = 0; i < 2; i++) this.#commit(i === 0 ? 2 : undefined)
    this.storage.kill()
    this.#start()
    for (let i = 0; i < 2; i++) this.#commit()
    return this
  }

  /** What the log holds, with everything that may be there or not left out. */
  async values(): Promise<(number | string)[]> {
    if (!this.#writer) return []
    const values = valuesOf(await readAll(this.storage, folder, this.#writer))
    const isCertain = (value: number | string): boolean => !this.#unknown.has(Number(value))
    return values.filter((value) => isCertain(value) && Number(value) >= this.#bound)
  }

  get certain(): number[] {
    return this.kept.filter((value) => value >= this.#bound)
  }

  losePower(): void {
    this.storage.losePower()
    this.#writer = this.#open()
  }

  #start(): void {
    this.#do(() => {
      this.#writer = this.#open()
    })
    // The system starts it again.
    this.#writer ??= this.#open()
  }

  #commit(name?: number): void {
    const from = this.#next
    this.#next += rowsOfCommit
    const values = range(from, this.#next)
    const isDone = this.#do((writer) => {
      const isKnown = writer.dictionary.get(0) !== undefined
      const names = [...(isKnown ? [] : [nameOf(0)]), ...(name === undefined ? [] : [nameOf(name)])]
      writer.append(
        changesOf({ names, readings: countingReadings(from, rowsOfCommit), books: booksOf(from) }),
      )
      writer.flush()
    })
    if (isDone === 'done') this.kept.push(...values)
    else if (isDone === 'died') for (const value of values) this.#unknown.add(value)
    // As twice a second: it looks whether there is space again.
    else this.#do((writer) => writer.check(undefined))
  }

  /** What every sink has is removed once it is old enough. */
  #removeOld(): void {
    this.#clock.pass(100)
    this.#bound = this.#next
    this.#do((writer) => writer.check(writer.watermark.next))
  }

  #do(action: (writer: LogWriter) => void): 'done' | 'refused' | 'died' {
    try {
      action(this.#writer as LogWriter) // as: only a start is done without one, and does not look at it
    } catch {
      this.failures++
      if (!this.storage.isStopped) return 'refused'
    }
    if (!this.storage.isStopped) return 'done'
    this.storage.kill()
    this.#writer = this.#open()
    return 'died'
  }

  #open(): LogWriter {
    const options = { segmentBytes: 400, maxBytes: 1e9, retentionSeconds: 10, reserveBytes: 0 }
    return new LogWriter(this.storage, this.#clock, folder, options)
  }
}

test('whichever call of its storage fails, in whichever way, the log loses, doubles and invents no row', async (t) => {
  const whole = new History(1, undefined).live()
  const { calls } = whole.storage
  assert.ok(
    whole.storage.history.some(({ operation }) => operation === 'remove'),
    'retention removes',
  )
  for (const fault of faults) {
    for (let nth = 1; nth <= calls; nth++) {
      const why = `${fault.code} ${fault.done ?? ''} at call ${nth}`
      const history = new History(nth, fault).live()
      assert.ok(history.failures <= 1, `${why}: ${history.failures} actions failed`)
      assert.deepEqual(await history.values(), history.certain, why)
      history.losePower()
      assert.deepEqual(await history.values(), history.certain, `${why}, then power loss`)
    }
  }
  t.diagnostic(`${calls} calls, ${faults.length} faults: ${calls * faults.length} histories`)
})
