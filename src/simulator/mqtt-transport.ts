import { rootCertificates } from 'node:tls'
import mqtt from 'mqtt'
import { nobodyAt, type Transport } from './transport.ts'

export interface MqttTransportOptions {
  readonly url: string
  /** Certificates to trust beside those that node knows, as PEM. */
  readonly ca: string | undefined
  readonly clientId: string
  readonly connectTimeoutMs: number
}

/** One MQTT connection, QoS 1. It reconnects by itself and sends again what was not acknowledged. */
export async function openMqttTransport({
  url,
  ca,
  clientId,
  connectTimeoutMs,
}: MqttTransportOptions): Promise<Transport> {
  const client = mqtt.connect(url, {
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
    clientId,
    clean: true,
    reconnectPeriod: 1000,
    connectTimeout: connectTimeoutMs,
  })
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => fail(new Error(`nothing within ${connectTimeoutMs / 1000} s`)),
      connectTimeoutMs,
    )
    function fail(error: Error): void {
      clearTimeout(timer)
      client.end(true)
      reject(nobodyAt(url, error))
    }
    client.once('error', fail)
    client.once('connect', () => {
      clearTimeout(timer)
      client.off('error', fail)
      // From here on it reconnects; what is lost shows in the acknowledgements.
      client.on('error', () => undefined)
      resolve()
    })
  })
  return {
    async send(topic, payload) {
      await client.publishAsync(topic, payload, { qos: 1 })
    },
    close: () => client.endAsync(true),
  }
}
