import assert from 'node:assert/strict'
import { test } from 'node:test'
import mqttPacket from 'mqtt-packet'
import { addRows, openGate, turn } from '../../../../test/support/gate.ts'
import { devRouter, openAuthorizer } from '../../../../test/support/mqtt-door.ts'
import { defaultRecordLimits } from '../../../core/limits.ts'
import { createJsonFormat } from '../../../formats/json/json-format.ts'
import { systemClock } from '../../../lib/clock.ts'
import { Addresses } from './addresses.ts'
import { mqttConfig } from '../config.ts'
import { Connection } from './connection.ts'
import { newCounters } from '../counters.ts'
import { newGatewayContext } from '../gateway-context.ts'
import { silentLog } from '../log.ts'
import type { Wire } from './wire.ts'

test('what waits for room is kept, though the wire reads the next bytes into the same buffer', async () => {
  const { intake, thread, rows } = await openGate({ maxBytes: 4096 })
  const gateway = newGatewayContext(
    {
      config: mqttConfig.parse({}),
      limits: defaultRecordLimits,
      router: devRouter,
      format: createJsonFormat(defaultRecordLimits),
      formats: () => undefined,
      authorizer: openAuthorizer,
      clock: systemClock,
      log: silentLog,
      counters: newCounters(),
      addresses: new Addresses(),
    },
    intake,
  )
  const sent: Uint8Array[] = []
  const wire: Wire = {
    remoteAddress: '127.0.0.1',
    write(bytes, done) {
      sent.push(bytes)
      done()
    },
    pause() {},
    resume() {},
    end() {},
    destroy() {},
  }
  const connection = new Connection(gateway, wire)
  const buffer = Buffer.alloc(1024)
  const receive = (packet: Buffer) => connection.received(buffer.subarray(0, packet.copy(buffer)))
  receive(mqttPacket.generate({ cmd: 'connect', clientId: 'c', protocolVersion: 4, clean: true }))
  for (let i = 0; i < 1000 && sent.length < 1; i++) await turn()
  assert.equal(sent[0]?.[0], 0x20, 'CONNACK')

  thread.isAutomatic = false
  addRows(intake, 0, 1000)
  const full = intake.durable()
  assert.ok(intake.room(), 'the intake is full')
  const message = { cmd: 'publish', topic: 'dev/pump/temp', payload: '7', qos: 1, messageId: 5 } as const
  receive(mqttPacket.generate({ ...message, dup: false, retain: false }))
  buffer.fill(0)
  thread.isAutomatic = true
  thread.handle()
  await full
  for (let i = 0; i < 1000 && sent.length < 2; i++) await turn()
  assert.deepEqual([...(sent[1] ?? [])], [0x40, 2, 0, 5], 'PUBACK')
  const last = (await rows()).at(-1)
  assert.deepEqual([last?.device, last?.value], ['pump', 7])
})
