import type { Bug } from './bugs.ts'

const log = { by: 'log' } as const
const simulation = { by: 'simulation' } as const

const powerLoss = { by: 'proof', name: 'power-loss', options: ['--times', '2', '--rate', '500'] } as const

/** In the log, and between it and the sinks. */
export const logBugs: readonly Bug[] = [
  {
    name: 'ack-before-sync',
    file: 'src/log/embedded/segment-chain.ts',
    find: 'file.write(parts, this.#at)\n    this.#sync(file)\n',
    replace: 'file.write(parts, this.#at)\n',
    breaks: 'an acknowledgement means durable',
    finder: log,
    seen: /acknowledged commit \d+ is not whole/,
    onTheRealProgram: { finder: powerLoss, seen: /"lost":[1-9]/ },
  },
  {
    name: 'no-directory-sync',
    file: 'src/log/embedded/segment-chain.ts',
    find: 'this.#storage.syncFolder(this.#folder)\n      return file',
    replace: 'return file',
    breaks: 'an acknowledgement means durable: the name of its segment too',
    finder: log,
    seen: /acknowledged commit \d+ is not whole/,
  },
  {
    name: 'crc-off',
    file: 'src/log/embedded/group-reader.ts',
    find: 'if (crc >>> 0 !== view.getUint32(at + 8, true)) return undefined\n',
    replace: '',
    breaks: 'garbage is never delivered',
    finder: log,
    // Bytes that are none of ours are read as names and totals, or delivered.
    seen: /is there in part|is delivered|JSON/,
  },
  {
    name: 'retry-the-failed-sync',
    file: 'src/log/embedded/segment-chain.ts',
    find: 'try {\n      file.sync()\n    } catch (error) {\n      this.#isSyncable = false\n      throw error\n    }',
    replace: 'try {\n      file.sync()\n    } catch {\n      file.sync()\n    }',
    breaks: 'a file whose sync has failed is never synced again and trusted',
    finder: log,
    seen: /acknowledged commit \d+ is not whole|rows were lost that were acknowledged/,
  },
  {
    name: 'drop-on-full-but-ack',
    file: 'src/log/embedded/writer.ts',
    find: "if (this.state === 'disk-full')\n      throw new SluiceError(",
    replace: "if (this.state === 'disk-full') return\n    if (this.#next < 0) throw new SluiceError(",
    breaks: 'back-pressure, never a silent drop',
    finder: log,
    seen: /acknowledged commit \d+ is not whole/,
  },
  {
    name: 'refused-comes-back',
    file: 'src/log/embedded/writer.ts',
    find: 'if (!this.#chain.cut()) this.#voidFrom ??= this.#synced\n    this.#next = afterJump(this.#next)',
    replace: 'this.#next = afterJump(this.#next)',
    breaks: 'what was refused is never delivered',
    finder: log,
    seen: /refused commit \d+ is delivered/,
  },
  {
    name: 'number-not-jumped',
    file: 'src/log/embedded/writer.ts',
    find: 'if (found.tornTails > 0) this.#jump()\n',
    replace: '',
    breaks: 'a number is never given twice',
    // What a sink has seen must be lost for it, and no history of the simulation damages the end.
    finder: {
      by: 'test',
      file: 'src/log/embedded/lost-end.test.ts',
      name: 'behind a last segment that was emptied',
    },
    seen: /✖ behind a last segment[^]*AssertionError/,
  },
  {
    name: 'retention-deletes-what-is-needed',
    file: 'src/log/embedded/writer.ts',
    find: 'oldest && oldest.below <= bound; oldest',
    replace: 'oldest && oldest.below > 0; oldest',
    breaks: 'retention never deletes what a configured sink still needs',
    finder: simulation,
    seen: /counts \d+ damaged|file: lost|waits for the edit/,
  },
  {
    name: 'letter-lost',
    file: 'src/app/pipeline/runner.ts',
    find: '    await this.#parts.letters.put([letterOf(this.#parts.name, write, 0, refusal)])\n',
    replace: '    letterOf(this.#parts.name, write, 0, refusal)\n',
    breaks: 'every acknowledged record takes effect, or stands in the dead letters',
    finder: simulation,
    seen: /letters, there are/,
  },
  {
    name: 'skip-deletes-the-rest',
    file: 'src/app/pipeline/runner.ts',
    find: '    if (from < write.batch.length) await this.#write(sliceWrite(write, from, write.batch.length))\n  }\n\n  /** The sink cannot say',
    replace:
      '    const rest = { ...sliceWrite(write, from, write.batch.length), batch: undefined }\n    if (from < write.batch.length) this.#done(rest, await this.#parts.sink.write(rest, this.#signal))\n  }\n\n  /** The sink cannot say',
    breaks: 'bad data harms only itself',
    finder: simulation,
    seen: /books do not balance/,
  },
  {
    name: 'bound-before-write',
    file: 'src/app/pipeline/runner.ts',
    find: '      const started = this.#parts.clock.monotonicMs()\n      await this.#write(',
    replace:
      '      const started = this.#parts.clock.monotonicMs()\n      delivery.ack()\n      await this.#write(',
    breaks: 'retention never deletes what a configured sink still needs',
    finder: simulation,
    seen: /counts \d+ damaged/,
  },
  {
    name: 'lines-not-synced',
    file: 'src/lib/append-file.ts',
    find: "throw new Error('the write was short')\n      await handle.datasync()",
    replace: "throw new Error('the write was short')",
    breaks: 'a position never runs ahead of its rows, through a power loss too',
    finder: simulation,
    // Half a line is read as a row.
    seen: /JSON|file: lost|counts \d+/,
  },
  {
    name: 'only-its-own-refused',
    file: 'src/log/embedded/log.ts',
    find: 'const refused = this.#take(this.#waiting.length)',
    replace: 'const refused = this.#take(commits)',
    breaks: 'what was refused is in no books',
    finder: {
      by: 'test',
      file: 'src/log/embedded/log.test.ts',
      name: 'what must fail with a commit fails at once',
    },
    seen: /✖ what must fail[^]*AssertionError/,
  },
  {
    name: 'behind-the-failing-not-failed',
    file: 'src/intake/intake.ts',
    find: 'if (doom === undefined && this.#open.isAsked)',
    replace: 'if (doom === undefined && this.#open.isAsked && this.#underway > 99)',
    breaks: 'a message is told of only when it is durable that it was taken',
    finder: {
      by: 'test',
      file: 'src/intake/intake-books.test.ts',
      name: 'what is asked for behind a failing commit',
    },
    seen: /✖ what is asked for[^]*AssertionError/,
  },
  {
    name: 'packet-ids-forgotten',
    file: 'src/sources/mqtt/sessions/incoming.ts',
    find: 'this.add(block * blockIds + i)\n    this.#changed.delete(block)',
    replace: 'this.delete(block * blockIds + i)\n    this.#changed.delete(block)',
    breaks: 'a message of QoS 2 is taken once, over restarts',
    finder: {
      by: 'test',
      file: 'src/sources/mqtt/gateway-sessions.test.ts',
      name: 'MQTT level 5, killed: a QoS 2 message is taken once',
    },
    seen: /✖ MQTT level 5, killed[^]*AssertionError/,
  },
]
