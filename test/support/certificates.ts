import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { toolPath } from './needs.ts'

/** A certificate with its key, as files of PEM. */
export interface CertificatePair {
  readonly certFile: string
  readonly keyFile: string
}

/** An authority in a folder of its own, made with openssl, that signs certificates for a test. */
export class Authority {
  readonly folder: string
  readonly #pair: CertificatePair

  /** `t` removes the folder in the end, as a test's context does. */
  constructor(t: { after(remove: () => void): unknown }, name = 'sluice test authority') {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-certificates-'))
    t.after(() => fs.rmSync(this.folder, { recursive: true, force: true }))
    this.#pair = this.#files('authority')
    const { certFile, keyFile } = this.#pair
    openssl('req', '-x509', ...newKey(keyFile), '-out', certFile, '-subj', `/CN=${name}`, '-days', '2')
  }

  /** Its own certificate, for those who trust it. */
  get caFile(): string {
    return this.#pair.certFile
  }

  get ca(): Buffer {
    return fs.readFileSync(this.caFile)
  }

  /** A certificate for a server on loopback, or for a client, under a name of its own. */
  issue(commonName: string): CertificatePair {
    const pair = this.#files(commonName)
    openssl(
      ...['req', '-x509', '-CA', this.caFile, '-CAkey', this.#pair.keyFile, ...newKey(pair.keyFile)],
      ...['-out', pair.certFile, '-subj', `/O=Works/CN=${commonName}`, '-days', '1'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-addext', 'basicConstraints=CA:FALSE'],
    )
    return pair
  }

  #files(name: string): CertificatePair {
    return { certFile: path.join(this.folder, `${name}.crt`), keyFile: path.join(this.folder, `${name}.key`) }
  }
}

function newKey(keyFile: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
}

function openssl(...args: readonly string[]): void {
  execFileSync(toolPath('openssl'), args, { stdio: 'pipe' })
}
