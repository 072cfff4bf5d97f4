import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { namePattern } from './pattern.ts'

test('* stands for any run of characters, also none, everything else for itself', () => {
  const cases: [pattern: string, name: string, matches: boolean][] = [
    ['pump', 'pump', true],
    ['pump', 'pump1', false],
    ['*', '', true],
    ['*', 'anything / at\nall', true],
    ['', '', true],
    ['', 'x', false],
    ['pump*', 'pump', true],
    ['pump*', 'a pump', false],
    ['*pump', 'a pump', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['*b*b*', 'b', false],
    ['a.c', 'abc', false],
    ['[a]+(b)$', '[a]+(b)$', true],
  ]
  for (const [pattern, name, matches] of cases)
    assert.equal(namePattern(pattern)(name), matches, `${pattern} on ${name}`)
})

test('it says what the regular expression says', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
  const names = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 })
  fc.assert(
    fc.property(letters, names, (pattern, name) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's')
      assert.equal(namePattern(pattern)(name), expression.test(name))
    }),
    { numRuns: 3000 },
  )
})

test('a pattern of hundreds of stars is no work', () => {
  const matches = namePattern(`${'*a'.repeat(500)}*b`)
  assert.equal(matches('a'.repeat(1000)), false)
})
