import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { SluiceError } from '../../../core/errors.ts'
import { type FileContents, readFiles, watchFiles } from '../../../lib/watched-files.ts'
import type { MqttConfig } from '../config.ts'
import type { MqttLog } from '../log.ts'

/** Certificate, key and the authorities of clients, as `tls` takes them. */
export interface Certificates extends Pick<SecureContextOptions, 'cert' | 'key' | 'ca' | 'minVersion'> {}

/** Files of PEM that hold them. They may be replaced while Sluice runs. */
export class CertificateFiles {
  readonly #files: readonly string[]
  readonly #minVersion: MqttConfig['tls']['minVersion']
  readonly #log: MqttLog
  #contents: FileContents = []

  constructor({ certFile, keyFile, caFile, minVersion }: MqttConfig['tls'], log: MqttLog) {
    this.#files = [certFile, keyFile, caFile].filter((file) => file !== undefined)
    this.#minVersion = minVersion
    this.#log = log
  }

  /** @throws SluiceError `config-invalid` if they cannot be read or do not belong together. */
  async read(): Promise<Certificates> {
    this.#contents = await readFiles(this.#files)
    return this.#judge(this.#contents)
  }

  /** Tells of the certificates whenever others are there; those that cannot be used are logged. Returns what ends it. */
  watch(changed: (certificates: Certificates) => void): () => void {
    return watchFiles(this.#files, this.#contents, (contents) => {
      try {
        changed(this.#judge(contents))
      } catch (error) {
        this.#log.error({ err: error }, 'mqtt: new certificates cannot be used; the ones before stay')
      }
    })
  }

  #judge(contents: FileContents): Certificates {
    try {
      if (contents instanceof Error) throw contents
      const [cert, key, ca] = contents.map((bytes) => Buffer.from(bytes))
      const certificates = {
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(ca === undefined ? {} : { ca }),
        minVersion: this.#minVersion,
      }
      createSecureContext(certificates)
      const { subject, validTo, fingerprint256: fingerprint } = new X509Certificate(cert ?? '')
      // `createSecureContext` passes over an authority that is none.
      const authority = ca === undefined ? undefined : new X509Certificate(ca).subject
      this.#log.info({ subject, validTo, fingerprint, authority }, 'mqtt: certificate in use')
      return certificates
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const message = `the certificates of mqtt.tls (${this.#files.join(', ')}) cannot be used: ${why}`
      throw new SluiceError('config-invalid', message, error)
    }
  }
}
