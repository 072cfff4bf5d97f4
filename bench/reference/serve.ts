import { once } from 'node:events'
import type net from 'node:net'

/** Prints where the server listens in the words of `sluice up`, waits for SIGTERM, then drains. */
export async function serveUntilSigterm(
  server: net.Server,
  drain: () => Promise<void>,
  scheme = 'mqtt',
): Promise<void> {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  console.log(`${scheme}://127.0.0.1:${address.port}`)
  console.log('ready')
  await once(process, 'SIGTERM')
  server.close()
  await drain()
}
