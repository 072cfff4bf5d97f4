import pino, { type Logger } from 'pino'
import { LineWriter } from './line-writer.ts'
import { printable, printableLines } from './printable.ts'

export interface LoggingOptions {
  readonly level: string
  readonly format: 'auto' | 'json' | 'text'
}

/**
 * Structured logs on standard error, one JSON object a line; as plain lines for people where that is a terminal or asked for. A line that
 * cannot be written holds nobody up: see `LineWriter`.
 */
export function createLogger({ level, format }: LoggingOptions): Logger {
  const isText = format === 'text' || (format === 'auto' && process.stderr.isTTY)
  const form = isText ? plain : (line: string) => line
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    ...(isText ? { formatters: { level: (label: string) => ({ level: label }) } } : {}),
  }
  let told = ''
  const teller = pino({ ...options, level: 'warn' }, { write: (line) => (told = line) })
  const lines = new LineWriter(2, {
    lost(count) {
      teller.warn(`${count} log lines could not be written`)
      return form(told)
    },
  })
  return pino(options, { write: (line) => lines.write(form(line)) })
}

/** `12:03:55 warn  message key=value …` */
function plain(line: string): string {
  // pino's own line.
  const { time, level, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>
  const fields = Object.entries(rest).map(
    ([key, value]) => ` ${key}=${printable(typeof value === 'string' ? value : JSON.stringify(value))}`,
  )
  const stack =
    typeof err === 'object' && err !== null && 'stack' in err
      ? `\n  ${printableLines(String(err.stack))}`
      : ''
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${printable(String(msg))}${fields.join('')}${stack}\n`
}
