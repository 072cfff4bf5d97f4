import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import type { Readable } from 'node:stream'
import path from 'node:path'
import { test } from 'node:test'

/** What a process of its own writes to standard error. */
function logged(format: string, level = 'info'): string[] {
  const program = `
    import { createLogger } from ${JSON.stringify(path.join(import.meta.dirname, 'logger.ts'))}
    const logger = createLogger({ level: '${level}', format: '${format}' }).child({ door: 'mqtt' })
    logger.debug('not shown')
    logger.warn({ port: 1883, names: ['a'] }, 'it rains')
    logger.error(new Error('broken \\u001b[2J'))`
  const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program])
  assert.equal(stdout.toString(), '')
  return stderr.toString().trim().split('\n')
}

test('away from a terminal a line is a JSON object', () => {
  const lines = logged('auto').map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(lines.length, 2)
  const { time, ...rest } = lines[0] ?? {}
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/)
  assert.deepEqual(rest, { level: 40, door: 'mqtt', port: 1883, names: ['a'], msg: 'it rains' })
})

test('for people a line is text, and an error shows its stack', () => {
  const lines = logged('text')
  assert.match(lines[0] ?? '', /^\d\d:\d\d:\d\d warn {2}it rains door=mqtt port=1883 names=\["a"\]$/)
  assert.match(lines[1] ?? '', /error broken \\u001b\[2J door=mqtt$/)
  assert.match(lines[2] ?? '', /Error: broken \\u001b/)
})

test('what is below the level is not written', () => {
  assert.equal(logged('json', 'error').length, 1)
})

/** Logs 2 MB once it is told to on standard input, and tells on standard output that it goes on. */
const busy = (format: string) => `
  import { createLogger } from ${JSON.stringify(path.join(import.meta.dirname, 'logger.ts'))}
  const logger = createLogger({ level: 'info', format: '${format}' })
  process.stdin.once('data', () => {
    for (let i = 0; i < 2_000; i++) logger.warn('x'.repeat(1_000))
    setImmediate(() => console.log('goes on'))
    process.stdin.destroy()
  })`

for (const format of ['json', 'text'])
  for (const [reader, isThere] of [
    ['a full disk', undefined],
    ['a reader that takes nothing', true],
    ['a reader that is gone', false],
  ] as const)
    test(`${reader} neither ends nor holds up a program that logs as ${format}`, async () => {
      const full = fs.openSync('/dev/full', 'w')
      const program = ['--input-type=module', '--eval', busy(format)]
      const stdio = ['pipe', 'pipe', isThere === undefined ? full : 'pipe'] as const
      const child = spawn(process.execPath, program, { stdio: [...stdio] })
      fs.closeSync(full)
      try {
        if (isThere === false) child.stderr?.destroy()
        let said = ''
        child.stdout?.on('data', (text: Buffer) => (said += text.toString()))
        child.stdin?.write('now')
        const [exit] = await Promise.all([once(child, 'exit'), once(child.stdout as Readable, 'end')]) // as: a pipe
        const code: unknown = exit[0]
        assert.deepEqual([code, said], [0, 'goes on\n'])
      } finally {
        child.kill('SIGKILL')
        child.stderr?.destroy()
      }
    })
