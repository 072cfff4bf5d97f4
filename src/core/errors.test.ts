import assert from 'node:assert/strict'
import test from 'node:test'
import { SluiceError } from './errors.ts'

test('an error that is ours to mend says where it was made; one about a record that was sent is made at full speed', () => {
  const ours = new SluiceError('internal', 'a defect')
  const theirs = new SluiceError('undecodable', 'no JSON')
  assert.match(ours.stack ?? '', /errors\.test\.ts/)
  assert.equal(theirs.stack, 'SluiceError: no JSON')
  assert.match(new SluiceError('internal', 'a defect after that').stack ?? '', /errors\.test\.ts/)
})
