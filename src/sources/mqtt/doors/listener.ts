import { type AddressInfo, createServer, type Socket } from 'node:net'
import { SluiceError } from '../../../core/errors.ts'
import type { MqttLog } from '../log.ts'

/** A port that is listened on. */
export interface Listener {
  readonly address: AddressInfo
  /** Accepts nobody more; resolves when every socket that it accepted is gone. */
  close(): Promise<void>
}

export interface Place {
  readonly host: string
  readonly port: number
  /** The section of the configuration, for people. */
  readonly key: string
}

/** @throws SluiceError `config-invalid` where the address is taken or not ours. */
export function openListener(place: Place, log: MqttLog, enter: (socket: Socket) => void): Promise<Listener> {
  const { host, port, key } = place
  // Half-open: a sender that has finished still gets its acknowledgements.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, enter)
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `mqtt cannot listen on ${host}:${port}: ${error.message}; choose another with --set ${key}.port=N`
      reject(new SluiceError('config-invalid', message, error))
    })
    // While it listens: no file descriptor left for a connection, for one.
    server.on('error', (error) => log.error({ err: error }, 'mqtt: accepting failed'))
    server.listen(port, host, () => {
      const address = server.address()
      if (address === null || typeof address === 'string')
        reject(new TypeError('a TCP server has an address'))
      else
        resolve({
          address,
          close: () => new Promise((closed) => server.close(() => closed())),
        })
    })
  })
}
