import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { systemClock } from '../lib/clock.ts'
import { processTree, readProc } from './process-tree.ts'

export interface OwnServerOptions {
  /** The program, `src/cli/main.ts`. */
  readonly program: string
  /** A folder of this run alone. The server's data is in `data` below it; a fault may put what it needs beside that. */
  readonly folder: string
  readonly mqttPort: number
  readonly httpPort: number
  readonly config?: string
  /** Further `--set` pairs, such as `{ 'log.segmentBytes': '1 MiB' }`. */
  readonly settings: Readonly<Record<string, string>>
  /** Added to this process's own environment, of which Sluice's settings are left out. */
  readonly environment: Readonly<Record<string, string>>
  readonly nodeFlags: readonly string[]
  readonly readyMs: number
}

export interface ServerExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Called around every start but the first. */
export interface RestartHooks {
  /** The server is down, and is started now. */
  down(): Promise<void>
  /** It is ready again. */
  back(server: OwnServer): Promise<void>
}

const outputChars = 1024 * 1024
/** As the first line of the program has it. */
const programFlag = '--max-semi-space-size=8'
const stopMs = 15_000

/** `sluice up` as a process tree of our own, that may be killed and started again: data and ports stay the same. */
export class OwnServer {
  readonly options: OwnServerOptions
  readonly data: string
  /** Where it is asked: `http://127.0.0.1:port`. */
  readonly url: string
  starts = 0
  slowestStartMs = 0
  hooks: RestartHooks | undefined
  #child: ChildProcess | undefined
  #exited: Promise<ServerExit> = Promise.resolve({ code: null, signal: null })
  #closed: Promise<ServerExit> = this.#exited
  #output = ''
  /** Of the running process alone. */
  #said = ''
  /** In its earlier lives. */
  #storeRestarts = 0
  #onOutput: () => void = () => {}
  #isHeldBack = false
  readonly #orphan = (): void => this.#signal('SIGKILL', this.tree)

  constructor(options: OwnServerOptions) {
    this.options = options
    this.data = path.join(options.folder, 'data')
    this.url = `http://127.0.0.1:${options.httpPort}`
    fs.mkdirSync(this.data, { recursive: true })
  }

  /** Starts it without waiting for anything; the fleet stays away until `start`. It must have ended. */
  async spawn(): Promise<void> {
    if (this.running) throw new Error('the server runs already')
    if (this.starts > 0 && !this.#isHeldBack) {
      this.#isHeldBack = true
      await this.hooks?.down()
    }
    const { program, mqttPort, httpPort, config, settings, nodeFlags } = this.options
    const sets = { ...settings, 'mqtt.port': mqttPort, 'http.port': httpPort }
    const child = spawn(
      process.execPath,
      [
        ...[programFlag, ...nodeFlags, program, 'up', '--no-demo', '--data', this.data],
        ...(config === undefined ? [] : ['--config', config]),
        ...Object.entries(sets).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...ownEnvironment(), ...this.options.environment } },
    )
    this.#child = child
    this.starts++
    this.#storeRestarts = this.storeRestarts
    this.#said = ''
    this.#exited = ended(child, 'exit')
    this.#closed = ended(child, 'close')
    process.once('exit', this.#orphan) // whoever proves and dies leaves nothing behind
    child.once('close', () => process.off('exit', this.#orphan))
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-outputChars)
        this.#said = (this.#said + text).slice(-outputChars)
        this.#onOutput()
      })
  }

  /** Starts it, unless `spawn` has, and resolves when it is ready and the fleet may go on. Throws if it ends or takes too long. */
  async start(): Promise<void> {
    const from = systemClock.monotonicMs()
    if (!this.running) await this.spawn()
    await this.#ready()
    this.slowestStartMs = Math.max(this.slowestStartMs, systemClock.monotonicMs() - from)
    if (!this.#isHeldBack) return
    this.#isHeldBack = false
    await this.hooks?.back(this)
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** How it has ended, in words. */
  get ending(): string {
    const { exitCode, signalCode } = this.#child ?? {}
    return signalCode != null ? `it was killed with ${signalCode}` : `exit code ${exitCode}`
  }

  /** Of the program itself; 0 before the first start. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** The program and every process it started: parents before their children. Empty when it does not run. */
  get tree(): readonly number[] {
    return this.running ? processTree(this.pid) : []
  }

  /** The processes of its stores. */
  get storePids(): readonly number[] {
    return this.tree.slice(1).filter((pid) => readProc(`/proc/${pid}/cmdline`)?.includes('store-process'))
  }

  /** Everything that all its lives have printed (the last megabyte). */
  get output(): string {
    return this.#output
  }

  /** How often, in all its lives, the program has started the process of a store again. */
  get storeRestarts(): number {
    return this.#storeRestarts + (this.#said.match(/; starting again in \d+ ms/g)?.length ?? 0)
  }

  /** The program itself has ended. */
  get exited(): Promise<ServerExit> {
    return this.#exited
  }

  /** Sends a signal to the program, or to these of its processes; those that have ended meanwhile are passed over. */
  signal(signal: NodeJS.Signals, pids: readonly number[] = [this.pid]): void {
    this.#signal(signal, pids)
  }

  /** kill -9 of the whole tree, or of these of its processes; resolves when the program and everything it started have ended. */
  async kill(pids: readonly number[] = this.tree): Promise<void> {
    this.#signal('SIGKILL', pids)
    await this.#closed
  }

  /** SIGTERM; resolves when it and everything it started have ended. What does not end within 15 s is killed. */
  async terminate(): Promise<ServerExit & { readonly tookMs: number; readonly killed: boolean }> {
    const from = systemClock.monotonicMs()
    let killed = false
    this.signal('SIGTERM')
    const timer = setTimeout(() => {
      killed = true
      this.#signal('SIGKILL', this.tree)
    }, stopMs)
    try {
      const exit = await this.#exited
      const tookMs = systemClock.monotonicMs() - from
      await this.#closed
      return { ...exit, tookMs, killed }
    } finally {
      clearTimeout(timer)
    }
  }

  /** What `GET path` answers. */
  async get(path: string, signal: AbortSignal = AbortSignal.timeout(10_000)): Promise<unknown> {
    const response = await fetch(new URL(path, this.url), { signal })
    const body = await response.text()
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${body.slice(0, 500)}`)
    const answer: unknown = JSON.parse(body)
    return answer
  }

  async #ready(): Promise<void> {
    const said = Promise.withResolvers<void>()
    const failed = (what: string) => said.reject(new Error(`the server ${what}:\n${this.#said}`))
    const timer = setTimeout(
      () => failed(`was not ready after ${this.options.readyMs} ms`),
      this.options.readyMs,
    )
    this.#onOutput = () => {
      if (/^ready\b/m.test(this.#said)) said.resolve()
    }
    this.#onOutput()
    const child = this.#child
    this.#closed.then(
      ({ code, signal }) => {
        if (this.#child === child) failed(`ended with ${code ?? signal} before it was ready`)
      },
      (error: unknown) => said.reject(error),
    )
    try {
      await said.promise
    } finally {
      clearTimeout(timer)
      this.#onOutput = () => {}
    }
  }

  #signal(signal: NodeJS.Signals, pids: readonly number[]): void {
    for (const pid of pids) {
      if (pid <= 0) continue // never started: 0 would be our own group
      try {
        process.kill(pid, signal)
      } catch {} // ended meanwhile
    }
  }
}

function ended(child: ChildProcess, event: 'exit' | 'close'): Promise<ServerExit> {
  const { promise, resolve, reject } = Promise.withResolvers<ServerExit>()
  child.once('error', reject)
  child.once(event, (code: number | null, signal: NodeJS.Signals | null) => resolve({ code, signal }))
  promise.catch(() => {}) // told where it is waited for
  return promise
}

function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')))
}
