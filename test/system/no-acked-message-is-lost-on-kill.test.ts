import test from 'node:test'
import { kills, killUnderLoad } from '../support/kill-under-load.ts'

test(
  `${kills} × kill -9 under load lose no acknowledged message and store none twice`,
  {
    timeout: 60_000 + kills * 15_000,
  },
  (t) => killUnderLoad(t, { aims: ['log', 'store', 'log', undefined], records: 1_000, loadMs: 600 }),
)
