import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import test, { after, before } from 'node:test'
import {
  addressOf,
  atLink,
  feedFrom,
  measurement,
  never,
  publishAll,
} from '../../../test/support/amqp-feed.ts'
import { Authority } from '../../../test/support/certificates.ts'
import { needs, needsToStart } from '../../../test/support/needs.ts'
import { OwnServer } from '../../../test/support/own-server.ts'
import { AmqpLink } from './link.ts'
import { amqpSchema } from './options.ts'
import { AmqpPublisher } from './publisher.ts'
import { commandQueue, declareTopology, sharedQueues, waitingIn } from './topology.ts'

const skip = needsToStart('rabbitmq')
let server: OwnServer

before(async () => {
  if (skip === false) server = await OwnServer.start('rabbitmq')
})
after(async () => {
  if (skip === false) await server[Symbol.asyncDispose]()
})

const open = (more: object) => AmqpLink.open(addressOf(server, more), 'test', never)

test('a wrong password, a missing virtual host and a missing queue are for somebody to mend, in clear words', {
  skip,
}, async () => {
  const stop = (message: RegExp) => ({ name: 'SourceFailure', kind: 'stop', message })
  await assert.rejects(open({ password: 'wrong' }), stop(/user or password is wrong/))
  await assert.rejects(open({ user: 'nobody' }), stop(/user or password is wrong/))
  const { url } = addressOf(server)
  await assert.rejects(
    open({ url: `${url}/no%2Fsuch` }),
    stop(/virtual host is not there.*vhost no\/such not found/),
  )
  const feed = await feedFrom({ url, queue: 'no.such', declare: false })
  await assert.rejects(feed.ended, stop(/it is not there; it says: no queue 'no.such'/))
})

test('a server that is not there, or is none of AMQP, is tried again', { skip }, async () => {
  const again = (message: RegExp) => ({ name: 'SourceFailure', kind: 'retry', message })
  await assert.rejects(
    open({ url: 'amqp://127.0.0.1:1' }),
    again(/no connection to RabbitMQ: .*ECONNREFUSED/),
  )
  await assert.rejects(open({ url: `amqp://127.0.0.1:${server.port('management')}` }), again(/connection/))
  const silent = net.createServer(() => undefined).listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  const { port } = silent.address() as net.AddressInfo // as: a TCP server has one
  await assert.rejects(open({ url: `amqp://127.0.0.1:${port}`, connectTimeoutMs: 200 }), again(/timed out/))
  silent.close()
})

test('a start that is told to stop does not wait for the server', { skip }, async () => {
  const silent = net.createServer(() => undefined).listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  const { port } = silent.address() as net.AddressInfo // as: a TCP server has one
  const stopping = new AbortController()
  const opening = AmqpLink.open(
    addressOf(server, { url: `amqp://127.0.0.1:${port}` }),
    'test',
    stopping.signal,
  )
  stopping.abort()
  await assert.rejects(opening, { name: 'SourceFailure', message: 'stopped' })
  silent.close()
})

test('an address is checked, and has no room for a password', () => {
  const isRight = (url: string) => amqpSchema.safeParse({ url }).success
  for (const url of ['amqp://h', 'amqps://h:1/', 'amqp://[::1]:5672/plant', 'amqp://h/a%2fb'])
    assert.ok(isRight(url), url)
  for (const url of [
    'mqtt://h',
    'amqp://u:p@h',
    'amqp://h/a/b',
    'amqp://h?heartbeat=1',
    'h:5672',
    'amqp://h/%ff',
  ])
    assert.ok(!isRight(url), url)
})

test('the exchange and the queues are made as documented, and an existing queue is taken as it is', {
  skip,
}, async () => {
  await atLink(addressOf(server), async (link) => {
    const own = await link.channel()
    await own.queueDeclare({
      queue: 'sensor.all.logs',
      durable: true,
      arguments: { 'x-queue-type': 'classic' },
    })
    const queues = [...sharedQueues, commandQueue('AAD-1123')]
    await declareTopology(link, 'iot', queues)
    await declareTopology(link, 'iot', queues)
    // RabbitMQ agrees to a declaration only where everything is the same.
    const stream = {
      'x-queue-type': 'stream',
      'x-max-length-bytes': 2_000_000_000,
      'x-queue-leader-locator': 'least-leaders',
    } as const
    await own.exchangeDeclare({ exchange: 'iot', type: 'topic', durable: true })
    const queue = 'sensor.all.measurements.db_writer'
    await own.queueDeclare({ queue, durable: true, arguments: stream })
    for (const quorum of ['sensor.all.registry.created', 'sensor.AAD-1123.commands'])
      await own.queueDeclare({ queue: quorum, durable: true, arguments: { 'x-queue-type': 'quorum' } })
    await own.queueDeclare({
      queue: 'sensor.all.logs',
      durable: true,
      arguments: { 'x-queue-type': 'classic' },
    })
    await own.close()
  })
  const body = Buffer.from('x')
  const routingKeys = ['commands.sleep', 'registry.created', 'logs'].map((key) => `sensor.AAD-1123.${key}`)
  await publishAll(addressOf(server), [
    ...routingKeys.map((routingKey) => ({ exchange: 'iot', routingKey, body })),
    measurement('AAD-1123', 1),
  ])
  await atLink(addressOf(server), async (link) => {
    for (const queue of ['sensor.AAD-1123.commands', 'sensor.all.registry.created', 'sensor.all.logs'])
      assert.equal(await waitingIn(link, queue), 1, queue)
  })
  const feed = await feedFrom(amqpSchema.parse({ url: addressOf(server).url }))
  await feed.until(({ accepted }) => accepted === 1, 'the measurement is taken from its stream')
  await feed.stop()
})

test('a confirm means that a queue holds it; a key that no queue takes is told', { skip }, async () => {
  const publisher = await AmqpPublisher.open(addressOf(server), 'test', never)
  const body = Buffer.from('{}')
  await atLink(addressOf(server), (link) => declareTopology(link, 'iot', [commandQueue('s1')]))
  const send = (routingKey: string) => publisher.publish({ exchange: 'iot', routingKey, body })
  const outcomes = await Promise.allSettled(
    ['sensor.s1.commands.sleep', 'sensor.s2.commands.sleep', 'sensor.s1.commands.awake'].map(send),
  )
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  await assert.rejects(send('sensor.s2.commands.awake'), {
    kind: 'stop',
    message: 'no queue of the exchange iot takes the routing key sensor.s2.commands.awake',
  })
  await atLink(addressOf(server), async (link) => {
    const channel = await link.channel()
    const message = await channel.basicGet({ queue: 'sensor.s1.commands', noAck: true })
    assert.equal(message?.durable, true)
    await channel.close()
  })
  await assert.rejects(publisher.publish({ exchange: 'no such', routingKey: 'x', body }), {
    kind: 'stop',
    message: /no exchange 'no such'/,
  })
  await publisher.close()
})

test('TLS: with the authority of its certificate and one of our own; to others it is for somebody to mend', {
  skip: skip || needs('openssl'),
}, async (t) => {
  const authority = new Authority(t)
  const own = authority.issue('rabbit')
  await using secure = await OwnServer.start('rabbitmq', (listed) => ({
    ...listed,
    ports: { ...listed.ports, amqps: 1 },
    async launch(folder, ports) {
      const launch = await listed.launch(folder, ports)
      const lines = [
        `listeners.ssl.1 = 127.0.0.1:${ports['amqps']}`,
        `ssl_options.cacertfile = ${authority.caFile}`,
        `ssl_options.certfile = ${own.certFile}`,
        `ssl_options.keyfile = ${own.keyFile}`,
        'ssl_options.verify = verify_peer',
        'ssl_options.fail_if_no_peer_cert = true',
      ]
      fs.appendFileSync(path.join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`)
      return launch
    },
  }))
  const url = `amqps://localhost:${secure.port('amqps')}`
  const ours = { url, caFile: authority.caFile, ...authority.issue('sluice') }
  const feed = await feedFrom(amqpSchema.parse(ours))
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  await publishAll(addressOf(secure, ours), [measurement('tls', 1)])
  await feed.until(({ acknowledged }) => acknowledged === 1, 'a message is taken')
  await feed.stop()

  const openWith = (more: object) => AmqpLink.open(addressOf(secure, { ...ours, ...more }), 'test', never)
  await assert.rejects(openWith({ caFile: new Authority(t, 'another').caFile }), {
    kind: 'stop',
    message: /certificate that is not trusted/,
  })
  await assert.rejects(openWith({ caFile: '/no/such.pem' }), {
    kind: 'stop',
    message: /caFile cannot be used/,
  })
  // Plain AMQP at the port of TLS.
  await assert.rejects(openWith({ url: `amqp://127.0.0.1:${secure.port('amqps')}` }), { kind: 'retry' })
})
