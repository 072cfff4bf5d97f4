import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesOf, countingReadings, documentsOf } from '../../../test/support/log-changes.ts'
import { damagedOf, valuesOf } from '../../../test/support/log-reading.ts'
import { asFormatOne, groupsOf, rotCommit } from '../../../test/support/rotten-log.ts'
import { range, WrittenLog } from '../../../test/support/written-log.ts'

// Damage that takes the last row a stream has in the log's open segment: only the commits behind it can tell.

const post = (key: string) => documentsOf('posts', [{ key, body: '' }])

/** Two posts among readings, the second one in a commit of its own that only readings follow. */
function twoPosts(): WrittenLog {
  const log = new WrittenLog()
  log.commit({ documents: [post('a')] })
  log.count(10)
  log.commit({ documents: [post('b')] })
  log.count(10)
  log.count(10)
  return log
}

test('a start counts what damage took of a stream, though no row of it comes behind', async () => {
  const log = twoPosts()
  rotCommit(log, log.files[0] ?? '', 2)
  log.killAndStart()
  assert.equal(log.writer.rows.get('posts'), 2)
  log.commit({ documents: [post('c')] })
  const posts = await log.read({ stream: 'posts' })
  assert.deepEqual(
    posts.flatMap(({ documents }) => documents.map(({ key }) => key)),
    ['a', 'c'],
  )
  assert.equal(damagedOf(posts), 1)
  assert.equal(damagedOf(await log.read()), 0)
})

test('who has taken a row before damage took it counts nothing, whatever else the damage took', async () => {
  const log = new WrittenLog()
  log.commit({ documents: [post('a')] })
  log.commit({ documents: [post('b')] })
  log.commit({ readings: countingReadings(0, 5), documents: [post('c')] })
  log.count(10)
  const [file = ''] = log.files
  // One stretch of damage: post b with number 1, readings 2 … 6, post c with number 7.
  rotCommit(log, file, 1)
  rotCommit(log, file, 1)
  log.killAndStart()
  log.commit({ documents: [post('d')] })
  const damaged = async (from: number, taken: number) =>
    damagedOf(await log.read({ stream: 'posts', from, taken }))
  assert.equal(await damaged(1, 1), 2)
  assert.equal(await damaged(2, 2), 1)
  assert.equal(await damaged(8, 3), 0)
})

test('commits of one flush each tell what was before them', async () => {
  const log = new WrittenLog()
  log.count(1)
  log.writer.append(changesOf({ documents: [post('a')] }))
  log.writer.append(changesOf({ documents: [post('b')] }))
  log.writer.append(changesOf({ readings: countingReadings(1, 3) }))
  log.writer.flush()
  log.commit({})
  rotCommit(log, log.files[0] ?? '', 2)
  log.killAndStart()
  assert.deepEqual(log.writer.rows, new Map(Object.entries({ readings: 4, posts: 2 })))
})

test('a log of format 1 is read and goes on in format 2', async () => {
  const log = twoPosts()
  log.writer.close()
  const [file = ''] = log.files
  asFormatOne(log, file)
  log.start()
  assert.deepEqual(log.writer.rows, new Map(Object.entries({ posts: 2, readings: 30 })))
  log.commit({ documents: [post('c')] })
  log.count(10)
  assert.deepEqual(await log.readValues(), range(0, 40))
  rotCommit(log, file, groupsOf(log, file).length - 3)
  log.killAndStart()
  assert.equal(log.writer.rows.get('posts'), 3)
  assert.equal(damagedOf(await log.read({ stream: 'posts' })), 0, 'until there is a row behind it')
  log.commit({ documents: [post('d')] })
  assert.equal(damagedOf(await log.read({ stream: 'posts' })), 1)
  assert.deepEqual(valuesOf(await log.read()), range(0, 40))
})
