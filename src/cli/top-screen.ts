import type { ReadStream, WriteStream } from 'node:tty'
import { type Sort, sorts, type TopAnswer, topTables } from './top-table.ts'

/** What of a terminal is used. */
export interface Terminal {
  readonly input: Pick<ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'pause'>
  readonly output: Pick<WriteStream, 'rows' | 'write' | 'on' | 'off'>
}

const keys = 'q quit   s sort'
// ECMA-48, and xterm's private modes: another screen, no cursor, long lines are cut; home; the rest of the line, of the screen.
const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l'
const home = '\x1b[H'
const clearLine = '\x1b[K'
const clearBelow = '\x1b[J'

/** The terminal: drawn over in one write, so that nothing flickers, and given back as it was. */
export class Screen {
  readonly #terminal: Terminal
  #sort: Sort
  #answer: TopAnswer | undefined
  readonly #onInput: (pressed: Buffer) => void
  readonly #draw = () => this.#redraw()

  /** `leave` is called when the user wants to go. */
  constructor(terminal: Terminal, sort: Sort, leave: () => void) {
    this.#terminal = terminal
    this.#sort = sort
    this.#onInput = (pressed) => {
      const key = pressed.toString('latin1')
      if (key === 's') {
        this.#sort = sorts[(sorts.indexOf(this.#sort) + 1) % sorts.length] ?? 'rate'
        this.#redraw()
      } else if (key === 'q' || key === '\x03') leave()
    }
    const { input, output } = terminal
    if (input.isTTY) {
      input.setRawMode(true)
      input.on('data', this.#onInput)
    }
    output.on('resize', this.#draw)
    output.write(enter)
    this.#redraw()
  }

  show(answer: TopAnswer): void {
    this.#answer = answer
    this.#redraw()
  }

  close(): void {
    const { input, output } = this.#terminal
    output.off('resize', this.#draw)
    if (input.isTTY) {
      input.off('data', this.#onInput)
      input.setRawMode(false)
      input.pause()
    }
    output.write(leave)
  }

  #redraw(): void {
    const { output } = this.#terminal
    const { rows } = output
    const text = this.#answer === undefined ? 'measuring …' : topTables(this.#answer, this.#sort, rows - 1)
    const lines = [...text.split('\n').slice(0, rows - 1), keys]
    output.write(`${home}${lines.map((line) => line + clearLine).join('\r\n')}${clearBelow}`)
  }
}
