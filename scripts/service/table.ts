/** A program that tests call. */
export interface Tool {
  readonly name: string
  readonly why: string
  /** Names it may have, the first one found is taken. */
  readonly programs: readonly string[]
  /** The Debian package that has it. */
  readonly debian: string
  /** The environment variable that names it for tests; set by hand it is taken as it is. */
  readonly variable: string
}

/** A server that tests speak to, on a private port and with a folder of its own under .services/. */
export interface Server {
  readonly name: string
  readonly why: string
  /** Tools it runs on; they are installed first. */
  readonly tools: readonly Tool[]
  /** A high port of loopback that nobody else here uses. */
  readonly port: number
  /** What to run in the foreground; `folder` is empty at the first start and kept from then on. */
  command(folder: string, port: number): readonly [program: string, ...args: string[]]
  /** For tests, by name. */
  variables(port: number): Readonly<Record<string, string>>
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

/** Everything that tests need beyond npm packages: one line each. */
export const serviceTable: ServiceTable = {
  tools: [mosquittoPub, mosquittoSub, chromium],
  servers: [],
}
