import { once } from 'node:events'
import net from 'node:net'

/** Below what systems give to connections that go out (from 32,768 on): one of these may take a port before its server does. */
const ownPorts = { from: 22_000, to: 32_000 } as const
/** Each process looks in a stretch of its own first: of two that look at once, one would take what the other has just found free. */
const stretch = 101

let last = (process.pid * stretch) % (ownPorts.to - ownPorts.from)

/** A port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    last = (last + 1) % (ownPorts.to - ownPorts.from)
    const port = ownPorts.from + last
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
