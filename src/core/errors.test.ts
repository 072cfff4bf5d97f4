import assert from 'node:assert/strict'
import test from 'node:test'
import { SluiceError, withoutStack } from './errors.ts'

test('an error that is ours to mend says where it was made; one about a record that was sent is made at full speed', () => {
  const ours = new SluiceError('internal', 'a defect')
  const theirs = new SluiceError('undecodable', 'no JSON')
  assert.match(ours.stack ?? '', /errors\.test\.ts/)
  assert.equal(theirs.stack, 'SluiceError: no JSON')
  assert.match(new SluiceError('internal', 'a defect after that').stack ?? '', /errors\.test\.ts/)
})

test('what fails at a record that was sent is thrown without a stack, and what fails after it has one', () => {
  const parse = () => withoutStack(() => JSON.parse('{"v":') as unknown)
  assert.throws(
    parse,
    (error: Error) => error instanceof SyntaxError && !error.stack?.includes('errors.test'),
  )
  assert.match(new Error('after that').stack ?? '', /errors\.test\.ts/)
})
