import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { serverUrl } from './server-url.ts'

/*
 * `npm run dev`: the server starts again whenever a file of src/ changes, and the web app's development server shows changes at once.
 * Arguments go to `sluice up`. Ctrl-C ends both; if one ends by itself, so does the other.
 */
const root = path.resolve(import.meta.dirname, '..')
const vite = path.join(root, 'node_modules/vite/bin/vite.js')

const args = process.argv.slice(2)
const url = serverUrl(args)

const server = run(
  ['--watch-path=src', '--watch-preserve-output', 'src/cli/main.ts', 'up', '--demo', ...args],
  root,
)
const web = run([vite, '--clearScreen', 'false'], path.join(root, 'web'), {
  ...process.env,
  DEV_SLUICE_URL: url,
})

for (const child of [server, web]) {
  child.once('exit', (code) => {
    process.exitCode ??= code ?? 0
    server.kill('SIGTERM')
    web.kill('SIGTERM')
  })
}
// The terminal sends Ctrl-C to the children too; this process only has to wait for them.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => {
  server.kill('SIGTERM')
  web.kill('SIGTERM')
})

function run(args: readonly string[], cwd: string, env = process.env): ChildProcess {
  return spawn(process.execPath, args, { cwd, env, stdio: 'inherit' })
}
