import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { z } from 'zod'
import { SourceFailure } from '../core/source.ts'
import { readTextFile } from '../lib/text-file.ts'

/** The options of TLS that every source has which asks a server for its messages; `server` as people call it. */
export function tlsFileOptions(server: string) {
  return {
    caFile: file(
      `Authorities that may have signed the certificate of ${server}, as PEM. Without it those of Node.js.`,
    ),
    certFile: file(`The certificate that is shown to ${server}, as PEM.`),
    keyFile: file('The private key of the certificate, as PEM.'),
  }
}

export interface TlsFiles {
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** Files of TLS without TLS would send the password in the clear, unlike what was meant. `need` is what asks for TLS. */
export function checkTlsFiles(
  { caFile, certFile, keyFile }: TlsFiles,
  isTls: boolean,
  need: string,
  context: z.RefinementCtx,
): void {
  const fault = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
  for (const [key, file] of Object.entries({ caFile, certFile, keyFile }))
    if (file !== undefined && !isTls) fault(key, `needs ${need}`)
  if (certFile !== undefined && keyFile === undefined) fault('certFile', 'needs keyFile beside it')
  if (keyFile !== undefined && certFile === undefined) fault('keyFile', 'needs certFile beside it')
}

/**
 * What the files hold, for the `tls` of Node.js. For each connection anew: certificates are replaced while we run.
 * @throws SourceFailure `stop` where a file cannot be read, or holds something else: Node.js would take an empty one for none, and then trust
 * every public authority.
 */
export function readTlsFiles({ caFile, certFile, keyFile }: TlsFiles) {
  const ca = caFile === undefined ? undefined : read('caFile', caFile, parseCertificates)
  const cert = certFile === undefined ? undefined : read('certFile', certFile, parseCertificates)
  const key = keyFile === undefined ? undefined : read('keyFile', keyFile, createPrivateKey)
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
  try {
    createSecureContext(files)
  } catch (error) {
    throw unusable('certFile and keyFile', `${certFile} and ${keyFile}`, error)
  }
  return files
}

function read(key: string, file: string, parse: (text: string) => unknown): string {
  try {
    const text = readTextFile(file)
    parse(text)
    return text
  } catch (error) {
    throw unusable(key, file, error)
  }
}

function parseCertificates(text: string): X509Certificate[] {
  const certificates = text.match(pemCertificate)
  if (certificates === null) throw new Error('there is no certificate in it')
  return certificates.map((certificate) => new X509Certificate(certificate))
}

function unusable(key: string, file: string, error: unknown): SourceFailure {
  const why = error instanceof Error ? error.message : String(error)
  return new SourceFailure('stop', `${key} cannot be used: ${file}: ${why}`, error)
}

/** RFC 7468 §5, and what older programs write. */
const pemCertificate =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----.+?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/gs

function file(description: string) {
  return z.string().min(1).optional().describe(description)
}
