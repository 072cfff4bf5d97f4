/**
 * As a careful reader builds it: a session that the broker keeps, a message is acknowledged only when its row is committed, and one that
 * comes again changes nothing. `node careful-subscriber.ts URL FILE`
 */
import { DatabaseSync } from 'node:sqlite'
import { connect, type IPublishPacket } from 'mqtt'

const [url = '', file = ''] = process.argv.slice(2)
const database = new DatabaseSync(file)
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
database.exec(
  'CREATE TABLE IF NOT EXISTS readings (id INTEGER PRIMARY KEY, device TEXT, metric TEXT, time INTEGER, value REAL, UNIQUE (device, metric, time))',
)
const insert = database.prepare(
  'INSERT OR IGNORE INTO readings (device, metric, time, value) VALUES (?, ?, ?, ?)',
)

const client = connect(url, { clientId: 'careful-subscriber', clean: false })
client.on('connect', () => client.subscribe('dev/#', { qos: 1 }, () => console.log('subscribed')))
client.on('error', console.error)
// PUBACK waits for `done`. What cannot be written ends the script: started again, it is given the message again.
client.handleMessage = (packet: IPublishPacket, done: () => void) => {
  const [, device = '', metric = ''] = packet.topic.split('/')
  const { v, ts } = JSON.parse(packet.payload.toString()) as { v: number; ts: number } // as: what the devices send
  insert.run(device, metric, Math.round(ts * 1000), v)
  done()
}
process.once('SIGTERM', () => {
  client.end(false, () => {
    database.close()
    process.exit()
  })
})
