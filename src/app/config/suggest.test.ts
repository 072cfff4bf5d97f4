import assert from 'node:assert/strict'
import test from 'node:test'
import { suggest } from './suggest.ts'

const keys = ['host', 'port', 'hosts', 'origins', 'retentionDays', 'maxBytes', 'memoryBudgetBytes']

test('a slip of the fingers is told what was meant', () => {
  assert.equal(suggest('prot', keys), 'port')
  assert.equal(suggest('hsots', keys), 'hosts')
  assert.equal(suggest('htp', ['log', 'http']), 'http')
  assert.equal(suggest('RetentionDay', keys), 'retentionDays')
  assert.equal(suggest('max_bytes', keys), 'maxBytes')
  assert.equal(suggest('memoryBudget', keys), 'memoryBudgetBytes')
})

test('a word that is near to nothing gets no suggestion', () => {
  assert.equal(suggest('colour', keys), undefined)
  assert.equal(suggest('x', keys), undefined)
  assert.equal(suggest('foo', ['log', 'http']), undefined)
  assert.equal(suggest('', keys), undefined)
})
