import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { changesOf, documentsOf } from '../../../test/support/log-changes.ts'
import { MemoryStorage } from '../../../test/support/memory-storage.ts'
import { seededRandom } from '../../../test/support/random.ts'
import { type EncodedGroup, encodeGroup, placeGroup } from './group.ts'
import { SegmentScanner } from './scan.ts'

const salt = 123

/** The bytes of a commit whose first number is `number`, at least `bytes` long; of format 1, which may stand anywhere. */
function groupBytes(number: number, bytes = 0): Buffer {
  const group = Buffer.concat(encoded(number, bytes).parts)
  group.writeUInt16LE(1, 12)
  group.writeUInt32LE(crc32(group.subarray(12), salt), 8)
  return group
}

function encoded(number: number, bytes = 0): EncodedGroup {
  const documents = [documentsOf('posts', [{ key: '', body: 'x'.repeat(bytes) }])]
  const place = { number, synced: number, timeMicros: 0, ageSeconds: 0, salt, series: 0, rows: new Map() }
  return encodeGroup(changesOf({ documents }), place)
}

function fileOf(bytes: Uint8Array) {
  const storage = new MemoryStorage({ random: seededRandom(1) })
  storage.makeFolder('/')
  const file = storage.open('/a', 'create')
  file.write([bytes], 0)
  return file
}

function scan(bytes: Uint8Array, window?: Uint8Array) {
  const scanner = new SegmentScanner(fileOf(bytes), salt, 0, window)
  const numbers: number[] = []
  const damage: [number, number][] = []
  for (let found = scanner.next(bytes.length); found; found = scanner.next(bytes.length)) {
    if (found.kind === 'group') numbers.push(found.group.number)
    else damage.push([found.offset, found.length])
  }
  assert.equal(scanner.offset, bytes.length)
  return { numbers, damage }
}

test('groups are found one after the other through a window smaller than any of them', () => {
  const bytes = Buffer.concat([groupBytes(0), groupBytes(1, 5000), groupBytes(2), groupBytes(3, 300)])
  for (const windowBytes of [64, 4096, 1 << 20]) {
    assert.deepEqual(scan(bytes, new Uint8Array(windowBytes)), { numbers: [0, 1, 2, 3], damage: [] })
  }
})

test('a group is whole in its own place only', () => {
  const [first, second] = [encoded(0), encoded(1)]
  placeGroup(first, 0)
  placeGroup(second, first.length)
  const [a, b] = [Buffer.concat(first.parts), Buffer.concat(second.parts)]
  assert.equal(a.length, b.length)
  assert.deepEqual(scan(Buffer.concat([a, b])), { numbers: [0, 1], damage: [] })
  assert.deepEqual(scan(Buffer.concat([a, a])), { numbers: [0], damage: [[a.length, a.length]] })
  assert.deepEqual(scan(Buffer.concat([b, a])), { numbers: [], damage: [[0, 2 * a.length]] })
})

test('an empty file has nothing in it', () => {
  assert.deepEqual(scan(new Uint8Array(0)), { numbers: [], damage: [] })
})

test('a group whose end is missing is damage', () => {
  const whole = groupBytes(1, 100)
  const bytes = Buffer.concat([groupBytes(0), whole.subarray(0, whole.length - 1)])
  assert.deepEqual(scan(bytes), { numbers: [0], damage: [[groupBytes(0).length, whole.length - 1]] })
})

test('a scanner goes no further than it is told, and on when it is told more', () => {
  const [first, second] = [groupBytes(0), groupBytes(1)]
  const scanner = new SegmentScanner(fileOf(Buffer.concat([first, second])), salt, 0)
  assert.equal(scanner.next(first.length)?.kind, 'group')
  assert.equal(scanner.next(first.length), undefined)
  const found = scanner.next(first.length + second.length)
  assert.ok(found?.kind === 'group')
  assert.equal(found.group.number, 1)
})

test('whatever lies between groups, every whole group is found and the rest is damage to the byte', () => {
  const garbage = fc
    .oneof(
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      // Beginnings of a group: its magic with any length, and one cut off.
      fc
        .uint8Array({ minLength: 4, maxLength: 60 })
        .map((rest) => Buffer.concat([Buffer.from('SLG1'), rest])),
      fc.nat(150).map((cut) => groupBytes(77, 100).subarray(0, cut + 1)),
    )
    .map((bytes) => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]))
  const part = fc.oneof(
    fc.nat(2000).map((bytes) => ({ bytes: groupBytes(bytes, bytes), number: bytes })),
    garbage.map((bytes) => ({ bytes, number: undefined })),
  )
  const property = fc.property(
    fc.array(part, { maxLength: 12 }),
    fc.constantFrom(64, 1000, 1 << 16),
    (parts, window) => {
      const { numbers, damage } = scan(Buffer.concat(parts.map(({ bytes }) => bytes)), new Uint8Array(window))
      assert.deepEqual(
        numbers,
        parts.flatMap(({ number }) => (number === undefined ? [] : [number])),
      )
      const lost = parts.reduce(
        (sum, { bytes, number }) => sum + (number === undefined ? bytes.length : 0),
        0,
      )
      assert.equal(
        damage.reduce((sum, [, length]) => sum + length, 0),
        lost,
      )
    },
  )
  fc.assert(property, { numRuns: 300 })
})
