import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SluiceError } from '../core/errors.ts'
import type { Route, Router } from '../core/format.ts'
import { defaultRecordLimits } from '../core/limits.ts'
import { createReadingFormat } from './protobuf/reading-format.ts'
import { createRouter, defaultTopics } from './topics.ts'

const limits = { topicBytes: 1024 }
const encoder = new TextEncoder()

function routeOf(router: Router, topic: string | Uint8Array): Route | undefined {
  const bytes = typeof topic === 'string' ? encoder.encode(topic) : topic
  const buffer = new Uint8Array(bytes.length + 4)
  buffer.set(bytes, 2)
  return router.route(buffer, 2, 2 + bytes.length)
}

function namesOf(router: Router, topic: string): readonly (string | undefined)[] | undefined {
  const route = routeOf(router, topic)
  return route && [route.device, route.metric]
}

test('the default templates name device and metric', () => {
  const router = createRouter(defaultTopics, limits)
  for (const [topic, names] of [
    ['dev/test-device/temperature', ['test-device', 'temperature']],
    ['uns/site1/pump1/temp', ['site1/pump1', 'temp']],
    ['uns/a/b/c/d/e', ['a/b/c/d', 'e']],
    ['dev/Größe/温度', ['Größe', '温度']],
    ['devices/telemetry', [undefined, undefined]],
    ['devices/pump 1/telemetry', ['pump 1', undefined]],
    ['sensor.AAD-1123.measurements', ['AAD-1123', undefined]],
    ['sensor/AAD-1123/measurements', ['AAD-1123', undefined]],
    ['sensor.a.b.measurements', ['a.b', undefined]],
  ] as const) {
    assert.deepEqual(namesOf(router, topic), names, topic)
    assert.deepEqual(namesOf(router, topic), names, `${topic} again`)
  }
})

test('a topic that no template fits has no route, however often it is asked for', () => {
  const router = createRouter(defaultTopics, limits)
  const topics = [
    ...[
      '',
      '/',
      'dev',
      'dev/',
      'dev/x',
      'dev//temp',
      'dev/x/',
      'dev/a//temp',
      '/dev/a/b',
      'device/a/b',
      'DEV/a/b',
    ],
    ...['devices/telemetry/', 'devices/a/b/telemetry', 'devices//telemetry', 'chat/room'],
    ...[
      'sensor..measurements',
      'sensor.a.measurement',
      'xsensor.a.measurements',
      'sensor/a/b/measurements',
      'sensor/a.measurements',
    ],
    ...['$SYS/broker/load', '$nexus/status/devices/a', 'dev/a/b\0'],
  ]
  for (let i = 0; i < 2; i++)
    for (const topic of topics) assert.equal(routeOf(router, topic), undefined, topic)
  assert.equal(routeOf(router, Uint8Array.from([...encoder.encode('dev/a/'), 0xff])), undefined, 'not UTF-8')
  assert.equal(routeOf(router, `dev/${'a'.repeat(1024)}/b`), undefined, 'too long')
})

test('one topic has one route, whose caches stay', () => {
  const router = createRouter(defaultTopics, limits)
  const route = routeOf(router, 'dev/a/b')
  assert.ok(route)
  route.valueSeries = 7
  assert.equal(routeOf(router, 'dev/a/b'), route)
  assert.notEqual(routeOf(router, 'dev/a/c'), route)
  assert.equal(route.topic, 'dev/a/b')
})

test('the first template that fits holds', () => {
  const router = createRouter(['plant/{metric}/{device}', 'plant/{device...}/{metric}'], limits)
  assert.deepEqual(namesOf(router, 'plant/a/b'), ['b', 'a'])
  assert.deepEqual(namesOf(router, 'plant/a/b/c'), ['a/b', 'c'])
})

test('a template may say what the payloads of its topics are', () => {
  const format = createReadingFormat(defaultRecordLimits)
  const router = createRouter([{ topic: 'plc/{device}', format }, 'plc/{device}/{metric}'], limits)
  for (let i = 0; i < 2; i++) {
    assert.equal(routeOf(router, 'plc/a')?.format, format)
    assert.equal(routeOf(router, 'plc/a/b')?.format, undefined)
  }
  assert.deepEqual(namesOf(router, 'plc/a'), ['a', undefined])
})

test('a placeholder may be part of a level, and literal text is literal', () => {
  const router = createRouter(
    ['v1.0/dev-{device}-x/{metric}', 'a*(b)/{device}', '$own/{device}/{metric}'],
    limits,
  )
  assert.deepEqual(namesOf(router, 'v1.0/dev-7-x/temp'), ['7', 'temp'])
  assert.equal(namesOf(router, 'v1x0/dev-7-x/temp'), undefined)
  assert.equal(namesOf(router, 'v1.0/dev--x/temp'), undefined)
  assert.deepEqual(namesOf(router, 'a*(b)/d'), ['d', undefined])
  assert.deepEqual(namesOf(router, '$own/d/m'), ['d', 'm'])
})

test('topics of the broker itself need a template that says so', () => {
  const router = createRouter(['{device...}/{metric}'], limits)
  assert.deepEqual(namesOf(router, 'a/b'), ['a', 'b'])
  assert.equal(namesOf(router, '$SYS/uptime'), undefined)
})

test('faulty templates are all named in one error', () => {
  const faulty = [
    '',
    'dev/{devise}/x',
    'dev/{device',
    'dev/device}',
    'a/+/{metric}',
    'a/#',
    '{device}/{device...}',
  ]
  faulty.push('{metric}/{metric}', '{device}{metric}', 'x{device...}/y')
  assert.throws(
    () => createRouter(['dev/{device}', ...faulty], limits),
    (error: unknown) => {
      assert.ok(error instanceof SluiceError)
      assert.equal(error.code, 'config-invalid')
      faulty.forEach((template, i) =>
        assert.ok(error.message.includes(`topics[${i + 1}] ${JSON.stringify(template)}: `), template),
      )
      assert.ok(!error.message.includes('topics[0]'))
      return true
    },
  )
})

test('a client that invents topics makes the router forget, not grow, and not forget the routes of others', () => {
  const router = createRouter(defaultTopics, limits, { topics: 100, bytes: 2000 })
  const kept = routeOf(router, 'dev/a/b')
  for (let i = 0; i < 1000; i++) assert.equal(routeOf(router, `invented/${i}`), undefined)
  assert.equal(routeOf(router, 'dev/a/b'), kept)
  for (let i = 0; i < 1000; i++) assert.deepEqual(namesOf(router, `dev/${i}/x`), [String(i), 'x'])
  const anew = routeOf(router, 'dev/a/b')
  assert.notEqual(anew, kept)
  assert.deepEqual(anew, kept)
  for (let i = 0; i < 50; i++) assert.ok(routeOf(router, `dev/${'long'.repeat(20)}${i}/x`))
  assert.notEqual(routeOf(router, 'dev/a/b'), anew, 'bytes are a bound too')
})
