import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameOf } from '../../../test/support/log-changes.ts'
import { Dictionary } from './dictionary.ts'

test('a unit that becomes known replaces the name and is a new version; the same name again, or without a unit, is none', () => {
  const names = new Dictionary()
  for (const name of [nameOf(0), nameOf(1, 'K'), nameOf(0), nameOf(1, 'K'), nameOf(1)]) names.add(name)
  assert.deepEqual([names.version, names.get(1)?.unit], [0, 'K'])
  names.add(nameOf(0, '°C'))
  assert.deepEqual([names.version, names.get(0)?.unit], [1, '°C'])
})

test('a name that damage had taken and that is found is no new version: nobody can have remembered it', () => {
  const names = new Dictionary()
  names.reserve(2)
  names.add(nameOf(1))
  assert.deepEqual([names.version, names.isWhole(2)], [0, false])
  names.add(nameOf(0))
  assert.deepEqual([names.version, names.isWhole(2)], [0, true])
})
