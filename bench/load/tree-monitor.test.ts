import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'node:test'
import { TreeMonitor } from './tree-monitor.ts'

test('memory and time of a child of the process count, and stay counted when it has ended', async () => {
  const grandchild = `const b = Buffer.alloc(200e6, 1); const t = Date.now(); while (Date.now() - t < 300); console.log(b.length)`
  const child = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: 'inherit' })
    .on('exit', () => { console.log('ended'); setTimeout(() => {}, 60000) })`
  const parent = spawn(process.execPath, ['-e', child], { stdio: ['ignore', 'pipe', 'inherit'] })
  const monitor = new TreeMonitor(parent.pid ?? 0)
  try {
    let output = ''
    parent.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    while (!output.includes('200000000')) await once(parent.stdout, 'data')
    const { rssMb, cpuSeconds } = monitor.use()
    assert.ok(rssMb > 200 && rssMb < 1000, `${rssMb} MiB`)
    assert.ok(cpuSeconds > 0.2, `${cpuSeconds} s`)
    while (!output.includes('ended')) await once(parent.stdout, 'data')
    assert.ok(monitor.use().cpuSeconds >= cpuSeconds)
    assert.equal(monitor.use().rssMb, rssMb, 'the most that was seen')
  } finally {
    monitor.stop()
    parent.kill('SIGKILL')
  }
})
