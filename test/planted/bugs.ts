import type { FinderName } from './finders.ts'

export interface Bug {
  readonly name: string
  /** From the root of the project. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** The promise that it breaks. */
  readonly breaks: string
  readonly finder: FinderName
  /** What the finder must have seen: that it failed for another reason is no proof. */
  readonly seen: RegExp
}

export const bugs: readonly Bug[] = [
  {
    name: 'ack-before-sync',
    file: 'src/log/embedded/segment-chain.ts',
    find: 'file.write(parts, this.#at)\n    this.#sync(file)\n',
    replace: 'file.write(parts, this.#at)\n',
    breaks: 'an acknowledgement means durable',
    finder: 'log',
    seen: /acknowledged commit \d+ is not whole/,
  },
  {
    name: 'no-directory-sync',
    file: 'src/log/embedded/segment-chain.ts',
    find: 'this.#storage.syncFolder(this.#folder)\n      return file',
    replace: 'return file',
    breaks: 'an acknowledgement means durable: the name of its segment too',
    finder: 'log',
    seen: /acknowledged commit \d+ is not whole/,
  },
  {
    name: 'crc-off',
    file: 'src/log/embedded/group-reader.ts',
    find: 'if (zlib.crc32(bytes.subarray(at + 12, at + length), salt) !== view.getUint32(at + 8, true))\n    return undefined\n',
    replace: '',
    breaks: 'garbage is never delivered',
    finder: 'log',
    // Bytes that are none of ours are read as names and totals, or delivered.
    seen: /is there in part|is delivered|JSON/,
  },
  {
    name: 'retry-the-failed-sync',
    file: 'src/log/embedded/segment-chain.ts',
    find: 'try {\n      file.sync()\n    } catch (error) {\n      this.#isSyncable = false\n      throw error\n    }',
    replace: 'try {\n      file.sync()\n    } catch {\n      file.sync()\n    }',
    breaks: 'a file whose sync has failed is never synced again and trusted',
    finder: 'log',
    seen: /acknowledged commit \d+ is not whole|rows were lost that were acknowledged/,
  },
  {
    name: 'drop-on-full-but-ack',
    file: 'src/log/embedded/writer.ts',
    find: "if (this.state === 'disk-full')\n      throw new SluiceError(",
    replace: "if (this.state === 'disk-full') return\n    if (this.#next < 0) throw new SluiceError(",
    breaks: 'back-pressure, never a silent drop',
    finder: 'log',
    seen: /acknowledged commit \d+ is not whole/,
  },
]

/** @throws where no bug has that name. */
export function bugNamed(name: string | undefined): Bug {
  const found = bugs.find((bug) => bug.name === name)
  if (found === undefined) throw new Error(`TEST_PLANT names no bug: ${name ?? 'it is not set'}`)
  return found
}
