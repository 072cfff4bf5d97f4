import assert from 'node:assert/strict'
import { SluiceError } from '../../src/core/errors.ts'
import { booksOf, changesOf, documentsOf, nameOf, readingsOf } from './log-changes.ts'
import { damagedOf, rowsOf } from './log-reading.ts'
import type { StorageFault } from './memory-storage.ts'
import { range, WrittenLog } from './written-log.ts'

export interface PlannedCommit {
  readonly rows: number
  readonly posts: number
  readonly hasEdit: boolean
  readonly hasName: boolean
}

/** One thing that happens to a log. Counts of calls are from 1. */
export type Step =
  | {
      readonly kind: 'flush'
      readonly commits: readonly PlannedCommit[]
      /** A call from now on that fails, or at which the machine stops. */
      readonly fault?: { readonly nth: number; readonly fault: StorageFault } | undefined
      readonly stopAt?: number | undefined
      /** It stops because the power is gone, and what was not synced may go with it. */
      readonly losesPower?: boolean | undefined
    }
  | { readonly kind: 'space'; readonly bytes: number | undefined }
  | { readonly kind: 'check' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'kill' | 'power'; readonly stopsAt: readonly number[] }

interface ModelCommit {
  readonly values: readonly number[]
  readonly keys: readonly string[]
  readonly hasEdit: boolean
  readonly books: number
  /** Commits of one flush: a later one may build on an earlier one. */
  readonly flush: number
  /**
   * `unknown`: the machine stopped before an answer. `refused`: told so, and only a power loss can bring it back, or a kill if cutting
   * it off had failed too, as long as nothing was written after it. `gone`: must never be seen.
   */
  state: 'acked' | 'unknown' | 'refused' | 'gone'
}

/** A log beside a plain list of what was committed to it; every look compares the two. */
export class ModelledLog {
  readonly log: WrittenLog
  readonly #commits: ModelCommit[] = []
  /** Values by the number they were delivered with, ever. */
  readonly #numbers = new Map<number, string>()
  #series = 0
  #given = 0
  #flushes = 0
  #isCutOff = true

  constructor(seed: number, segmentBytes: number) {
    this.log = new WrittenLog({ segmentBytes }, seed)
  }

  async run(step: Step): Promise<void> {
    const { log } = this
    if (step.kind === 'flush') this.#flush(step)
    else if (step.kind === 'space') log.storage.space = step.bytes ?? Number.POSITIVE_INFINITY
    else if (step.kind === 'check') log.writer.check(0)
    else if (step.kind === 'restart') log.restart()
    else await this.#crash(step)
    if (log.storage.isStopped) {
      const losesPower = step.kind === 'flush' && step.losesPower === true
      await this.#crash({ kind: losesPower ? 'power' : 'kill', stopsAt: [] })
    }
    await this.look()
  }

  /** Reads everything and compares. What was in doubt is settled by this: it must stay as it is. */
  async look(): Promise<void> {
    const rows = rowsOf(await this.log.read({ maxRows: 5 }))
    const edits = (await this.log.read()).flatMap(({ edit }) => (edit ? [edit] : []))
    const posts = (await this.log.read({ stream: 'posts' })).flatMap(({ documents }) => documents)
    assert.equal(damagedOf(await this.log.read()), 0, 'rows were lost that were acknowledged')
    const seen = new Set([...rows.map(({ value }) => `v${value}`), ...posts.map(({ key }) => key)])
    for (const edit of edits) seen.add(edit.device)
    let books = 0
    let cutFlush = -1
    for (const [i, commit] of this.#commits.entries()) {
      const parts = partsOf(commit, i)
      const found = parts.filter((part) => seen.has(part)).length
      if (commit.state === 'acked') assert.equal(found, parts.length, `acknowledged commit ${i} is not whole`)
      else if (commit.state === 'unknown') {
        assert.ok(found === 0 || found === parts.length, `commit ${i} is there in part`)
        assert.ok(found === 0 || commit.flush !== cutFlush, `commit ${i} is there without the one before it`)
        commit.state = found > 0 ? 'acked' : 'gone'
        if (found === 0) cutFlush = commit.flush
      } else assert.equal(found, 0, `refused commit ${i} is delivered`)
      if (commit.state === 'acked') books = commit.books
    }
    const acked = this.#commits.filter(({ state }) => state === 'acked')
    assert.deepEqual(
      rows.map(({ value }) => value),
      acked.flatMap(({ values }) => values),
    )
    assert.deepEqual(
      posts.map(({ key }) => key),
      acked.flatMap(({ keys }) => keys),
    )
    for (const { value, device, series } of rows) assert.equal(device, nameOf(series).device, `row ${value}`)
    this.#checkNumbers(rows.map(({ number, value }) => [number, `v${value}`]))
    this.#checkNumbers(posts.map(({ number, key }) => [number, key]))
    this.#checkNumbers(edits.map(({ base, device }) => [Number(base), device]))
    assert.equal(this.log.writer.books.rowsAccepted, books)
    assert.equal(this.log.writer.rows.get('readings') ?? 0, rows.length)
    assert.equal(this.log.writer.rows.get('posts') ?? 0, posts.length)
  }

  #flush({ commits, fault, stopAt }: Extract<Step, { kind: 'flush' }>): void {
    const { storage, writer } = this.log
    if (fault) this.#fail(fault.nth, fault.fault)
    if (stopAt !== undefined) storage.stopNth(stopAt)
    this.#flushes++
    const staged = commits.map((plan) => this.#append(plan))
    try {
      writer.flush()
      for (const commit of staged) commit.state = 'acked'
      // Whatever was refused before lies behind a segment that counts, or is cut off.
      this.#isCutOff = true
      for (const commit of this.#commits) if (commit.state === 'refused') commit.state = 'gone'
    } catch (error) {
      assert.ok(error instanceof SluiceError, String(error))
      assert.notEqual(error.code, 'internal')
      for (const commit of staged) commit.state = storage.isStopped ? 'unknown' : 'refused'
    }
    if (!storage.isStopped) storage.fault = undefined
  }

  #fail(nth: number, fault: StorageFault): void {
    const { storage } = this.log
    storage.failNth(nth, fault)
    const fail = storage.fault
    storage.fault = (call) => {
      const happens = fail?.(call)
      if (happens && call.operation === 'truncate') this.#isCutOff = false
      return happens
    }
  }

  #append({ rows, posts, hasEdit, hasName }: PlannedCommit): ModelCommit {
    const id = this.#commits.length
    if (hasName || this.#series === 0) this.#series++
    const values = range(this.#given, this.#given + rows)
    this.#given += rows
    // Something of every commit must be seen, or nobody can tell whether it is there.
    const keys = range(0, rows > 0 || hasEdit ? posts : Math.max(posts, 1)).map((i) => `p${id}.${i}`)
    const commit: ModelCommit = {
      values,
      keys,
      hasEdit,
      books: id + 1,
      flush: this.#flushes,
      state: 'unknown',
    }
    this.#commits.push(commit)
    this.log.writer.append(
      changesOf({
        // As the intake does it: names come with every commit until one with them is durable.
        names: range(0, this.#series).flatMap((i) => (this.log.writer.dictionary.get(i) ? [] : [nameOf(i)])),
        readings:
          rows > 0 ? readingsOf(values.map((value) => ({ series: value % this.#series, value }))) : undefined,
        edits: hasEdit ? [{ device: `e${id}`, metric: undefined, from: 0, to: 1, patch: undefined }] : [],
        documents:
          keys.length > 0
            ? [
                documentsOf(
                  'posts',
                  keys.map((key) => ({ key, body: key })),
                ),
              ]
            : [],
        books: booksOf(id + 1),
      }),
    )
    return commit
  }

  async #crash({ kind, stopsAt }: Extract<Step, { kind: 'kill' | 'power' }>): Promise<void> {
    const { log } = this
    for (const stopAt of [...stopsAt, undefined]) {
      if (kind === 'kill') log.storage.kill()
      else log.storage.losePower()
      if (kind === 'power' || !this.#isCutOff) {
        for (const commit of this.#commits) if (commit.state === 'refused') commit.state = 'unknown'
      }
      // A start may be cut short too.
      if (stopAt !== undefined) log.storage.stopNth(stopAt)
      try {
        log.start()
      } catch (error) {
        if (!log.storage.isStopped) throw error
        continue
      }
      if (log.storage.isStopped) continue
      log.storage.fault = undefined
      await this.look()
    }
  }

  #checkNumbers(numbered: readonly (readonly [number, string])[]): void {
    numbered.forEach(([number, what], i) => {
      assert.ok(
        i === 0 || number > (numbered[i - 1]?.[0] ?? 0),
        `number ${number} is not above the one before`,
      )
      assert.equal(this.#numbers.get(number) ?? what, what, `number ${number} was given twice`)
      this.#numbers.set(number, what)
    })
  }
}

function partsOf({ values, keys, hasEdit }: ModelCommit, id: number): string[] {
  return [...values.map((value) => `v${value}`), ...keys, ...(hasEdit ? [`e${id}`] : [])]
}
