import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { MqttDoor } from '../../support/mqtt-door.ts'
import { examineMqttServer } from './exam.ts'

const profile = path.resolve(import.meta.dirname, '../../../deploy/profiles/mqtt-interoperability.yaml')

examineMqttServer({
  name: 'Sluice',
  skip: false,
  async start() {
    // as: the section `mqtt`, which the door judges.
    const { mqtt } = parse(readFileSync(profile, 'utf8')) as { mqtt: Record<string, unknown> }
    const door = await MqttDoor.open({ keeps: true, config: { ...mqtt, port: 0 } })
    return {
      host: '127.0.0.1',
      port: door.port,
      pass: (seconds) => Promise.resolve(door.clock.forward(seconds * 1000)),
      stop: () => door.stop(),
    }
  },
})
