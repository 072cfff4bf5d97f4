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
 * @throws SourceFailure `stop` where a file cannot be read, or holds something else.
 */
export function readTlsFiles({ caFile, certFile, keyFile }: TlsFiles) {
  try {
    const read = {
      ...(caFile === undefined ? {} : { ca: readTextFile(caFile) }),
      ...(certFile === undefined ? {} : { cert: readTextFile(certFile) }),
      ...(keyFile === undefined ? {} : { key: readTextFile(keyFile) }),
    }
    createSecureContext(read)
    return read
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SourceFailure('stop', `caFile, certFile or keyFile cannot be used: ${why}`, error)
  }
}

function file(description: string) {
  return z.string().min(1).optional().describe(description)
}
