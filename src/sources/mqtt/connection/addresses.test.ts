import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Addresses } from './addresses.ts'

test('the addresses that make the most trouble come first, then those with the most connections, and no more than asked for', () => {
  const addresses = new Addresses()
  addresses.of('quiet').connections = 1
  addresses.of('busy').connections = 50
  addresses.of('stranger').failedHandshakes = 1
  addresses.of('broken').malformed = 3
  const greedy = addresses.of('greedy')
  greedy.connections = 20
  greedy.refused = 2
  const nothing = { connections: 0, handshakes: 0, refused: 0, malformed: 0, failedHandshakes: 0 }
  assert.deepEqual(addresses.top(4), [
    { ...nothing, address: 'broken', malformed: 3 },
    { ...nothing, address: 'greedy', connections: 20, refused: 2 },
    { ...nothing, address: 'stranger', failedHandshakes: 1 },
    { ...nothing, address: 'busy', connections: 50 },
  ])
})
