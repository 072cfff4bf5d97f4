import type { DevHistory } from './history.ts'
import { logId } from './live.ts'

/** /status in the server's form, with books that balance; the rate wanders a little so that there is something to see. */
export function devStatus(history: DevHistory, letters: number, started: number): object {
  const seconds = (Date.now() - started) / 1000
  const rows = Math.floor(
    history.rate * (seconds + 900 + 2.1 * Math.sin(seconds / 9) + 0.8 * Math.sin(seconds / 2.7)) +
      history.posted.length,
  )
  const messages = Math.floor(rows * 0.62)
  const backlog = Math.floor((Math.sin(seconds / 5) + 1) * history.rate * 0.02)
  const stored = rows - backlog
  const books = { overwritten: 0, filtered: 0, expired: 0, damaged: 0 }
  const isEmpty = rows === 0
  return {
    service: 'sluice',
    uptime_ms: Math.floor(seconds * 1000),
    mqtt: { broker: 'mqtt://127.0.0.1:1883', connectionsOpen: isEmpty ? 0 : 26, messages_received: messages },
    log: {
      id: logId,
      state: 'open',
      bytes: rows * 26 + 4096,
      segments: 1 + Math.floor(rows / 400_000),
      commits: Math.floor(seconds * 40),
    },
    intake: { series: history.fleet.length + history.posted.length },
    books: {
      messagesReceived: messages + letters,
      messagesAccepted: messages,
      messagesRefused: 0,
      messagesDeadLettered: letters,
      rowsReceived: rows + letters,
      rowsAccepted: rows,
      rowsRefused: 0,
      rowsDeadLettered: letters,
      balanced: true,
    },
    sinks: [
      {
        name: 'main',
        stream: 'readings',
        state: 'running',
        position: Date.now() * 1000,
        backlog,
        balanced: true,
        books: {
          handed: stored,
          stored: stored - Math.floor(stored / 9000),
          repeated: Math.floor(stored / 9000),
          deadLettered: 0,
          ...books,
        },
      },
      {
        name: 'main',
        stream: 'dead-letters',
        state: 'running',
        backlog: 0,
        balanced: true,
        books: { handed: letters, stored: letters, repeated: 0, deadLettered: 0, ...books },
      },
    ],
    alarms: [],
  }
}
