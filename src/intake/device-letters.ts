import type { Recount } from '../core/discard.ts'

/** Devices remembered; beyond it the one whose last letter is the oldest is forgotten. */
const maxDevices = 100_000

/** Bytes of the dead letters kept of each device: one that sends nothing else fills its own share, and not the room of all others. */
export class DeviceLetters {
  readonly #maxBytes: number
  #bytes = new Map<string, number>()
  /** What came since each of the counts that are under way began. */
  readonly #since = new Set<Map<string, number>>()
  /** The device that was refused last, until there is room again. */
  full: string | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  hasRoom(device: string, bytes: number): boolean {
    const hasRoom = (this.#bytes.get(device) ?? 0) + bytes <= this.#maxBytes
    if (!hasRoom) this.full = device
    else if (this.full === device) this.full = undefined
    return hasRoom
  }

  add(device: string, bytes: number): void {
    for (const counts of [this.#bytes, ...this.#since]) {
      const before = counts.get(device) ?? 0
      counts.delete(device) // the last one set is the last to be forgotten
      counts.set(device, before + bytes)
      if (counts.size <= maxDevices) continue
      for (const [oldest] of counts) {
        counts.delete(oldest)
        break
      }
    }
  }

  /** Of a letter that is gone, or was never kept. */
  remove(device: string, bytes: number): void {
    for (const counts of [this.#bytes, ...this.#since]) {
      const left = (counts.get(device) ?? 0) - bytes
      if (left > 0) counts.set(device, left)
      else counts.delete(device)
    }
    if (this.full === device) this.full = undefined
  }

  /** Counts anew what is kept. What comes meanwhile is added, and may count twice. */
  recount(): Recount {
    const since = new Map<string, number>()
    this.#since.add(since)
    return {
      set: (counted) => {
        this.#bytes = new Map(counted)
        for (const [device, bytes] of since) this.#bytes.set(device, (this.#bytes.get(device) ?? 0) + bytes)
        this.full = undefined
      },
      end: () => void this.#since.delete(since),
    }
  }
}
