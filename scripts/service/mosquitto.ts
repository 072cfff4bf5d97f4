import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Server, Tool } from './table.ts'
import { toolPath } from './tools.ts'

const broker: Tool = {
  name: 'mosquitto-broker',
  why: 'the program of the server mosquitto',
  programs: ['mosquitto'],
  debian: 'mosquitto',
  services: ['mosquitto'],
  variable: 'MOSQUITTO',
}

/** Mosquitto: anybody may come, sessions and retained messages are saved when it is asked to stop (not when it is killed). */
export const mosquitto: Server = {
  name: 'mosquitto',
  why: 'an MQTT broker',
  tools: [broker],
  ports: { mqtt: 21_883 },
  launch(folder, ports) {
    const file = path.join(folder, 'mosquitto.conf')
    const lines = [
      `listener ${ports['mqtt']} 127.0.0.1`,
      'allow_anonymous true',
      'persistence true',
      `persistence_location ${folder}/`,
      // The default drops what comes for an absent session after 1,000 messages.
      'max_queued_messages 0',
      'log_dest stderr',
      // Started by root it would become a user who may not write here.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
    ]
    writeFileSync(file, `${lines.join('\n')}\n`)
    return { program: toolPath(broker), args: ['-c', file] }
  },
  version: () =>
    /version (\S+)/.exec(spawnSync(toolPath(broker), ['-h'], { encoding: 'utf8' }).stdout)?.[1] ?? 'unknown',
  inContainer: ['TEST_MOSQUITTO_URL'],
  variables: (ports) => ({ TEST_MOSQUITTO_URL: `mqtt://127.0.0.1:${ports['mqtt']}` }),
}
