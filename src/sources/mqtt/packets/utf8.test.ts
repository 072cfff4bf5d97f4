import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { isMqttText } from './utf8.ts'

test('MQTT text is UTF-8 without U+0000, on any bytes', () => {
  const unicode = fc.string({ unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text)))
  const nearly = fc.array(
    fc.constantFrom(
      0x61,
      0x7f,
      0x80,
      0xbf,
      0xc0,
      0xc2,
      0xe0,
      0xed,
      0xa0,
      0x9f,
      0xef,
      0xf0,
      0x90,
      0x8f,
      0xf4,
      0xf5,
    ),
  )
  const bytes = fc.oneof(
    unicode,
    fc.uint8Array(),
    nearly.map((list) => Uint8Array.from(list)),
  )
  fc.assert(
    fc.property(bytes, (text) => {
      const expected = isUtf8(text) && !text.includes(0)
      const around = new Uint8Array([0xff, ...text, 0x80])
      assert.equal(isMqttText(around, 1, around.length - 1), expected)
    }),
    { numRuns: 5000 },
  )
})

test('the edges of UTF-8 are judged as the standard says', () => {
  const judge = (...bytes: number[]) => isMqttText(Uint8Array.from(bytes), 0, bytes.length)
  assert.equal(judge(0xed, 0x9f, 0xbf), true, 'U+D7FF')
  assert.equal(judge(0xed, 0xa0, 0x80), false, 'a surrogate')
  assert.equal(judge(0xf4, 0x8f, 0xbf, 0xbf), true, 'U+10FFFF')
  assert.equal(judge(0xf4, 0x90, 0x80, 0x80), false, 'beyond Unicode')
  assert.equal(judge(0xc1, 0xbf), false, 'an overlong form')
  assert.equal(judge(0xe2, 0x82), false, 'a cut character')
})
