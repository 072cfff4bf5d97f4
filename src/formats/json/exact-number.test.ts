import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exactNumber } from './exact-number.ts'
import { kind, Tokens } from './tokens.ts'

const tokens = new Tokens()

/** The number in the text, 'left' where it is left to the parser. */
function read(text: string): number | 'left' {
  const bytes = new TextEncoder().encode(`${text},`)
  const end = exactNumber(bytes, 0, bytes.length, tokens, 0)
  if (end < 0 || tokens.kinds[0] !== kind.number) return 'left'
  assert.equal(end, text.length, text)
  return tokens.numbers[0] as number
}

test('every double as senders write it is read to the same double', () => {
  let left = 0
  let all = 0
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
      fc.nat(9),
      (value, cut) => {
        for (const text of [
          String(value),
          value.toFixed(cut),
          value.toPrecision(17),
          value.toExponential(16),
        ]) {
          const number = read(text)
          all++
          if (number === 'left') left++
          else assert.ok(Object.is(number, Number(text)), text)
        }
      },
    ),
    { numRuns: 5000 },
  )
  assert.ok(left < all, `${left} of ${all} were left to the parser`)
})

test('numbers of 16 to 19 digits, as a sensor sends a sine, need no parser', () => {
  for (let i = 1; i < 50_000; i++) {
    for (const value of [Math.sin(i), 9.81 * Math.sin(i / 7), 1e5 / i]) {
      const text = String(value)
      if (text.includes('e')) continue
      assert.ok(Object.is(read(text), value), text)
    }
  }
})

test('random digits over every power of ten are read as Number reads them', () => {
  const digits = fc.array(fc.nat(9), { minLength: 1, maxLength: 20, size: 'max' })
  fc.assert(
    fc.property(digits, digits, fc.integer({ min: -30, max: 30 }), (whole, part, power) => {
      const head = whole.join('').replace(/^0+(?=\d)/, '')
      for (const text of [head, `-${head}.${part.join('')}`, `${head}.${part.join('')}e${power}`]) {
        const number = read(text)
        if (number !== 'left') assert.ok(Object.is(number, Number(text)), text)
      }
    }),
    { numRuns: 20_000 },
  )
})

test('numbers half way between two doubles are rounded to even or left to the parser', () => {
  for (let i = 0; i < 2000; i++) {
    // 2^53 + 1 is half way; so are its odd neighbours.
    const text = `${(2n ** 53n + BigInt(2 * i + 1)).toString()}.0`
    const number = read(text)
    if (number !== 'left') assert.equal(number, Number(text), text)
  }
})

test('what is no JSON number is left to the parser', () => {
  for (const text of [
    '-',
    '1.',
    '.5',
    '-.5',
    '1.e5',
    '1e',
    '1e+',
    '1e-',
    '+1',
    '--1',
    'x',
    '012',
    '-00',
    '00.5',
  ])
    assert.equal(read(text), 'left', text)
})

test('a number ends where the payload ends', () => {
  const bytes = new TextEncoder().encode('1234')
  assert.equal(exactNumber(bytes, 0, 2, tokens, 0), 2)
  assert.equal(tokens.numbers[0], 12)
})

test('an integer too long for a double keeps its leading digits, for times in nanoseconds', () => {
  const bytes = new TextEncoder().encode('-1705314600123456789')
  assert.equal(exactNumber(bytes, 0, bytes.length, tokens, 0), bytes.length)
  assert.equal(tokens.kinds[0], kind.longInteger)
  assert.equal(tokens.numbers[0], -1_705_314_600_123_456)
  assert.equal(read('9007199254740992'), 'left')
  assert.equal(read('9999999999999999999'), 'left')
})
