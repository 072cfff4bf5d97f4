import { Examined } from './examined.ts'
import type { Question } from './exam.ts'

const values: readonly (number | string)[] = [
  ...[0, 1, -1, 0.1, 1 / 3, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53 + 2, 1e300, 5e-324, 2.2250738585072014e-308],
  ...[Number.MAX_VALUE, -Number.MAX_VALUE, Number.EPSILON],
  ...['', ' ', 'NaN', 'null', '\\N', "'", '"', '\\', '\r\n\t', '🚀\u{10FFFF}', '\uFFFD', '\uFEFFx', 'é', 'é'],
  ...[
    'a\u0000b',
    '\u0000',
    '{"v":1}',
    '%s$1',
    "'; DROP TABLE positions; --",
    '9007199254740993',
    'x'.repeat(4096),
  ],
]

const names = [
  ...[
    '__proto__',
    'constructor',
    `o'brien "x"`,
    'back\\slash',
    '🚀\u{10FFFF}',
    '%_',
    '$1',
    '; DROP TABLE series',
  ],
  ...[' ', 'é', 'é', 'a/b/c', 'tab\there', 'line\nend', '﻿x', 'NULL', 'x'.repeat(1024)],
]

const times = [
  0,
  1,
  -1,
  999_999,
  1_700_000_000_123_457,
  -62_135_596_800_000_000 / 1000,
  9_007_199_000_000_000,
  -9_007_199_000_000_000,
]

export const readingBack: readonly Question[] = [
  {
    name: 'numbers and texts of every kind are read back as they were given',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      await examined.put(values.map((value, i) => ({ device: 'd', metric: 'm', time: i, value })))
      await examined.judge()
    },
  },
  {
    name: 'names with every odd character are names',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      await examined.put(
        names.flatMap((name) => [
          { device: name, metric: 'm', time: 1, value: name },
          { device: 'd', metric: name, time: 1, value: 1 },
        ]),
      )
      await examined.judge()
    },
  },
  {
    name: 'times are kept to the microsecond, from the oldest to the last, and so are qualities and extras',
    async ask(t, subject) {
      const examined = await Examined.in(t, subject)
      await examined.put(times.map((time) => ({ device: 'd', metric: 'm', time, value: time })))
      await examined.put(
        [0, 1, 63, 64, 128, 191, 192, 255].map((quality, i) => ({
          device: 'q',
          metric: 'm',
          time: i,
          value: i,
          quality,
        })),
      )
      await examined.put(
        ['{"a":1}', '{"a":{"b":[1,"✓"]}}', '', '{"":""}'].map((extra, i) => ({
          device: 'e',
          metric: 'm',
          time: i,
          value: i,
          extra,
        })),
      )
      await examined.judge()
    },
  },
]
