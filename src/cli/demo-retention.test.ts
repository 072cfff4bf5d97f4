import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../app/config/load.ts'
import { configSources } from './config-options.ts'

/** The rules for readings of the store main, as `up` with these settings has them. */
async function rules(demo: boolean, ...set: readonly string[]): Promise<unknown> {
  const { stores } = await loadConfig({ ...configSources({ set, demo }), env: {} })
  const { main } = stores
  assert.ok(main)
  return (main.options['retention'] as { readings: unknown }).readings // as: the options of type duckdb
}

const set = (...rules: readonly string[]) => `stores.main.retention.readings=[${rules.join()}]`
const aDay = { devices: 'demo-*', keepDays: 1 }

test('the demo fleet is kept a day, beside the rules that the configuration has', async () => {
  assert.deepEqual(await rules(true), [aDay])
  assert.deepEqual(await rules(false), [])
  const line = { devices: 'line-*', keepDays: 30 }
  const plc = { devices: 'demo-plc-*', keepDays: 2 }
  assert.deepEqual(
    await rules(true, set('{devices: line-*, keepDays: 30}', '{devices: demo-plc-*, keepDays: 2}')),
    [line, plc, aDay],
  )
})

test('a rule that already says how long the demo fleet is kept is left alone', async () => {
  for (const devices of ['demo-*', '*', 'demo*'])
    assert.deepEqual(await rules(true, set(`{devices: "${devices}", keepDays: 5}`)), [
      { devices, keepDays: 5 },
    ])
})
