import assert from 'node:assert/strict'
import test from 'node:test'
import { configSchema } from './config.ts'
import { environmentNames, environmentSettings } from './settings.ts'
import { shapeOf } from './shape.ts'

test('no two settings share an environment variable', () => {
  let leaves = 0
  const count = (schema: typeof configSchema | ReturnType<typeof shapeOf>['schema']): void => {
    const shape = shapeOf(schema)
    if (shape.kind === 'object') for (const item of shape.keys.values()) count(item)
    else leaves++
  }
  count(configSchema)
  assert.ok(leaves > 40)
  assert.equal(environmentNames(configSchema).size, leaves)
})

test('a variable is the words of its path in capitals, and __ stands between levels wherever one likes', () => {
  const paths = (name: string) =>
    environmentSettings({ [name]: '1' }, configSchema).settings.map(({ path }) => path.join('.'))
  assert.deepEqual(paths('SLUICE_HTTP_PORT'), ['http.port'])
  assert.deepEqual(paths('SLUICE_MQTT_MAX_CONNECTIONS_PER_ADDRESS'), ['mqtt.maxConnectionsPerAddress'])
  assert.deepEqual(paths('SLUICE_DEAD_LETTERS__MAX_BYTES'), ['deadLetters.maxBytes'])
  assert.deepEqual(paths('SLUICE_SINKS__MY_FILE__MAX_BYTES'), ['sinks.my-file.maxBytes'])
  assert.deepEqual(paths('SLUICE_NOPE__PORT'), [])
  assert.deepEqual(paths('OTHER_HTTP_PORT'), [])
})
