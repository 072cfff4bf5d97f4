import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Ports, Server, Tool } from './table.ts'
import { toolPath } from './tools.ts'

const release = '4.3.1'
const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'
/** Who may come to the secure listener. It is on loopback and holds what tests put there: no secret. */
const user = { name: 'sluice', password: 'sluice-test' }
const library = path.resolve(import.meta.dirname, '../../.services/lib', `kafka-${release}`)

const java: Tool = {
  name: 'java',
  why: 'runs the server kafka',
  programs: ['java'],
  debian: 'openjdk-17-jre-headless',
  variable: 'JAVA',
}

const keytool: Tool = {
  name: 'keytool',
  why: 'makes the certificate of the server kafka',
  programs: ['keytool'],
  debian: 'openjdk-17-jre-headless',
  variable: 'KEYTOOL',
}

const maven: Tool = {
  name: 'mvn',
  why: 'fetches Kafka from Maven Central',
  programs: ['mvn'],
  debian: 'maven',
  variable: 'MVN',
}

/**
 * Kafka in KRaft mode, one broker: a plain listener, and a secure one (TLS, SASL PLAIN or SCRAM-SHA-256, user sluice). No topic comes by
 * itself.
 */
export const kafka: Server = {
  name: 'kafka',
  why: 'a Kafka broker',
  tools: [java, keytool, maven],
  ports: { plain: 21_900, secure: 21_901, controller: 21_902 },
  installed: () => existsSync(library),
  async install(print) {
    if (existsSync(library)) return
    print(`fetching Kafka ${release} from Maven Central`)
    const unfinished = `${library}.${process.pid}`
    const pom = path.join(import.meta.dirname, 'kafka-pom.xml')
    const goal = `${plugin}:copy-dependencies`
    const args = [
      '-B',
      '-q',
      '-C',
      '-f',
      pom,
      goal,
      '-DincludeScope=runtime',
      `-DoutputDirectory=${unfinished}`,
    ]
    try {
      await promisify(execFile)(toolPath(maven), args)
      renameSync(unfinished, library)
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true })
      const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
      throw new Error(`Kafka could not be fetched: ${said.split('\n').slice(0, 5).join('\n')}`, {
        cause: error,
      })
    }
  },
  launch(folder, ports) {
    const file = path.join(folder, 'server.properties')
    writeFileSync(file, `${properties(folder, ports).join('\n')}\n`)
    const run = [
      '-Xmx512m',
      // A server of tests lives for minutes: quick to start is better than quick later.
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-cp',
      path.join(library, '*'),
    ]
    if (!existsSync(path.join(folder, 'log', 'meta.properties'))) {
      makeCertificate(folder)
      const id = randomBytes(16).toString('base64url')
      const scram = `SCRAM-SHA-256=[name=${user.name},password=${user.password}]`
      const format = [
        'kafka.tools.StorageTool',
        'format',
        `--cluster-id=${id}`,
        '-c',
        file,
        '--add-scram',
        scram,
      ]
      execFileSync(toolPath(java), [...run, ...format], { stdio: ['ignore', 'ignore', 'pipe'] })
    }
    return { program: toolPath(java), args: [...run, 'kafka.Kafka', file] }
  },
  version: () => release,
  inContainer: ['TEST_KAFKA'],
  variables: (ports, folder) => ({
    TEST_KAFKA: `127.0.0.1:${ports['plain']}`,
    TEST_KAFKA_SECURE: `127.0.0.1:${ports['secure']}`,
    TEST_KAFKA_CA: path.join(folder, 'ca.pem'),
    TEST_KAFKA_USER: user.name,
    TEST_KAFKA_PASSWORD: user.password,
  }),
}

function properties(folder: string, ports: Ports): string[] {
  const at = (use: string): string => `127.0.0.1:${ports[use]}`
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@${at('controller')}`,
    `listeners=PLAIN://${at('plain')},SECURE://${at('secure')},CONTROLLER://${at('controller')}`,
    'listener.security.protocol.map=PLAIN:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT',
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAIN',
    `log.dirs=${path.join(folder, 'log')}`,
    'auto.create.topics.enable=false',
    // One broker: what Kafka keeps itself cannot have copies, and few partitions of it are enough.
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=4',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    // A consumer that was killed gives its partitions up within seconds if it asks for that.
    'group.min.session.timeout.ms=1000',
    'group.consumer.min.session.timeout.ms=1000',
    'group.consumer.min.heartbeat.interval.ms=500',
    `ssl.keystore.location=${path.join(folder, 'keys.p12')}`,
    'ssl.keystore.type=PKCS12',
    `ssl.keystore.password=${user.password}`,
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256',
    `listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_${user.name}="${user.password}";`,
    'listener.name.secure.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;',
  ]
}

/** keys.p12 for the server, ca.pem for its clients: one certificate that vouches for itself. */
function makeCertificate(folder: string): void {
  const keys = path.join(folder, 'keys.p12')
  rmSync(keys, { force: true })
  const keytoolRun = (...args: readonly string[]): void => {
    const common = ['-keystore', keys, '-storepass', user.password, '-alias', 'kafka']
    execFileSync(toolPath(keytool), [...args, ...common], { stdio: ['ignore', 'ignore', 'pipe'] })
  }
  keytoolRun(
    '-genkeypair',
    ...['-keyalg', 'EC', '-groupname', 'secp256r1', '-storetype', 'PKCS12', '-validity', '3650'],
    ...['-dname', 'CN=localhost', '-ext', 'san=ip:127.0.0.1,dns:localhost', '-ext', 'bc=ca:true'],
  )
  keytoolRun('-exportcert', '-rfc', '-file', path.join(folder, 'ca.pem'))
}
