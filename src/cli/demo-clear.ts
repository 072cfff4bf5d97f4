import { Client } from './client.ts'
import { exitCode } from './failure.ts'
import { demoFleet } from './presets.ts'

export interface DemoClearOptions {
  readonly url: string
}

/** `sluice demo clear`: deletes the readings of every demo-* device. */
export async function demoClear({ url }: DemoClearOptions): Promise<number> {
  const client = new Client(url)
  const { devices } = await client.get<{ devices: readonly { device: string }[] }>('/api/v1/devices', {
    prefix: `${demoFleet.prefix}-`,
    limit: '100000',
  })
  for (const { device } of devices)
    await client.fetch('DELETE', '/api/v1/readings', { device, from: '0', to: String(Date.UTC(2200, 0)) })
  process.stdout.write(
    devices.length === 0
      ? 'there are no demo devices\n'
      : `deleted the readings of ${devices.length} demo devices\n`,
  )
  return exitCode.ok
}
