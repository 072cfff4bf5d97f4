import assert from 'node:assert/strict'
import test from 'node:test'
import { defaultRecordLimits } from '../core/limits.ts'
import { createFormats, formatNames } from './table.ts'

const formats = createFormats(defaultRecordLimits)

const named: readonly [type: string | undefined, format: string | undefined][] = [
  [undefined, 'json'],
  ['', 'json'],
  ['json', 'json'],
  ['application/json', 'json'],
  ['Application/JSON; charset=utf-8', 'json'],
  ['application/octet-stream', 'json'],
  ['application/vnd.acme.reading+json; v=2', 'json'],
  ['protobuf', 'protobuf'],
  ['application/x-protobuf', 'protobuf'],
  ['application/protobuf', 'protobuf'],
  ['application/vnd.google.protobuf', 'protobuf'],
  ['Application/X-Protobuf; proto=sluice.v1.ReadingBatch', 'protobuf'],
  ['application/x-protobuf;messageType="sluice.v1.Reading"', 'protobuf'],
  ['application/x-protobuf; encoding=binary', 'protobuf'],
  ['application/x-protobuf; encoding=delimited', undefined],
  ['application/x-protobuf; proto=sensor.SensorReading', 'sensor.SensorReading'],
  ['application/x-protobuf; proto=sensor.Other', undefined],
  ['application/x-protobuf; proto=constructor', undefined],
  ['sensor.SensorReading', 'sensor.SensorReading'],
  ['gob', 'gob'],
  ['application/gob', 'gob'],
  ['image/png', undefined],
  ['__proto__', undefined],
]

for (const [type, format] of named)
  test(`${JSON.stringify(type)} names ${format ?? 'no format'}`, () => {
    assert.equal(formats.named(type)?.name, format)
  })

test('of content types only those of protobuf are protobuf', () => {
  for (const type of ['application/json', 'application/gob', 'application/octet-stream', 'protobuf', ''])
    assert.equal(formats.protobufOf(type), undefined, type)
  assert.equal(formats.protobufOf('application/protobuf'), formats.protobuf)
})

test('every format that a configuration may name is there under its name', () => {
  for (const name of formatNames) assert.equal(formats[name].name, name)
})
