import test from 'node:test'
import { kills, killUnderLoad } from '../support/kill-under-load.ts'

// The records have no time of their own: a store knows them by their numbers in the log, and would hold a repeat as a row more.

test(
  `${kills} × kill -9 under load at QoS 2 lose no message and store none twice, whether it was acknowledged or not`,
  {
    timeout: 60_000 + kills * 15_000,
  },
  (t) =>
    killUnderLoad(t, {
      qos: 2,
      identity: 'number',
      devices: 6,
      window: 100,
      aims: ['log', undefined, 'log', 'store'],
      records: 300,
      loadMs: 200,
    }),
)
