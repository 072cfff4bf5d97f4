import fs from 'node:fs'

/** Kinds of calls, as shim-control.h numbers them. `open-read`, `open-write`: of a file that need not be made; `create`: with O_CREAT. */
export const callKinds = [
  'open-read',
  'open-write',
  'create',
  'write',
  'sync',
  'truncate',
  'rename',
  'unlink',
  'mkdir',
] as const
export type CallKind = (typeof callKinds)[number]

/** errno of Linux, where they are the same on every machine that Node runs on. */
const errnos = { EIO: 5, EMFILE: 24, ENOSPC: 28, EROFS: 30 } as const
export type DiskErrorCode = keyof typeof errnos

export interface DiskFault {
  readonly kinds: readonly CallKind[]
  /** `short`: the first half of a write goes through. `kill`: the process ends here, with half of the write done. */
  readonly action: DiskErrorCode | 'short' | 'kill'
  /** The first call of these kinds that it falls on, from now: 1 is the next one. */
  readonly from: number
  /** How many calls in a row; without, all from there on. */
  readonly calls?: number
  /** Only files whose path contains this. */
  readonly only?: string
}

/*
 *   0  u32  magic                      40  i64  hits
 *   4  u32  kinds, a bit each          48  i64  offset of the time of day, ns
 *   8  u32  action                     56  u32  keeps undo
 *  12  i32  errno                      60  u32  statfs tells no space
 *  16  i64  from                       64  64 bytes: only paths that contain this
 *  24  i64  to                        128  16 i64: calls seen, by kind
 *  32  i64  calls counted             256  512 bytes: what the fault fell on first
 *                                      768  u32  jumps of the clock, u32 processes that have read it since, their pids
 */
const magic = 0x4b534944
const at = { kinds: 4, action: 8, hits: 40, clock: 48, keepsUndo: 56, hasNoSpace: 60, only: 64 } as const
const seenAt = 128
const firstHitAt = 256
const firstHitBytes = 512
const clockJumpAt = firstHitAt + firstHitBytes
const clockReadersAt = clockJumpAt + 4
const mostReaders = 64
const controlBytes = clockReadersAt + 4 + 4 * mostReaders
const actions = { none: 0, fail: 1, short: 2, kill: 3 } as const

/** The file by which disk-shim.c is told what to do; every process that has it mapped obeys at once. */
export class ShimControl {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** A new file, which asks for nothing. */
  static create(file: string): ShimControl {
    const bytes = Buffer.alloc(controlBytes)
    bytes.writeUInt32LE(magic, 0)
    fs.writeFileSync(file, bytes)
    return new ShimControl(file)
  }

  /** Counts the calls of the fault's kinds from now on, and lets it happen. */
  set({ kinds, action, from, calls, only = '' }: DiskFault): void {
    this.clear()
    const isError = action in errnos
    const bytes = Buffer.alloc(at.clock)
    bytes.writeInt32LE(isError ? errnos[action as DiskErrorCode] : 0, 12) // as: it is one of them
    bytes.writeBigInt64LE(BigInt(from), 16)
    bytes.writeBigInt64LE(calls === undefined ? 2n ** 62n : BigInt(from + calls), 24)
    this.#write(bytes.subarray(12), 12)
    const path = Buffer.alloc(64)
    path.write(only, 0, 63)
    this.#write(path, at.only)
    this.#write(Buffer.alloc(firstHitBytes), firstHitAt)
    this.#writeU32(at.action, isError ? actions.fail : actions[action as 'short' | 'kill']) // as: what is left
    this.#writeU32(
      at.kinds,
      kinds.reduce((bits, kind) => bits | (1 << callKinds.indexOf(kind)), 0),
    )
  }

  /** Everything works from now on. */
  clear(): void {
    this.#writeU32(at.kinds, 0)
    this.#writeU32(at.action, actions.none)
  }

  /** How many calls the fault has fallen on since it was set. */
  get hits(): number {
    return Number(this.#read(at.hits, 8).readBigInt64LE())
  }

  /** The call that it fell on first, such as `sync /…/log/0000000000000000-0.seg`; empty if none. */
  get firstHit(): string {
    const bytes = this.#read(firstHitAt, firstHitBytes)
    return bytes.toString('utf8', 0, bytes.indexOf(0))
  }

  /** Calls of each kind since the file was made. */
  get seen(): Record<CallKind, number> {
    const bytes = this.#read(seenAt, callKinds.length * 8)
    const counts = callKinds.map((kind, i) => [kind, Number(bytes.readBigInt64LE(i * 8))] as const)
    return Object.fromEntries(counts) as Record<CallKind, number> // as: of all kinds
  }

  /** Whether what a power loss would take away is written down from now on. */
  set keepsUndo(keeps: boolean) {
    this.#writeU32(at.keepsUndo, keeps ? 1 : 0)
  }

  /** Whether the file system says that it is full. */
  set hasNoSpace(isFull: boolean) {
    this.#writeU32(at.hasNoSpace, isFull ? 1 : 0)
  }

  /** How far the time of day is off. */
  set clockOffsetMs(ms: number) {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(Math.round(ms)) * 1_000_000n)
    this.#write(bytes, at.clock)
    const jumps = this.#read(clockJumpAt, 4).readUInt32LE()
    // Whoever reads it from here on has the new time.
    this.#write(Buffer.alloc(4 + 4 * mostReaders), clockReadersAt)
    this.#writeU32(clockJumpAt, jumps + 1)
  }

  /** Processes that have read the time of day since it was last moved. */
  get clockReaders(): number[] {
    const bytes = this.#read(clockReadersAt, controlBytes - clockReadersAt)
    const readers = Math.min(bytes.readUInt32LE(), mostReaders)
    return Array.from({ length: readers }, (_, i) => bytes.readInt32LE(4 + 4 * i))
  }

  #read(from: number, length: number): Buffer {
    return fs.readFileSync(this.#file).subarray(from, from + length)
  }

  #write(bytes: Uint8Array, to: number): void {
    const fd = fs.openSync(this.#file, 'r+')
    fs.writeSync(fd, bytes, 0, bytes.length, to)
    fs.closeSync(fd)
  }

  #writeU32(to: number, value: number): void {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(value)
    this.#write(bytes, to)
  }
}
