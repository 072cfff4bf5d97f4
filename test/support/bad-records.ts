import type { ErrorCode } from '../../src/core/errors.ts'

/** A record that no door takes, and what is said of it. */
export interface BadRecord {
  readonly what: string
  readonly payload: string | Buffer
  readonly code: ErrorCode
  /** The member at fault, where there is one. */
  readonly field?: string
  /** Device it is sent for; one of its own unless given. */
  readonly device?: string
  /** What the dead letter keeps, where that is not the payload. */
  readonly kept?: string
}

/** Devices that a program with `series.strict` knows beforehand, as `series.declare` wants them. */
export const declared = (names: readonly string[]): string =>
  JSON.stringify([
    { device: 'only-numbers', kind: 'number' },
    { device: 'only-texts', kind: 'text' },
    { device: 'exam-*' },
    ...names.map((device) => ({ device })),
  ])

const inTwoHours = Date.now() + 7_200_000

/** The first row of the table "What bad input gets". */
export const badRecords: readonly BadRecord[] = [
  { what: 'a payload cut off', payload: '{"v":', code: 'undecodable' },
  { what: 'words', payload: 'hello', code: 'undecodable' },
  {
    what: 'bytes that are not UTF-8',
    payload: Buffer.from('{"v":"\xff\xfe"}', 'latin1'),
    code: 'undecodable',
  },
  { what: 'a hundred open brackets', payload: '{"v":'.repeat(100), code: 'undecodable' },
  {
    what: 'sixty thousand open brackets',
    payload: '['.repeat(60_000),
    kept: '['.repeat(59_999),
    code: 'undecodable',
  },
  {
    what: 'five thousand nested objects',
    payload: `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
    code: 'invalid-value',
    field: 'a.a.a.a.a.a.a.a.a',
  },
  { what: 'an object without values', payload: '{"ts":1705314600000}', code: 'missing-field' },
  { what: 'an object for a value', payload: '{"v":{"a":1}}', code: 'invalid-value', field: 'v' },
  { what: 'an array for a value', payload: '{"value":[1]}', code: 'invalid-value', field: 'value' },
  { what: 'null for a value', payload: '{"value":null}', code: 'invalid-value', field: 'value' },
  { what: 'an object for a quality', payload: '{"v":1,"q":{}}', code: 'invalid-value', field: 'q' },
  { what: 'a quality above 255', payload: '{"v":1,"q":256}', code: 'invalid-value', field: 'q' },
  { what: 'a number for a unit', payload: '{"v":1,"u":5}', code: 'invalid-value', field: 'u' },
  {
    what: 'a number for a device',
    payload: '{"device_id":7,"tag_id":"m","v":1}',
    code: 'invalid-name',
    field: 'device_id',
  },
  { what: 'NaN and nothing else', payload: 'NaN', code: 'undecodable' },
  { what: 'NaN', payload: '{"v":NaN}', code: 'undecodable' },
  { what: 'Infinity', payload: '{"v":Infinity}', code: 'undecodable' },
  { what: '-Infinity', payload: '{"v":-Infinity}', code: 'undecodable' },
  { what: 'a number beyond every double', payload: '{"v":1e999}', code: 'invalid-value', field: 'v' },
  { what: '2^53 + 1 as a number', payload: '{"v":9007199254740993}', code: 'invalid-value', field: 'v' },
  { what: '2^53 + 1 with a point', payload: '{"v":9007199254740993.0}', code: 'invalid-value', field: 'v' },
  {
    what: 'a text beyond its limit',
    payload: JSON.stringify({ v: 'x'.repeat(4_097) }),
    code: 'invalid-value',
    field: 'v',
  },
  {
    what: 'a time two hours ahead',
    payload: `{"v":1,"ts":${inTwoHours}}`,
    code: 'invalid-time',
    field: 'ts',
  },
  {
    what: 'a time beyond what can be kept',
    payload: '{"v":1,"ts":1e300}',
    code: 'invalid-time',
    field: 'ts',
  },
  {
    what: 'a time of twenty digits',
    payload: `{"v":1,"ts":${'9'.repeat(20)}}`,
    code: 'invalid-time',
    field: 'ts',
  },
  {
    what: 'a day that no month has',
    payload: '{"v":1,"ts":"2024-02-30T00:00:00Z"}',
    code: 'invalid-time',
    field: 'ts',
  },
  { what: 'a word for a time', payload: '{"v":1,"ts":"yesterday"}', code: 'invalid-time', field: 'ts' },
  { what: 'a series that is not declared', payload: '{"v":1}', device: 'stranger', code: 'unknown-metric' },
  {
    what: 'a text where numbers are declared',
    payload: '{"v":"a"}',
    device: 'only-numbers',
    code: 'wrong-kind',
  },
  {
    what: 'a boolean where texts are declared',
    payload: '{"v":true}',
    device: 'only-texts',
    code: 'wrong-kind',
  },
  {
    what: 'a fraction where texts are declared',
    payload: '{"v":7.5}',
    device: 'only-texts',
    code: 'wrong-kind',
  },
  {
    what: 'a device beyond the limit of names',
    payload: `{"device_id":"${'d'.repeat(2_000)}","tag_id":"m","v":1}`,
    code: 'invalid-name',
    field: 'device_id',
  },
  { what: 'a device and no value', payload: '{"device_id":"exam-0"}', code: 'missing-field' },
  { what: 'U+0000 in a text, escaped', payload: '{"v":"a\\u0000b"}', code: 'invalid-value', field: 'v' },
  { what: 'U+0000 in a text, as it is', payload: '{"v":"a\0b"}', code: 'undecodable' },
  { what: 'half a surrogate pair', payload: '{"v":"\\ud83d"}', code: 'invalid-value', field: 'v' },
  {
    what: 'U+0000 in a device',
    payload: '{"device_id":"exam-\\u0000","tag_id":"m","v":1}',
    code: 'invalid-value',
    field: 'device_id',
  },
  {
    what: 'U+0000 in a metric',
    payload: '{"device_id":"exam-0","tag_id":"\\u0000","v":1}',
    code: 'invalid-value',
    field: 'tag_id',
  },
  {
    what: 'a secret in a bad record',
    payload: '{"tag_id":"m","token":"hunter2","Password":"hunter3","v":[{"authorization":"hunter4"}]}',
    kept: '{"tag_id":"m","token":"***","Password":"***","v":[{"authorization":"***"}]}',
    code: 'invalid-value',
    field: 'v',
  },
]

/** Names and texts that break what is put together carelessly. Each is a device, a metric, a unit and a value. */
export const hostileWords: readonly string[] = [
  '"',
  'say "no"',
  '\\',
  'C:\\new\\table',
  "it's",
  "'; DROP TABLE series; --",
  '😀🚀',
  '𝒳',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '9007199254740993',
  '-0',
  'null',
  'NaN',
  '%_?',
  '${HOME}',
  '{{device}}',
  '%00',
  'a/b',
  '<img src=x onerror=alert(1)>',
  'a,b;c\td',
  'two\r\nlines',
  ' spaces ',
  '\u0001\u001f\u007f',
  '\u2028\u2029\ufeff\u200f',
  'é and e\u0301',
  '../../etc/passwd',
]
