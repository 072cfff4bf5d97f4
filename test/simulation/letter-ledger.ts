import type { SinkBooks } from '../../src/core/sink.ts'
import type { Ledger, SinkLedger } from './ledger.ts'
import { StandingLetters } from './standing-letters.ts'
import { must } from './violation.ts'

interface Letter {
  readonly source: string
  readonly bytes: string
  readonly reason: string
  readonly key?: string
}

/** The dead letters, as their store takes them: one of each key of a sink stands. */
export class LetterLedger {
  readonly #ledger: Ledger
  readonly #standing = new StandingLetters()
  /** Of each sink's letter that stands, by its key. */
  readonly #keys = new Map<string, { readonly sink: string; readonly value: number }>()
  readonly #junk = new Map<string, number>()
  /** Letters of sinks, with those that were put twice. */
  ofSinks = 0
  #last = -1

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  take(number: number, body: Uint8Array): 'stored' | 'repeated' {
    must(number > this.#last, () => `letters: number ${number} comes after ${this.#last}`)
    this.#last = number
    // as: the form that the intake keeps letters in.
    const letter = JSON.parse(Buffer.from(body).toString('utf8')) as Letter
    const text = Buffer.from(letter.bytes, 'base64').toString('utf8')
    must(letter.reason !== '', () => `a letter has no reason: ${text}`)
    const isNew = this.#standing.take(body)
    if (letter.key === undefined) this.#takeJunk(number, text)
    else this.#takeKeyed(letter.key, letter.source, text, isNew)
    return isNew ? 'stored' : 'repeated'
  }

  #takeJunk(number: number, text: string): void {
    this.#ledger.number(number, text)
    this.#junk.set(text, (this.#junk.get(text) ?? 0) + 1)
  }

  #takeKeyed(key: string, sink: string, text: string, isNew: boolean): void {
    this.ofSinks++
    const { v: value } = JSON.parse(text) as { v: number } // as: a sink's letter is a record as the doors read it
    const before = this.#keys.get(key)
    if (isNew) must(before === undefined, () => `duplicate: the letter ${key} stands twice`)
    else must(before?.value === value, () => `the letter ${key} is of ${before?.value} and of ${value}`)
    this.#ledger.number(Number(key.split('/').at(-1)), `value ${value}`)
    this.#keys.set(key, { sink, value })
  }

  /** Counts what stands in letters for its sink, and judges what no sink ever saw. */
  judge(sinks: Readonly<Record<string, SinkLedger>>, books: Readonly<Record<string, SinkBooks>>): void {
    for (const { sink, value } of this.#keys.values()) sinks[sink]?.count(value)
    for (const [sink, { deadLettered }] of Object.entries(books)) {
      const letters = [...this.#keys.values()].filter((letter) => letter.sink === sink).length
      must(letters === deadLettered, () => `${sink} counts ${deadLettered} letters, there are ${letters}`)
    }
    for (const { junk, answer, sends } of this.#ledger.offers) {
      if (junk === undefined) continue
      const found = this.#junk.get(junk) ?? 0
      must(answer !== 'acked' || found > 0, () => `lost: the letter of ${junk}`)
      must(found <= sends, () => `duplicate: ${found} letters of ${junk}`)
    }
  }
}
