import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type PacketOf, RawMqttClient } from '../../support/raw-mqtt-client.ts'
import { questionsOfBothVersions } from './both-versions.ts'
import { questionsOfVersion5 } from './version-5.ts'

/**
 * A server under examination: configured as deploy/profiles/mqtt-interoperability.yaml configures Sluice, and nobody else's.
 */
export interface ExaminedServer {
  readonly host: string
  readonly port: number
  /** Resolves when so much time has passed at the server. */
  pass(seconds: number): Promise<void>
  stop(): Promise<void>
}

/** Speaks to the server under clients and topics that no other question uses. */
export interface Candidate {
  readonly version: 4 | 5
  /** The topic, or filter, within the question's own. */
  topic(name: string): string
  /** A client that answers what it is sent; `name` is its client id within the question's own. */
  connect(name: string, more?: Partial<PacketOf<'connect'>>): Promise<RawMqttClient>
  /** The same, and it leaves every message unanswered. */
  connectSilent(name: string, more?: Partial<PacketOf<'connect'>>): Promise<RawMqttClient>
  /** A socket that has said nothing yet. */
  open(): Promise<RawMqttClient>
  pass(seconds: number): Promise<void>
}

export interface Question {
  readonly name: string
  ask(candidate: Candidate): Promise<void>
}

/**
 * What the interoperability suites of Eclipse Paho (`client_test.py`, `client_test5.py`) ask of a server, question by question, and with
 * packets waited for where those wait for time. `failing` names questions that this server is known to fail, and why.
 */
export function examineMqttServer(
  server: { readonly name: string; readonly skip: string | false; start(): Promise<ExaminedServer> },
  failing: Readonly<Record<string, string>> = {},
): void {
  const questions = [
    ...questionsOfBothVersions.map((question) => ({ version: 4 as const, question })),
    ...[...questionsOfBothVersions, ...questionsOfVersion5].map((question) => ({
      version: 5 as const,
      question,
    })),
  ]
  let started: ExaminedServer | undefined
  before(async () => {
    if (server.skip === false) started = await server.start()
  })
  after(() => started?.stop())
  const titles = questions.map(({ version, question }) => titleOf(version, question))
  for (const title of Object.keys(failing)) assert.ok(titles.includes(title), `nobody asks "${title}"`)
  for (const { version, question } of questions) {
    const title = titleOf(version, question)
    const why = failing[title]
    const skip = server.skip === false ? (why ?? false) : server.skip
    test(`${server.name}, ${title}`, { skip }, async () => {
      if (started === undefined) throw new Error('the server was not started')
      await ask(question, version, started)
    })
  }
}

function titleOf(version: 4 | 5, { name }: Question): string {
  return `${version === 4 ? 'MQTT 3.1.1' : 'MQTT 5'}: ${name}`
}

async function ask(question: Question, version: 4 | 5, server: ExaminedServer): Promise<void> {
  const own = randomBytes(4).toString('hex')
  const clients: RawMqttClient[] = []
  const open = async () => {
    const client = await RawMqttClient.open(server.port, version, server.host)
    clients.push(client)
    return client
  }
  const connectSilent = async (name: string, more: Partial<PacketOf<'connect'>> = {}) => {
    const client = await open()
    await client.enter({ clientId: name === '' ? '' : `${name}-${own}`, ...more })
    return client
  }
  try {
    await question.ask({
      version,
      topic: (name) => `exam-${own}/${name}`,
      open,
      connectSilent,
      async connect(name, more) {
        const client = await open()
        client.answers = true
        await client.enter({ clientId: name === '' ? '' : `${name}-${own}`, ...more })
        return client
      },
      pass: (seconds) => server.pass(seconds),
    })
  } finally {
    for (const client of clients) client.destroy()
  }
}
