import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { MqttProgram } from '../support/mqtt-program.ts'
import { needs, toolPath } from '../support/needs.ts'

// mosquitto_pub and mosquitto_sub in both versions, over TCP and TLS: every QoS, retained messages, wills, shared subscriptions.

const run = promisify(execFile)
const skip = needs('openssl', 'mosquitto_pub', 'mosquitto_sub')

let program: MqttProgram
before(async () => {
  if (skip === false) program = await MqttProgram.start()
})
after(() => program?.stop())

/** mosquitto_sub, with the lines it has printed so far. */
class Subscriber {
  readonly lines: string[] = []
  readonly #child: ChildProcess
  #rest = ''

  private constructor(args: readonly string[]) {
    this.#child = spawn(toolPath('mosquitto_sub'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n')
      this.#rest = lines.pop() ?? ''
      this.lines.push(...lines)
    })
  }

  /** Resolves when its subscription stands. */
  static async start(...args: readonly string[]): Promise<Subscriber> {
    const before = await subscriptions()
    const subscriber = new Subscriber(args)
    while ((await subscriptions()) === before) await wait(20)
    return subscriber
  }

  async got(count: number): Promise<readonly string[]> {
    while (this.lines.length < count) await wait(10)
    return this.lines
  }

  /** `SIGKILL` leaves no goodbye. */
  end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return this.gone(() => this.#child.kill(signal))
  }

  /** Does what makes it end, and resolves when the gateway knows that it is gone. */
  async gone(end: () => unknown): Promise<void> {
    const before = await subscriptions()
    const ended = once(this.#child, 'exit')
    await end()
    await ended
    while ((await subscriptions()) === before) await wait(20)
  }
}

async function subscriptions(): Promise<number> {
  const { mqtt } = (await program.sluice.get('/status')) as { mqtt: { subscriptions: number } } // as documented
  return mqtt.subscriptions
}

for (const version of ['mqttv311', 'mqttv5']) {
  for (const door of ['tcp', 'tls'] as const) {
    const name = `${version}-${door}`
    const at = (): readonly string[] => {
      const port = door === 'tcp' ? program.sluice.mqttPort : program.tlsPort
      const trust = door === 'tcp' ? [] : ['--cafile', program.authority.caFile]
      return ['-V', version, '-h', '127.0.0.1', '-p', String(port), ...trust]
    }
    const publish = (...args: readonly string[]) =>
      run(toolPath('mosquitto_pub'), [...at(), ...args], { timeout: 20_000 })

    test(`${name}: messages of every QoS arrive at no more than the subscription's`, { skip }, async () => {
      for (const subscribed of [0, 1, 2]) {
        const topic = `plain/${name}/${subscribed}`
        const subscriber = await Subscriber.start(
          ...at(),
          '-q',
          String(subscribed),
          '-t',
          topic,
          '-F',
          '%q %p',
        )
        const expected: string[] = []
        for (const qos of [0, 1, 2]) {
          await publish('-q', String(qos), '-t', topic, '-m', `of ${qos}`)
          expected.push(`${Math.min(qos, subscribed)} of ${qos}`)
          assert.deepEqual(await subscriber.got(expected.length), expected)
        }
        await subscriber.end()
      }
    })

    test(`${name}: a retained message waits, and is gone once it is removed`, { skip }, async () => {
      const topic = `kept/${name}`
      await publish('-q', '1', '-r', '-t', topic, '-m', 'kept')
      const first = await Subscriber.start(...at(), '-t', `kept/${name}/#`, '-F', '%r %p')
      assert.deepEqual(await first.got(1), ['1 kept'])
      await first.end()
      await publish('-q', '1', '-r', '-t', topic, '-n')
      const second = await Subscriber.start(...at(), '-t', `kept/${name}/#`, '-F', '%r %p')
      await publish('-q', '1', '-t', topic, '-m', 'live')
      assert.deepEqual(await second.got(1), ['0 live'])
      await second.end()
    })

    test(`${name}: a will is published for a client that dies, and not for one that leaves`, {
      skip,
    }, async () => {
      const watcher = await Subscriber.start(...at(), '-q', '1', '-t', `wills/${name}/#`)
      const client = (word: string, ...more: readonly string[]) => {
        const will = ['--will-topic', `wills/${name}/${word}`, '--will-payload', word, '--will-qos', '1']
        return Subscriber.start(...at(), ...will, '-t', `nothing/${name}/${word}`, ...more)
      }
      // With -C it leaves as soon as it has a message. (Asked by a signal, it says DISCONNECT with Will in MQTT 5.)
      const leaving = await client('leaves', '-C', '1')
      await leaving.gone(() => publish('-t', `nothing/${name}/leaves`, '-m', 'go'))
      const dying = await client('dies')
      await dying.end('SIGKILL')
      assert.deepEqual(await watcher.got(1), ['dies'])
      await watcher.end()
    })

    test(`${name}: a shared subscription hands each message to one of its members`, { skip }, async () => {
      const filter = `$share/group/work/${name}/#`
      const members = [
        await Subscriber.start(...at(), '-q', '1', '-t', filter),
        await Subscriber.start(...at(), '-q', '1', '-t', filter),
      ]
      const values = Array.from({ length: 20 }, (_, i) => String(i).padStart(2, '0'))
      const lines = spawn(toolPath('mosquitto_pub'), [...at(), '-q', '1', '-t', `work/${name}/x`, '-l'])
      lines.stdin.end(`${values.join('\n')}\n`)
      await once(lines, 'exit')
      const all = () => members.flatMap(({ lines }) => lines)
      while (all().length < values.length) await wait(10)
      assert.deepEqual(all().sort(), values)
      for (const member of members) {
        assert.ok(member.lines.length > 0)
        await member.end()
      }
    })
  }
}
