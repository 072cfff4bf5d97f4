import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { type Found, modelOf, type ToldByProgram } from '../support/state-program.ts'

const rounds = 20
const program = path.resolve(import.meta.dirname, '../support/state-program.ts')

test('a key that was set is there after kill -9 at once after the acknowledgement, and one that was removed is gone', {
  timeout: 120_000,
}, async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'sluice-keyed-'))
  let acknowledged = 0
  for (let round = 0; round <= rounds; round++) {
    const child = fork(program, [data], { stdio: 'inherit' })
    try {
      const before = acknowledged
      const found = await foundBy(child)
      const n = Number(found.state['count/n'] ?? 0)
      // A commit may have been on disk before anybody heard of it; never the other way round.
      assert.ok(n >= acknowledged, `round ${round}: ${n} was found, and ${acknowledged} acknowledged`)
      assert.deepEqual(found, modelOf(n), `round ${round}`)
      if (round === rounds) continue
      // Some are killed at their first commit, some while the file is behind, some when it has been written.
      acknowledged = await acknowledgedBy(child, n + 1 + 40 * (round % 4))
      assert.ok(acknowledged > before)
    } finally {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }
  rmSync(data, { recursive: true })
})

function foundBy(child: ChildProcess): Promise<Found> {
  return told(child, (message) => (message.kind === 'found' ? message.found : undefined))
}

function acknowledgedBy(child: ChildProcess, atLeast: number): Promise<number> {
  return told(child, (message) =>
    message.kind === 'acknowledged' && message.n >= atLeast ? message.n : undefined,
  )
}

/** What the first message of that kind says. */
function told<T>(child: ChildProcess, read: (message: ToldByProgram) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: ToldByProgram) => {
      const value = read(message)
      if (value === undefined) return
      child.off('message', onMessage)
      child.off('exit', onExit)
      resolve(value)
    }
    const onExit = (code: number | null) => reject(new Error(`the program ended by itself (${code})`))
    child.on('message', onMessage)
    child.once('exit', onExit)
  })
}
