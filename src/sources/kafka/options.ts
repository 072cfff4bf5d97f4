import { z } from 'zod'
import { formatNames } from '../../formats/table.ts'
import { checkTlsFiles, tlsFileOptions } from '../tls-files.ts'

/** The options of a source of type `kafka`. */
export const kafkaSchema = z
  .strictObject({
    brokers: z
      .array(z.string().refine(isBroker, 'expected host:port'))
      .min(1)
      .describe('Brokers to ask for the others, as `host:port`.'),
    topics: z
      .array(z.string().regex(/^(?!\.{1,2}$)[\w.-]{1,249}$/, 'expected letters, digits, ., _ and -'))
      .min(1)
      .describe('Topics to read. Each must exist; all of a topic is data, whatever `topics` says of names.'),
    group: z
      .string()
      .regex(/^\S+$/, 'expected a name without spaces')
      .default('sluice')
      .describe('The consumer group. Replicas with the same group share the partitions.'),
    startAt: z
      .enum(['earliest', 'latest'])
      .default('earliest')
      .describe('Where to begin in a partition of which the group has no offset yet.'),
    format: z
      .enum(formatNames)
      .optional()
      .describe('What all values are. Without it the header `content-type` says so, else they are JSON.'),
    tls: z.boolean().default(false).describe('Speak TLS.'),
    ...tlsFileOptions('the brokers'),
    sasl: z
      .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
      .optional()
      .describe(
        'How to log in, if the brokers ask for it. `plain` sends the password as it is: only with `tls`.',
      ),
    user: z.string().min(1).optional().describe('User name, for `sasl`.'),
    password: z.string().min(1).meta({ secret: true }).optional().describe('Its password.'),
    sessionTimeoutMs: z
      .int()
      .min(1_000)
      .max(300_000)
      .default(30_000)
      .describe('After this long without a sign of life the other replicas get its partitions.'),
    fetchBytes: z
      .int()
      .min(1_024)
      .max(64 * 1024 * 1024)
      .default(1024 * 1024)
      .describe(
        'Bytes to ask a broker for at once, and to take before they are on disk. A larger batch of records comes all the same.',
      ),
  })
  .superRefine((options, context) => {
    const fault = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
    const { tls, sasl, user, password } = options
    checkTlsFiles(options, tls, 'tls: true beside it', context)
    if (sasl !== undefined && (user === undefined || password === undefined))
      fault('sasl', 'needs user and password beside it')
    if (sasl === undefined && (user !== undefined || password !== undefined))
      fault(user === undefined ? 'password' : 'user', 'needs sasl beside it')
    if (sasl === 'plain' && !tls) fault('sasl', 'plain sends the password as it is: it needs tls: true')
  })

export type KafkaOptions = z.output<typeof kafkaSchema>

function isBroker(text: string): boolean {
  const port = Number(/^(?:\[[\da-f:]+\]|[^\s:/@]+):(\d{1,5})$/i.exec(text)?.[1] ?? 0)
  return port >= 1 && port <= 65_535
}
