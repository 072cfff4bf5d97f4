import path from 'node:path'
import { components } from '../app/components.ts'
import { loadConfig } from '../app/config/load.ts'
import { replayInto } from '../app/replay.ts'
import { lockFolder } from '../lib/folder-lock.ts'
import { openEmbeddedLog } from '../log/embedded/log.ts'
import { openStore } from '../stores/table.ts'

export interface ReplayOptions {
  readonly config?: string
  readonly data?: string
  readonly set: readonly string[]
  readonly into: string
}

/** `sluice replay --into NAME`: fills an empty embedded store from the log, while Sluice is stopped. */
export async function replay(options: ReplayOptions): Promise<number> {
  const sets = options.data === undefined ? options.set : [`data=${options.data}`, ...options.set]
  const config = await loadConfig({ file: options.config, env: process.env, sets, components })
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Error('stopped; the store holds a part and can be removed')))
  const lock = lockFolder(config.data)
  const log = await openEmbeddedLog(path.join(config.data, 'log'), {
    segmentBytes: config.log.segmentBytes,
    maxBytes: Number.POSITIVE_INFINITY,
    retentionSeconds: Number.POSITIVE_INFINITY,
    reserveBytes: 0,
    groups: ['replay'],
  })
  const { type, options: storeOptions } = config.stores[options.into] ?? { type: 'duckdb', options: {} }
  const store = await openStore(type, storeOptions, { name: options.into, dataFolder: config.data })
  try {
    const letters = {
      put: () =>
        Promise.reject(
          new Error('the store refused a row; run it beside a running Sluice to keep dead letters'),
        ),
    }
    const streams = Object.keys(log.status().rows).filter((stream) => stream !== 'messages')
    const results = await replayInto(store, options.into, log, streams, letters, showProgress, stop.signal)
    for (const { stream, books } of results) {
      const { handed, stored, repeated, overwritten, damaged } = books
      process.stdout.write(
        `${stream}: handed ${handed}, stored ${stored}, repeated ${repeated}, overwritten ${overwritten}, damaged ${damaged}\n`,
      )
    }
    return 0
  } finally {
    await store.store.close()
    await log.close()
    lock.release()
  }
}

function showProgress(
  { stream, position }: { stream: string; position?: { next: bigint } | undefined },
  goal: bigint,
): void {
  if (!process.stderr.isTTY || position === undefined || goal === 0n) return
  process.stderr.write(`\r\x1b[K${stream} ${(Number((position.next * 1000n) / goal) / 10).toFixed(1)} %`)
  if (position.next >= goal) process.stderr.write('\r\x1b[K')
}
