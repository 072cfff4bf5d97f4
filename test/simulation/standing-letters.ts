import { readKeyedLetter } from '../../src/core/letter-key.ts'

/**
 * What a store of dead letters keeps of the letters of sinks: one of each key, as stores/duckdb/sink-letters.ts has it. A row that is refused makes its letter before the
 * sink's position moves, and another one where that did not become known.
 */
export class StandingLetters {
  readonly #keys = new Set<string>()
  /** The highest number that letters of each sink and log had: what lies above has none yet. */
  readonly #highest = new Map<string, bigint>()

  /** False: a letter of its key stands already, and this is the same one put twice. */
  take(body: Uint8Array): boolean {
    const letter = readKeyedLetter(body)
    if (letter === undefined) return true
    const { key, sink, log, number } = letter
    const lane = `${sink}/${log}`
    const highest = this.#highest.get(lane) ?? -1n
    if (number <= highest && this.#keys.has(key)) return false
    this.#keys.add(key)
    if (number > highest) this.#highest.set(lane, number)
    return true
  }
}
