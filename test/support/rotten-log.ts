import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { groupHeaderBytes, Kind } from '../../src/log/embedded/group.ts'
import { readSections } from '../../src/log/embedded/group-reader.ts'
import { SegmentScanner } from '../../src/log/embedded/scan.ts'
import { findSalt, listSegments, segmentHeaderBytes } from '../../src/log/embedded/segment.ts'
import { folder, type WrittenLog } from './written-log.ts'

export interface GroupPlace {
  readonly offset: number
  readonly length: number
  readonly number: number
}

/** Where the groups of a segment lie, the checkpoint first. */
export function groupsOf(log: WrittenLog, file: string): GroupPlace[] {
  const open = log.storage.open(file, 'read')
  const scanner = new SegmentScanner(open, saltOf(log))
  const groups: GroupPlace[] = []
  for (let found = scanner.next(open.size()); found; found = scanner.next(open.size())) {
    if (found.kind === 'group')
      groups.push({ offset: found.offset, length: found.group.length, number: found.group.number })
  }
  open.close()
  return groups
}

/** Flips a bit in the middle of a commit's group; the whole ones count from 0. */
export function rotCommit(
  log: WrittenLog,
  file: string,
  commit: number,
  at = groupHeaderBytes + 5,
): GroupPlace {
  const group = groupsOf(log, file)[commit + 1]
  assert.ok(group)
  log.storage.rot(file, group.offset + at)
  return group
}

/** Writes a segment as a Sluice did that knew no totals. */
export function asFormatOne(log: WrittenLog, file: string): void {
  const salt = saltOf(log)
  const parts: Uint8Array[] = [log.bytes(file).slice(0, segmentHeaderBytes)]
  const open = log.storage.open(file, 'read')
  const scanner = new SegmentScanner(open, salt)
  for (let found = scanner.next(open.size()); found; found = scanner.next(open.size())) {
    assert.equal(found.kind, 'group')
    if (found.kind === 'group') parts.push(groupOfFormatOne(found, salt))
  }
  open.close()
  const bytes = Buffer.concat(parts)
  const write = log.storage.open(file, 'write')
  write.truncate(0)
  write.write([bytes], 0)
  write.sync()
  write.close()
}

type FoundGroup = Extract<ReturnType<SegmentScanner['next']>, { kind: 'group' }>

function groupOfFormatOne({ bytes, view, group }: FoundGroup, salt: number): Buffer {
  const header = bytes.slice(group.at, group.at + groupHeaderBytes)
  const kept = [...readSections(view, group)].filter(({ kind }) => kind !== Kind.totals)
  const parts = kept.map(({ at, length }) => bytes.slice(at, at + length))
  const old = Buffer.concat([header, ...parts])
  old.writeUInt32LE(old.length, 4)
  old.writeUInt16LE(1, 12)
  old.writeUInt16LE(kept.length, 14)
  old.writeUInt32LE(zlib.crc32(old.subarray(12), salt), 8)
  return old
}

function saltOf(log: WrittenLog): number {
  return findSalt(log.storage, listSegments(log.storage, folder)) ?? 0
}
