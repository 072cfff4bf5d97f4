import assert from 'node:assert/strict'
import test from 'node:test'
import { serverUrl } from '../scripts/server-url.ts'

test('the address to develop against follows the arguments of the server', () => {
  assert.equal(serverUrl(['--set', 'http.port=18080']), 'http://127.0.0.1:18080')
  assert.equal(
    serverUrl(['--no-demo', '--set', 'http.host=::1', '--set', 'http.port=18081']),
    'http://[::1]:18081',
  )
})

test('no address is given where the configuration is wrong, or the port is not known beforehand', () => {
  assert.throws(() => serverUrl(['--set', 'http.prt=1']), /faults/)
  assert.throws(() => serverUrl(['--set', 'http.port=0']), /port/)
})
