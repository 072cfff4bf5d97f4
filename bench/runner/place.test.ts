import assert from 'node:assert/strict'
import test from 'node:test'
import { fileSystemOf, isMemory, placeOf } from './place.ts'

const mounts = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /proc rw - proc proc rw
31 22 0:27 / ${import.meta.dirname.replaceAll(' ', '\\040')} rw shared:5 - tmpfs tmpfs rw`

test('the file system is that of the nearest mount point', () => {
  assert.equal(fileSystemOf(import.meta.dirname, mounts), 'tmpfs')
  assert.equal(fileSystemOf('/', mounts), 'ext4')
  assert.equal(fileSystemOf('/', ''), 'unknown')
  assert.ok(isMemory('tmpfs'))
  assert.ok(!isMemory('ext4'))
})

test('a place names its cores, its node and the commit', () => {
  const { cores, node, commit } = placeOf(import.meta.dirname)
  assert.ok(cores >= 1)
  assert.equal(node, process.version)
  assert.match(commit, /^([0-9a-f]{10}\+?|unknown)$/)
})
