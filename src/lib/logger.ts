import pino, { type Logger } from 'pino'

export interface LoggingOptions {
  readonly level: string
  readonly format: 'auto' | 'json' | 'text'
}

/** Structured logs on standard error, one JSON object a line; as plain lines for people where that is a terminal or asked for. */
export function createLogger({ level, format }: LoggingOptions): Logger {
  const isText = format === 'text' || (format === 'auto' && process.stderr.isTTY)
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (!isText) return pino(options, pino.destination({ fd: 2, sync: true }))
  return pino(
    { ...options, formatters: { level: (label) => ({ level: label }) } },
    { write: (line) => process.stderr.write(plain(line)) },
  )
}

/** `12:03:55 warn  message key=value …` */
function plain(line: string): string {
  // pino's own line.
  const { time, level, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>
  const fields = Object.entries(rest).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n  ${String(err.stack)}` : ''
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(msg)}${fields.join('')}${stack}\n`
}
