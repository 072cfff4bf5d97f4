import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { parse } from 'yaml'
import { runServices } from '../scripts/service/main.ts'
import { runningPid, startServer, stopServer } from '../scripts/service/servers.ts'
import { type Server, serviceTable, type Tool } from '../scripts/service/table.ts'
import { findTool } from '../scripts/service/tools.ts'
import { needs } from './support/needs.ts'
import { freePort } from '../src/prove/free-port.ts'

const script = path.resolve(import.meta.dirname, '../scripts/services')

/** A server that is a few lines of node: it says hello, and ends when asked. */
function hello(port: number): Server {
  const source = `require('node:net').createServer((s) => s.end('hello')).listen(${port}, '127.0.0.1')`
  return {
    name: 'hello',
    why: 'says hello',
    tools: [],
    ports: { hello: port },
    launch: () => ({ program: process.execPath, args: ['-e', source] }),
    version: () => '1',
    inContainer: [],
    variables: (ports) => ({ HELLO_URL: `tcp://127.0.0.1:${ports['hello']}/it's` }),
  }
}

function home(t: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), 'sluice-services-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

test('a server is started once, known by its pid, named in env, and stopped', async (t) => {
  const folder = home(t)
  const port = await freePort()
  const server = hello(port)
  t.after(() => stopServer(server, folder))
  const lines: string[] = []
  const run = (verb: string) =>
    runServices(verb, { tools: [], servers: [server] }, folder, (line) => lines.push(line))

  assert.equal(await run('status'), 1)
  assert.equal(await run('up'), 0)
  const pid = runningPid(server, folder)
  assert.ok(pid !== undefined)
  assert.equal(await run('up'), 0)
  assert.equal(runningPid(server, folder), pid)

  lines.length = 0
  assert.equal(await run('env'), 0)
  const shell = execFileSync('bash', ['-c', `${lines.join('\n')}\necho "$HELLO_URL"`], { encoding: 'utf8' })
  assert.equal(shell, `tcp://127.0.0.1:${port}/it's\n`)

  assert.equal(await run('down'), 0)
  assert.equal(runningPid(server, folder), undefined)
  // Its pid may be a zombie's for a moment yet; what counts is that nobody answers any more.
  const [error] = (await once(net.connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')
  assert.equal(await run('down'), 0)
})

test('a pid that was given to another process since is never stopped', async (t) => {
  const folder = home(t)
  const server = hello(await freePort())
  await startServer(server, folder)
  const pid = runningPid(server, folder)
  await stopServer(server, folder)
  // The record of a server that is gone, beside a living process of the same number: this one.
  writeFileSync(path.join(folder, 'hello', 'pid'), `${process.pid} 1\n`)
  assert.notEqual(pid, undefined)
  assert.equal(runningPid(server, folder), undefined)
  await stopServer(server, folder)
})

test('a server that does not start is told with its last words, and leaves no pid', async (t) => {
  const folder = home(t)
  const server: Server = {
    ...hello(await freePort()),
    launch: () => ({
      program: process.execPath,
      args: ['-e', 'console.error("no such disk"); process.exit(3)'],
    }),
  }
  await assert.rejects(startServer(server, folder), /hello did not start: it ended with 3[^]*no such disk/)
  assert.equal(runningPid(server, folder), undefined)
})

test('a port that somebody else has is told, and nobody is stopped', async (t) => {
  const folder = home(t)
  const other = net.createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.after(() => other.close())
  const address = other.address()
  assert.ok(typeof address === 'object' && address !== null)
  await assert.rejects(startServer(hello(address.port), folder), /taken by somebody else/)
})

test('a tool is found by its variable first, then by PATH; a variable that names nothing finds nothing', () => {
  const tool: Tool = {
    name: 'n',
    why: '',
    programs: ['no-such', 'node'],
    debian: 'none',
    variable: 'NODE_TOOL',
  }
  const PATH = path.dirname(process.execPath)
  assert.equal(findTool(tool, { PATH }), path.join(PATH, 'node'))
  assert.equal(findTool(tool, { PATH, NODE_TOOL: process.execPath }), process.execPath)
  assert.equal(findTool(tool, { PATH, NODE_TOOL: '/no/such' }), undefined)
  assert.equal(findTool({ ...tool, programs: ['no-such'] }, { PATH }), undefined)
})

test('the script answers on its own: usage, status, env', () => {
  assert.equal(spawnSync(script, []).status, 2)
  const status = spawnSync(script, ['status'], { encoding: 'utf8' })
  assert.match(status.stdout, /^mosquitto_pub +\S+/m)
  for (const line of spawnSync(script, ['env'], { encoding: 'utf8' }).stdout.trim().split('\n'))
    assert.match(line, /^(export [A-Z_]+=\S+)?$/)
})

test('needs: a missing program skips with its reason on a laptop, and fails in CI', (t) => {
  const before = process.env['CI']
  const pub = process.env['MOSQUITTO_PUB']
  t.after(() => {
    process.env['CI'] = before
    process.env['MOSQUITTO_PUB'] = pub
    if (before === undefined) delete process.env['CI']
    if (pub === undefined) delete process.env['MOSQUITTO_PUB']
  })
  process.env['MOSQUITTO_PUB'] = '/no/such'
  delete process.env['CI']
  assert.equal(needs('mosquitto_pub'), 'needs mosquitto_pub: run scripts/services up')
  process.env['CI'] = 'true'
  assert.throws(() => needs('mosquitto_pub'), /scripts\/services up/)
  process.env['MOSQUITTO_PUB'] = process.execPath
  assert.equal(needs('mosquitto_pub'), false)
})

test('the containers have the ports that the table names for what they export', () => {
  const file = path.resolve(import.meta.dirname, '../deploy/compose/services.yaml')
  const { services } = parse(readFileSync(file, 'utf8')) as { services: Record<string, { ports: string[] }> }
  const exported = spawnSync(script, ['env', '--compose'], { encoding: 'utf8' }).stdout
  for (const server of serviceTable.servers) {
    const [first = ''] = server.inContainer
    const published = services[server.name]?.ports.map((port) => Number(port.split(':')[1])) ?? []
    assert.ok(published.includes(Object.values(server.ports)[0] ?? 0), server.name)
    assert.match(exported, new RegExp(`^export ${first}=\\S+$`, 'm'))
    const ports = [...exported.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port))
    for (const port of ports.filter((port) => Object.values(server.ports).includes(port)))
      assert.ok(published.includes(port), `${server.name} ${port}`)
  }
})
