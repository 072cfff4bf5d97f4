import fs from 'node:fs'
import path from 'node:path'
import { type Change, readJournal, type Rename, type Write } from './journal.ts'

/** What becomes of that which was not synced: all of it is kept or lost, or what came first is kept, or any sectors and names. */
export type Loss = 'none' | 'all' | 'prefix' | 'random'

export interface LostPower {
  /** Writes and truncations that no sync had covered, and those of them that were undone, in part at least. */
  readonly unsynced: number
  readonly undone: number
  /** The same of names made, removed and changed. */
  readonly names: number
  readonly namesUndone: number
}

/** What a disk keeps or loses as one. */
const sectorBytes = 512

/**
 * Takes from the files below a folder what a power loss would take: of what no sync has covered a part that `loss` and `random` decide.
 * Sectors and names are lost one by one, in any order, as nothing that the system promises forbids. A folder that was made stays.
 */
export function losePower(
  { folder, undo }: { folder: string; undo: string },
  loss: Loss,
  random: () => number,
): LostPower {
  const { writes, names } = unsyncedOf(readJournal(path.join(undo, 'journal')))
  const files = inodesBelow(folder, undo)
  const counts = { unsynced: writes.length, undone: 0, names: names.length, namesUndone: 0 }
  for (const ofFile of Map.groupBy(writes, ({ inode }) => inode).values()) {
    const file = files.get(ofFile[0]?.inode ?? 0n)
    if (file !== undefined) counts.undone += undoWrites(file, ofFile, loss, random)
  }
  counts.namesUndone = undoNames(names, files, folder, undo, loss, random)
  for (const name of fs.readdirSync(undo)) fs.rmSync(path.join(undo, name))
  return counts
}

/** The changes that no later sync has made certain, in order. A sync that failed leaves what it was to cover in doubt for ever. */
function unsyncedOf(changes: readonly Change[]): { writes: readonly Write[]; names: readonly Rename[] } {
  let writes: Write[] = []
  let names: Rename[] = []
  const doubtful = new Set<Write>()
  for (const change of changes) {
    if (change.kind === 'write') writes.push(change)
    else if (change.kind === 'name') names.push(change)
    else if (change.kind === 'sync-folder')
      names = names.filter(
        ({ to, from, place }) => place >= change.covers || path.dirname(to ?? from ?? '') !== change.path,
      )
    else {
      const covered = (write: Write) => write.inode === change.inode && write.place < change.covers
      if (change.kind === 'sync') writes = writes.filter((write) => doubtful.has(write) || !covered(write))
      else for (const write of writes) if (covered(write)) doubtful.add(write)
    }
  }
  return { writes, names }
}

/** Undoes unsynced writes of one file, from the last to the first; returns how many were undone, in part at least. */
function undoWrites(file: string, writes: readonly Write[], loss: Loss, random: () => number): number {
  // The size, and with it what was cut off, is lost or kept as one; sectors by themselves as far as that allows.
  const sizeCut = cutOf(loss, writes.length, random)
  const least = writes.findLastIndex((write, i) => i < sizeCut && isTruncation(write)) + 1
  const firstLost = writes.findIndex((write, i) => i >= sizeCut && isTruncation(write))
  const most = firstLost < 0 ? writes.length : firstLost
  const cuts = new Map<number, number>()
  /** From which write on the sector is lost. */
  const cutOfSector = (sector: number): number => {
    if (loss !== 'random') return sizeCut
    const cut = cuts.get(sector) ?? least + Math.floor(random() * (most - least + 1))
    cuts.set(sector, cut)
    return cut
  }
  let undone = 0
  const fd = fs.openSync(file, 'r+')
  try {
    for (const [i, write] of [...writes.entries()].reverse()) {
      let isUndone = false
      for (const { from, to, sector } of sectorsOf(write)) {
        if (i < cutOfSector(sector)) continue
        isUndone = true
        // What was not there before reads as zeros, until its size goes too.
        const piece = Buffer.alloc(to - from)
        piece.set(write.old.subarray(from - write.at, to - write.at))
        fs.writeSync(fd, piece, 0, piece.length, from)
      }
      undone += isUndone ? 1 : 0
    }
    const last = writes.at(-1)
    if (last !== undefined) fs.ftruncateSync(fd, writes[sizeCut]?.oldSize ?? last.newSize)
  } finally {
    fs.closeSync(fd)
  }
  return undone
}

function isTruncation({ newSize, oldSize }: Write): boolean {
  return newSize < oldSize
}

function* sectorsOf({ at, bytes }: Write): Generator<{ from: number; to: number; sector: number }> {
  const end = at + bytes
  for (let from = at; from < end; ) {
    const sector = Math.floor(from / sectorBytes)
    const to = Math.min(end, (sector + 1) * sectorBytes)
    yield { from, to, sector }
    from = to
  }
}

/** Changes from this one on are lost. */
function cutOf(loss: Loss, count: number, random: () => number): number {
  if (loss === 'none') return count
  return loss === 'all' ? 0 : Math.floor(random() * (count + 1))
}

/** Brings names to where a random part of the changes has left them; returns how many changes were undone. */
function undoNames(
  changes: readonly Rename[],
  files: ReadonlyMap<bigint, string>,
  folder: string,
  undo: string,
  loss: Loss,
  random: () => number,
): number {
  const upTo = cutOf(loss, changes.length, random)
  const kept = changes.filter((_, i) => (loss === 'random' ? random() < 0.5 : i < upTo))
  if (kept.length === changes.length) return 0
  const isConcerned = new Set(changes.flatMap(({ from, to }) => [from, to]))
  const names = new Map<string, bigint>()
  for (const [inode, file] of files) if (!file.startsWith(`${undo}/`)) names.set(file, inode)
  for (const change of changes.toReversed()) {
    if (change.to !== undefined) {
      if (change.replaced === 0n) names.delete(change.to)
      else names.set(change.to, change.replaced)
    }
    if (change.from !== undefined) names.set(change.from, change.inode)
  }
  for (const { from, to, inode } of kept) {
    if (from !== undefined && names.get(from) === inode) names.delete(from)
    if (to !== undefined) names.set(to, inode)
  }
  // First every file gets a name that is in nobody's way.
  for (const [inode, file] of files) {
    const safe = path.join(undo, String(inode))
    if (isConcerned.has(file) && !fs.existsSync(safe)) fs.linkSync(file, safe)
  }
  for (const name of isConcerned) if (name !== undefined) fs.rmSync(name, { force: true })
  for (const [name, inode] of names) {
    const safe = path.join(undo, String(inode))
    if (isConcerned.has(name) && name.startsWith(`${folder}/`) && fs.existsSync(safe)) fs.linkSync(safe, name)
  }
  return changes.length - kept.length
}

/** Files by inode, those included that have no other name than the one kept for the undoing. */
function inodesBelow(folder: string, undo: string): Map<bigint, string> {
  const files = new Map<bigint, string>()
  for (const place of [undo, folder])
    for (const entry of fs.readdirSync(place, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name)
      if (entry.isFile()) files.set(fs.statSync(file, { bigint: true }).ino, file)
    }
  return files
}
