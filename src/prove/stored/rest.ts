import type { StoredRows } from '../judge.ts'
import { deviceName, type Plan } from '../plan.ts'
import type { Asked } from '../server-status.ts'

interface RowPage {
  readonly rows: readonly {
    readonly metric: string
    readonly time: number
    readonly value: number | string
  }[]
  readonly next?: string
}

/** Every reading of a plan's devices in the store of a running server. Numbers of the log are not told. */
export async function* readingsAt(server: Asked, plan: Plan): AsyncGenerator<StoredRows> {
  for (let device = 0; device < plan.devices; device++) {
    const name = deviceName(plan, device)
    let next: string | undefined
    do {
      const query = new URLSearchParams({ device: name, from: '0', limit: '50000' })
      if (next !== undefined) query.set('cursor', next)
      const page = (await server.get(`/api/v1/readings?${query.toString()}`)) as RowPage // as: the server's own answer
      const { rows } = page
      yield {
        length: rows.length,
        device: rows.map(() => name),
        metric: rows.map((row) => row.metric),
        time: Float64Array.from(rows, ({ time }) => Math.round(time * 1000)),
        value: Float64Array.from(rows, ({ value }) => (typeof value === 'number' ? value : Number.NaN)),
        seq: undefined,
      }
      next = page.next
    } while (next !== undefined)
  }
}
