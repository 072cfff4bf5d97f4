import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'

/** Below what systems give to connections that go out (from 32,768 on): one of these may take a port before its server does. */
const ownPorts = { from: 22_000, to: 32_000 } as const

/** A port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(ownPorts.from, ownPorts.to)
    const server = net.createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
