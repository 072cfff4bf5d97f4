import { wait } from '../../lib/wait.ts'
import type { Fault } from '../fault.ts'
import { freePort } from '../free-port.ts'
import { OwnServer } from '../own-server.ts'
import { comesBack } from './comes-back.ts'

const refusedWithinMs = 20_000

/** A second server on the same data folder: it must refuse in clear words, and the first must not notice. */
export const twoProcesses: Fault = {
  name: 'two-processes',
  async inject(server, _random, signal) {
    const ports = { mqttPort: await freePort(), httpPort: await freePort() }
    const second = new OwnServer({ ...server.options, ...ports })
    await second.spawn()
    const late = wait(refusedWithinMs, signal)
    const exit = await Promise.race([second.exited, late])
    const violations: string[] = []
    if (exit === undefined) violations.push('a second server on the data folder runs')
    else if (exit.code !== 2 || !second.output.includes('in use by another running Sluice'))
      violations.push(
        `a second server on the data folder ended with ${exit.code ?? exit.signal}: ${second.output.slice(-500)}`,
      )
    await second.kill()
    violations.push(...(await comesBack(server, 'a second server was started', signal)))
    return { counts: { secondServers: 1 }, violations }
  },
}
