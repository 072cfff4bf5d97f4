import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maskBroken } from './mask-broken.ts'
import { hasMask } from './mask-tokens.ts'

function mask(text: string): string {
  const bytes = Buffer.from(`<<${text}>>`)
  const masked = maskBroken(bytes, 2, bytes.length - 2)
  assert.equal(hasMask(masked), masked.buffer !== bytes.buffer, text)
  return Buffer.from(masked).toString()
}

function assertMasked(pairs: readonly (readonly [text: string, masked: string])[]): void {
  for (const [text, masked] of pairs) assert.equal(mask(text), masked, text)
}

test('secrets are masked in JSON that is broken in ordinary ways, and what stands beside them is kept', () => {
  assertMasked([
    [`{'token':'S','v':1}`, `{'token':"***",'v':1}`],
    [`{token:"S","v":1}`, `{token:"***","v":1}`],
    [`{"authorization": Bearer S, "v":1}`, `{"authorization": "***", "v":1}`],
    [`{"authorization": Basic a:S, "v":1}`, `{"authorization": "***", "v":1}`],
    [`{"token":"abc"S12","v":1}`, `{"token":"***","v":1}`],
    [`{"token":abc"S","v":1}`, `{"token":"***"","v":1}`],
    [`{"token":"a,S" S, S","v":1}`, `{"token":"***","v":1}`],
    [`{'token':'don't','v':1}`, `{'token':"***",'v':1}`],
    [`{"token":"S" "v":1}`, `{"token":"***" "v":1}`],
    [`{"token":S,S,"v":1}`, `{"token":"***","v":1}`],
    [`{"access_token":"S","v":}`, `{"access_token":"***","v":}`],
    [`{"v":1,"mqttPassword":S`, `{"v":1,"mqttPassword":"***"`],
    [`{"x-api-key":["S","S"]S,"v":1}`, `{"x-api-key":"***","v":1}`],
    [`{"token":"S`, `{"token":"***"`],
    [`{"token":{"a":"S`, `{"token":"***"`],
    [`{"\\u0074oken":"S","v":}`, `{"\\u0074oken":"***","v":}`],
  ])
})

test('so are those of JSON in strings, whose quotes stay escaped', () => {
  assertMasked([
    [`{"p":"{\\"token\\":\\"S\\"}","v":1}`, `{"p":"{\\"token\\":\\"***\\"}","v":1}`],
    [`{"p":"{\\"token\\":\\"a\\\\\\"S\\"}","v":1}`, `{"p":"{\\"token\\":\\"***\\"}","v":1}`],
    [`{"p":"{\\"token\\":\\"S","v":1}`, `{"p":"{\\"token\\":\\"***\\"","v":1}`],
    [`{"p":"{\\"token\\":{\\"a\\":\\"}S\\"}}","v":1}`, `{"p":"{\\"token\\":"***"}","v":1}`],
    [`"{\\"token\\":5,\\"v\\":1}"`, `"{\\"token\\":"***",\\"v\\":1}"`],
  ])
})

test('so are those of forms, headers and lines of text', () => {
  assertMasked([
    ['token=S&v=1', 'token="***"&v=1'],
    ['v=1&password=a%26&S&S', 'v=1&password="***"'],
    ['t=1 token=S v=1', 't=1 token="***" v=1'],
    ['Authorization: Bearer S==\nv: 1', 'Authorization: "***"\nv: 1'],
    ['Cookie: refresh_token=S; Path=/', 'Cookie: refresh_token="***"; Path=/'],
    ["{:token => 'S', :v => 1}", '{:token => "***", :v => 1}'],
  ])
})

test('well-formed payloads are masked as they always were', () => {
  assertMasked([
    ['{"id":"a","token":"S"}', '{"id":"a","token":"***"}'],
    ['{"a":{"Password" : "x\\"y","b":1}}', '{"a":{"Password" : "***","b":1}}'],
    ['[{"AUTHORIZATION":{"bearer":["x","}"]}},2]', '[{"AUTHORIZATION":"***"},2]'],
    ['{"token":12345,"v":1}', '{"token":"***","v":1}'],
    ['{\n "token": "S" ,\n "v": 1\n}', '{\n "token": "***",\n "v": 1\n}'],
  ])
})

test('a name without a value, and what only looks like one, keeps its bytes', () => {
  for (const text of ['', '25.5', '"token', 'token', 'token:', '{"token":,"v":1}', '{"device":"token","v":}'])
    assert.equal(mask(text), text)
  for (const text of ['{"v":"token"}', '{"tokens":"a"', '["token","x"', 'tokenizer=1', '{"a":"\\', '\\"'])
    assert.equal(mask(text), text)
})

// A bound of time would flake: were one of them quadratic, the test would not end.
test('hostile payloads take no longer than others', () => {
  const size = 1024 * 1024
  const pieces = [
    '"',
    "'",
    '\\',
    '\\"',
    ' ',
    ',',
    ', ',
    '" ',
    ' a',
    ' a ',
    'a=',
    '{',
    '[',
    '"\\u0074":',
    '"\\q":',
    'token:',
    'token ',
  ]
  for (const piece of [
    ...pieces,
    'token=" ',
    'token="a",',
    'token{',
    '"token":{',
    '\\\\"',
    `"\\"${' '.repeat(90)}`,
  ])
    for (const before of ['', 'token:"a"b'])
      assert.ok(maskBroken(Buffer.from(before + piece.repeat(size / piece.length)), 0, size).length > 0)
})
