import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { freePort } from '../../src/prove/free-port.ts'
import { processTree } from '../../src/prove/process-tree.ts'

export interface SluiceOptions {
  /** The data folder. */
  readonly data: string
  /** Port of the gateway; a free one is taken if not given. */
  readonly mqttPort?: number
  readonly httpPort?: number
  /** Further `--set` pairs, such as `{ 'log.level': 'debug' }`. */
  readonly settings?: Readonly<Record<string, string>>
  readonly nodeFlags?: readonly string[]
  /** How long it may take to print `ready`. */
  readonly readyMs?: number
}

export interface SluiceExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const root = path.resolve(import.meta.dirname, '../..')
const outputChars = 1024 * 1024

/** As the first line of the program has it, and `npm start`. */
const programFlag = '--max-semi-space-size=8'

/** The real program, `sluice up`, as a process of its own on ports of its own. */
export class SluiceProcess {
  readonly mqttPort: number
  readonly httpPort: number
  /** From the start of the process to its line `ready`. */
  readyMs = 0
  /** The program itself has ended; a store's process may take a moment longer. */
  readonly exited: Promise<SluiceExit>
  /** It and everything it started have ended, and the output is whole. */
  readonly closed: Promise<SluiceExit>
  readonly #child: ChildProcess
  #output = ''
  #onOutput: () => void = () => {}

  private constructor(child: ChildProcess, mqttPort: number, httpPort: number) {
    this.#child = child
    this.mqttPort = mqttPort
    this.httpPort = httpPort
    const exited = Promise.withResolvers<SluiceExit>()
    const closed = Promise.withResolvers<SluiceExit>()
    child.on('error', exited.reject)
    child.on('exit', (code, signal) => exited.resolve({ code, signal }))
    child.on('close', (code, signal) => closed.resolve({ code, signal }))
    this.exited = exited.promise
    this.closed = closed.promise
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-outputChars)
        this.#onOutput()
      })
    }
  }

  /** Starts the program without waiting for anything. */
  static async spawn(options: SluiceOptions): Promise<SluiceProcess> {
    const mqttPort = options.mqttPort ?? (await freePort())
    const httpPort = options.httpPort ?? (await freePort())
    const settings = { 'mqtt.port': mqttPort, 'http.port': httpPort, ...options.settings }
    const child = spawn(
      process.execPath,
      [
        programFlag,
        ...(options.nodeFlags ?? []),
        path.join(root, 'src/cli/main.ts'),
        'up',
        '--no-demo',
        '--data',
        options.data,
        ...Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: environment() },
    )
    const sluice = new SluiceProcess(child, mqttPort, httpPort)
    const orphan = (): void => sluice.kill()
    process.once('exit', orphan) // a test that dies leaves nothing behind
    child.once('close', () => process.off('exit', orphan))
    return sluice
  }

  /** Starts the program and waits until it says that it is ready. */
  static async start(options: SluiceOptions): Promise<SluiceProcess> {
    const start = performance.now()
    const sluice = await SluiceProcess.spawn(options)
    try {
      await sluice.#said(/(?<!not )\bready\b/, options.readyMs ?? 20_000)
    } catch (error) {
      sluice.kill()
      throw error
    }
    sluice.readyMs = performance.now() - start
    return sluice
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Everything it printed (the last megabyte). */
  get output(): string {
    return this.#output
  }

  /** kill -9, by default. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal)
  }

  /** The program and every process it started. */
  get tree(): readonly number[] {
    return processTree(this.pid)
  }

  /** kill -9 of the program and of every process it started, as when a machine goes down. */
  killTree(tree = this.tree): void {
    for (const pid of tree) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {} // ended meanwhile
    }
  }

  /** Asks it to stop and waits for that. */
  async stop(timeoutMs = 15_000): Promise<SluiceExit & { readonly tookMs: number }> {
    const start = performance.now()
    this.kill('SIGTERM')
    const timer = setTimeout(() => this.killTree(), timeoutMs)
    try {
      const exit = await this.exited
      const tookMs = performance.now() - start
      await this.closed
      return { ...exit, tookMs }
    } finally {
      clearTimeout(timer)
    }
  }

  /** What `GET path` on the program's HTTP port answers. */
  async get(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`, {
      signal: AbortSignal.timeout(10_000),
    })
    const body = await response.text()
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${body.slice(0, 500)}`)
    return JSON.parse(body)
  }

  async #said(pattern: RegExp, timeoutMs: number): Promise<void> {
    const said = Promise.withResolvers<void>()
    const timer = setTimeout(
      () => said.reject(new Error(`not ready after ${timeoutMs} ms:\n${this.#output}`)),
      timeoutMs,
    )
    this.#onOutput = () => {
      if (pattern.test(this.#output)) said.resolve()
    }
    this.#onOutput()
    const gone = this.closed.then(({ code, signal }) => {
      throw new Error(`sluice ended with ${code ?? signal} before it was ready:\n${this.#output}`)
    })
    try {
      await Promise.race([said.promise, gone])
    } finally {
      clearTimeout(timer)
      this.#onOutput = () => {}
      gone.catch(() => {}) // it ends later, when nobody waits for it
    }
  }
}

/** Ours less Sluice's own settings: a test says itself what it sets. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')))
}
