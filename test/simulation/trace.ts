/** What happened in a history, as one number; and as text if it is recorded. */
export class Trace {
  readonly lines: string[] = []
  readonly isRecording: boolean
  #hash = 0x811c9dc5

  constructor(isRecording: boolean) {
    this.isRecording = isRecording
  }

  /** FNV-1a over everything added so far. */
  get hash(): number {
    return this.#hash >>> 0
  }

  add(what: string, a?: number, b?: number): void {
    let hash = this.#hash
    for (let i = 0; i < what.length; i++) hash = Math.imul(hash ^ what.charCodeAt(i), 0x01000193)
    if (a !== undefined) hash = Math.imul(hash ^ a, 0x01000193)
    if (b !== undefined) hash = Math.imul(hash ^ b, 0x01000193)
    this.#hash = hash
    if (!this.isRecording) return
    this.lines.push([what, a, b].filter((part) => part !== undefined).join(' '))
  }
}
