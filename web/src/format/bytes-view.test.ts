import assert from 'node:assert/strict'
import test from 'node:test'
import { asText, hexLines } from './bytes-view.ts'

test('bytes are shown in lines of sixteen with offset and what can be read', () => {
  const bytes = new TextEncoder().encode('{"v":25.5,"q":"gü"}')
  assert.deepEqual(hexLines(bytes), [
    { offset: '000000', hex: '7b 22 76 22 3a 32 35 2e 35 2c 22 71 22 3a 22 67', text: '{"v":25.5,"q":"g' },
    { offset: '000010', hex: 'c3 bc 22 7d', text: '··"}' },
  ])
})

test('bytes are text only where they are UTF-8 that a screen can show', () => {
  assert.equal(asText(new TextEncoder().encode('grün\n')), 'grün\n')
  assert.equal(asText(Uint8Array.of(0xff, 0xfe)), undefined)
  assert.equal(asText(Uint8Array.of(0x41, 0x00)), undefined)
})
