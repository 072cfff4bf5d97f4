import assert from 'node:assert/strict'
import test from 'node:test'
import type { KeyedState } from '../core/keyed-state.ts'
import { defaultRecordLimits } from '../core/limits.ts'
import { createFormats } from '../formats/table.ts'
import { createRouter, defaultTopics } from '../formats/topics.ts'
import { systemClock } from '../lib/clock.ts'
import type { SourceParts } from './component.ts'
import { sourceTable } from './table.ts'

const optionsOf: Readonly<Record<string, object>> = {
  'mqtt-broker': { url: 'mqtt://127.0.0.1:1' },
  amqp: { url: 'amqp://127.0.0.1:1' },
  kafka: { brokers: ['127.0.0.1:1'], topics: ['t'] },
}

for (const [type, load] of Object.entries(sourceTable))
  test(`${type}: a cursor that cannot be read stops no start, and each type has keys of its own`, async () => {
    const asked: string[] = []
    const lines: string[] = []
    const line = (_: object, message: string) => lines.push(message)
    const state: KeyedState = {
      get(key) {
        asked.push(key)
        return Buffer.from('["another"')
      },
      entries: () => [],
    }
    const parts: SourceParts = {
      name: 'plant',
      formats: createFormats(defaultRecordLimits).named,
      router: createRouter(defaultTopics, defaultRecordLimits),
      limits: defaultRecordLimits,
      clock: systemClock,
      logger: { debug: line, info: line, warn: line, error: line },
      state,
      instance: 'a1',
    }
    const component = await load()
    const source = component.create(component.schema.parse(optionsOf[type]), parts)
    assert.equal(source.name, 'plant')
    for (const key of asked) assert.ok(key.startsWith(`cursor/${type}/plant`), key)
    assert.equal(lines.length, asked.length) // Kafka looks once it has partitions
  })
