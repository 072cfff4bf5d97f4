import { kafka } from './kafka.ts'
import { mosquitto } from './mosquitto.ts'
import { rabbitmq } from './rabbitmq.ts'

/** A program that tests call. */
export interface Tool {
  readonly name: string
  readonly why: string
  /** Names it may have, the first one found is taken. */
  readonly programs: readonly string[]
  /** The Debian package that has it. */
  readonly debian: string
  /** Services that the package would start and enable; they are kept from running. */
  readonly services?: readonly string[]
  /** The environment variable that names it for tests; set by hand it is taken as it is. */
  readonly variable: string
}

/** The ports of one server on loopback, by use. */
export type Ports = Readonly<Record<string, number>>

export interface Launch {
  readonly program: string
  readonly args: readonly string[]
  /** On top of this process' environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** A server that tests speak to, on private ports and with a folder of its own under .services/. */
export interface Server {
  readonly name: string
  readonly why: string
  /** Tools it runs on; they are installed first. */
  readonly tools: readonly Tool[]
  /** High ports that nobody else here uses. The first is the main one; it is up when each takes connections. */
  readonly ports: Ports
  /** False while `install` has something to fetch. */
  installed?(): boolean
  /** Fetches what is in no Debian package, once; `print` says what takes long. */
  install?(print: (line: string) => void): Promise<void>
  /** What to run in the foreground; `folder` is empty at the first start and kept from then on. */
  launch(folder: string, ports: Ports): Launch | Promise<Launch>
  /** Ends what the process leaves behind when it has ended, killed or not. */
  afterEnd?(folder: string, ports: Ports): void
  /** As it says itself. */
  version(): string
  /** For tests, by name; the first one says where to speak to it. */
  variables(ports: Ports, folder: string): Readonly<Record<string, string>>
  /** Those of its variables that hold for the container in deploy/compose/services.yaml, too. */
  readonly inContainer: readonly string[]
}

export interface ServiceTable {
  readonly tools: readonly Tool[]
  readonly servers: readonly Server[]
}

export const mosquittoPub: Tool = {
  name: 'mosquitto_pub',
  why: 'a foreign MQTT client that publishes',
  programs: ['mosquitto_pub'],
  debian: 'mosquitto-clients',
  variable: 'MOSQUITTO_PUB',
}

export const mosquittoSub: Tool = {
  name: 'mosquitto_sub',
  why: 'a foreign MQTT client that subscribes',
  programs: ['mosquitto_sub'],
  debian: 'mosquitto-clients',
  variable: 'MOSQUITTO_SUB',
}

export const chromium: Tool = {
  name: 'chromium',
  why: 'a browser for the web app',
  programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  debian: 'chromium',
  variable: 'CHROMIUM',
}

export const openssl: Tool = {
  name: 'openssl',
  why: 'certificates for tests of TLS',
  programs: ['openssl'],
  debian: 'openssl',
  variable: 'OPENSSL',
}

/** Everything that tests need beyond npm packages: one line each. */
export const serviceTable: ServiceTable = {
  tools: [mosquittoPub, mosquittoSub, chromium, openssl],
  servers: [mosquitto, rabbitmq, kafka],
}
