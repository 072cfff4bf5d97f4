/** The part of a pino logger that the gateway uses. */
export interface MqttLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const nothing = (): void => undefined

export const silentLog: MqttLog = { debug: nothing, info: nothing, warn: nothing, error: nothing }
