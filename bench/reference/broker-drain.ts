/** Takes everything of a `$share` group at a broker, acknowledges it at once and keeps nothing; prints how much it has, from 0 when it is subscribed. */
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import mqttPacket from 'mqtt-packet'

const { values } = parseArgs({ options: { port: { type: 'string', default: '1883' } } })
const protocol = { protocolVersion: 5 } as const
const parser = mqttPacket.parser(protocol)
let taken = 0
let told = -1
let ids: number[] = []

const socket = connect({ port: Number(values.port), host: '127.0.0.1', noDelay: true })
socket.on('data', (bytes: Buffer) => {
  parser.parse(bytes)
  if (ids.length === 0) return
  const acks = Buffer.allocUnsafe(4 * ids.length)
  for (const [i, id] of ids.entries()) {
    acks.writeUInt16BE(0x4002, 4 * i)
    acks.writeUInt16BE(id, 4 * i + 2)
  }
  socket.write(acks)
  taken += ids.length
  ids = []
})
parser.on('packet', (packet) => {
  if (packet.cmd === 'publish' && packet.messageId !== undefined) ids.push(packet.messageId)
  else if (packet.cmd === 'connack') {
    const subscriptions = [{ topic: '$share/ingestion/dev/#', qos: 1 } as const]
    socket.write(mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions }, protocol))
  } else if (packet.cmd === 'suback') setInterval(tell, 5)
})
socket.write(
  mqttPacket.generate(
    {
      ...{ cmd: 'connect', protocolId: 'MQTT', clientId: 'drain', clean: true, keepalive: 0, ...protocol },
      properties: { receiveMaximum: 2000 },
    },
    protocol,
  ),
)

function tell(): void {
  if (taken !== told) console.log(taken)
  told = taken
}
