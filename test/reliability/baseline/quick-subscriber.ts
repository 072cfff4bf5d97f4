/** As a tutorial has it: subscribe, and insert every message that comes. `node quick-subscriber.ts URL FILE` */
import { DatabaseSync } from 'node:sqlite'
import { connect } from 'mqtt'

const [url = '', file = ''] = process.argv.slice(2)
const database = new DatabaseSync(file)
database.exec(
  'CREATE TABLE IF NOT EXISTS readings (id INTEGER PRIMARY KEY, device TEXT, metric TEXT, time INTEGER, value REAL)',
)
const insert = database.prepare('INSERT INTO readings (device, metric, time, value) VALUES (?, ?, ?, ?)')

const client = connect(url)
client.on('connect', () => client.subscribe('dev/#', { qos: 1 }, () => console.log('subscribed')))
client.on('error', console.error)
client.on('message', (topic, payload) => {
  const [, device = '', metric = ''] = topic.split('/')
  const { v, ts } = JSON.parse(payload.toString()) as { v: number; ts: number } // as: what the devices send
  insert.run(device, metric, Math.round(ts * 1000), v)
})
