import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'

/** What a process of its own writes to standard error. */
function logged(format: string, level = 'info'): string[] {
  const program = `
    import { createLogger } from ${JSON.stringify(path.join(import.meta.dirname, 'logger.ts'))}
    const logger = createLogger({ level: '${level}', format: '${format}' }).child({ door: 'mqtt' })
    logger.debug('not shown')
    logger.warn({ port: 1883, names: ['a'] }, 'it rains')
    logger.error(new Error('broken'))`
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
  assert.match(lines[1] ?? '', /error broken door=mqtt$/)
  assert.match(lines[2] ?? '', /Error: broken/)
})

test('what is below the level is not written', () => {
  assert.equal(logged('json', 'error').length, 1)
})
