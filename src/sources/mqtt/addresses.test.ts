import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Addresses } from './addresses.ts'

test('the addresses that make the most trouble come first, then those with the most connections, and no more than asked for', () => {
  const addresses = new Addresses()
  addresses.of('quiet').connections = 1
  addresses.of('busy').connections = 50
  addresses.of('broken').malformed = 3
  const greedy = addresses.of('greedy')
  greedy.connections = 20
  greedy.refused = 2
  assert.deepEqual(addresses.top(3), [
    { address: 'broken', connections: 0, refused: 0, malformed: 3 },
    { address: 'greedy', connections: 20, refused: 2, malformed: 0 },
    { address: 'busy', connections: 50, refused: 0, malformed: 0 },
  ])
})
