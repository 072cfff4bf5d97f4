import { appendFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { needsToStart } from '../../support/needs.ts'
import { OwnServer } from '../../support/own-server.ts'
import { examineMqttServer } from './exam.ts'

// The exam is examined: a server that others wrote passes it, but for what it is known to fail.

const settings = ['max_keepalive 60', 'max_inflight_messages 20', 'max_topic_alias 10']

examineMqttServer(
  {
    name: 'Mosquitto',
    skip: needsToStart('mosquitto'),
    async start() {
      const own = await OwnServer.start('mosquitto', (server) => ({
        ...server,
        async launch(folder, ports) {
          const launch = await server.launch(folder, ports)
          appendFileSync(path.join(folder, 'mosquitto.conf'), `${settings.join('\n')}\n`)
          return launch
        },
      }))
      return {
        host: '127.0.0.1',
        port: own.port('mqtt'),
        pass: (seconds) => wait(seconds * 1000), // its clock is the machine's
        stop: () => own[Symbol.asyncDispose](),
      }
    },
  },
  {
    'MQTT 3.1.1: overlapping subscriptions': 'it sends one message, at the QoS of whichever filter',
    'MQTT 3.1.1: a subscription that is refused':
      'no filter can be refused without naming who may have the others',
    'MQTT 5: a subscription that is refused': 'as with MQTT 3.1.1',
    'MQTT 5: topic aliases of the server': 'it uses none',
    'MQTT 5: flow control: Receive Maximum of the server': 'it closes without a word',
  },
)
