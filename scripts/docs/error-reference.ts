import { errorTable } from '../../src/core/errors.ts'

const grpcNames: Readonly<Record<number, string>> = {
  3: 'INVALID_ARGUMENT',
  5: 'NOT_FOUND',
  6: 'ALREADY_EXISTS',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  9: 'FAILED_PRECONDITION',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
  16: 'UNAUTHENTICATED',
}

/** Every error code as a Markdown table. */
export function errorReference(): string {
  const rows = Object.entries(errorTable).map(([code, { actor, retry, http, mqtt, grpc, hint }]) => {
    const reason = `0x${mqtt.toString(16).toUpperCase().padStart(2, '0')}`
    const status = grpcNames[grpc] ?? String(grpc)
    return `| \`${code}\` | ${actor} | ${retry ? 'yes' : 'no'} | ${http} | ${reason} | ${status} | ${hint} |`
  })
  return [
    '| code | who must act | retry helps | HTTP | MQTT 5 | gRPC | what to do |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}
