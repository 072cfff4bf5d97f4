import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maskTokens } from './mask-tokens.ts'

function mask(text: string): string {
  const bytes = new TextEncoder().encode(`<<${text}>>`)
  return new TextDecoder().decode(maskTokens(bytes, 2, bytes.length - 2))
}

test('values of secret members are masked at any depth, in any case and of any kind', () => {
  assert.equal(mask('{"id":"a","token":"s3cret"}'), '{"id":"a","token":"***"}')
  assert.equal(mask('{"a":{"Password" : "x\\"y","b":1}}'), '{"a":{"Password" : "***","b":1}}')
  assert.equal(mask('[{"AUTHORIZATION":{"bearer":["x","}"]}},2]'), '[{"AUTHORIZATION":"***"},2]')
  assert.equal(mask('{"token":12345,"v":1}'), '{"token":"***","v":1}')
  assert.equal(mask('{"token":null}'), '{"token":"***"}')
  assert.equal(mask('{"\\u0074oken":"s3cret"}'), '{"\\u0074oken":"***"}')
})

test('a broken payload is masked as far as it goes', () => {
  assert.equal(mask('{"token":"s3cre'), '{"token":"***"')
  assert.equal(mask('{"v":1,"token":{"a":"b'), '{"v":1,"token":"***"')
  assert.equal(mask('garbage "token" : abc'), 'garbage "token" : "***"')
  assert.equal(mask('{"a":5", "token":"s3cret"}'), '{"a":5", "token":"***"}')
})

test('everything else keeps its bytes, without a copy', () => {
  for (const text of ['', '25.5', '{"v":"token"}', '{"tokens":"a"}', '["token","x"]', '"token', '{"a":"\\']) {
    assert.equal(mask(text), text)
  }
  const bytes = new TextEncoder().encode('{"v":1}')
  assert.equal(maskTokens(bytes, 0, bytes.length).buffer, bytes.buffer)
})
