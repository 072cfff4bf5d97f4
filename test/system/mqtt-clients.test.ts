import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { MqttInbox } from '../support/mqtt-inbox.ts'
import { doorNames, MqttProgram } from '../support/mqtt-program.ts'
import { needs } from '../support/needs.ts'
import { drained, readStatus } from '../support/sluice-status.ts'

// MQTT.js as it is, in both versions, at every door of the running program.

const skip = needs('openssl')

let program: MqttProgram
before(async () => {
  if (skip === false) program = await MqttProgram.start()
})
after(() => program?.stop())

for (const [i, door] of doorNames.entries()) {
  const other = doorNames[(i + 1) % doorNames.length] ?? door
  for (const protocolVersion of [4, 5] as const) {
    const name = `${door}-${protocolVersion}`

    test(`${name}: what is acknowledged is stored, and a client at the ${other} door gets it in order`, {
      skip,
    }, async () => {
      const publisher = await program.connect(door, { protocolVersion })
      const subscriber = await program.connect(other, { protocolVersion: protocolVersion === 4 ? 5 : 4 })
      const inbox = new MqttInbox(subscriber)
      await subscriber.subscribeAsync(`dev/${name}/+`, { qos: 1 })
      const values = Array.from({ length: 200 }, (_, i) => i)
      const send = (value: number) =>
        publisher.publishAsync(`dev/${name}/m`, JSON.stringify({ v: value, ts: 1_704_067_200_000 + value }), {
          qos: 1,
        })
      await Promise.all(values.map(send))
      const got = await inbox.got(values.length)
      assert.deepEqual(
        got.map(({ payload }) => (JSON.parse(payload.toString()) as { v: number }).v),
        values,
      )
      await publisher.endAsync()
      await subscriber.endAsync()
      const { books } = await readStatus(program.sluice)
      await drained(program.sluice, { rows: books.rowsAccepted, timeoutMs: 20_000 })
      const path = `/api/v1/readings?device=${name}&metric=m&from=1704067200000&to=1704067300000`
      const { rows } = (await program.sluice.get(path)) as { rows: { value: number }[] } // as documented
      assert.deepEqual(
        rows.map(({ value }) => value),
        values,
      )
    })

    test(`${name}: any bytes on a topic that is no ingest topic arrive as they were`, { skip }, async () => {
      const publisher = await program.connect(door, { protocolVersion })
      const subscriber = await program.connect(door, { protocolVersion })
      const inbox = new MqttInbox(subscriber)
      await subscriber.subscribeAsync(`plain/${name}/#`)
      const payloads = [Buffer.alloc(0), Buffer.of(0, 255, 0x80), randomBytes(300 * 1024)]
      for (const [i, payload] of payloads.entries())
        await publisher.publishAsync(`plain/${name}/${i}/ü€😀`, payload, { qos: i % 2 === 0 ? 0 : 1 })
      const got = await inbox.got(payloads.length)
      assert.deepEqual(
        got.map(({ topic }) => topic),
        payloads.map((_, i) => `plain/${name}/${i}/ü€😀`),
      )
      for (const [i, { payload }] of got.entries()) assert.ok(payload.equals(payloads[i] as Buffer), `${i}`)
      await subscriber.unsubscribeAsync(`plain/${name}/#`)
      await publisher.endAsync()
      await subscriber.endAsync()
    })
  }
}
