import { spawnSync } from 'node:child_process'
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Server, Tool } from './table.ts'
import { toolPath } from './tools.ts'

/** Debian's own /usr/sbin/rabbitmq-server becomes another user; this is the script behind it. */
const broker: Tool = {
  name: 'rabbitmq-server',
  why: 'the program of the server rabbitmq',
  programs: ['/usr/lib/rabbitmq/bin/rabbitmq-server'],
  debian: 'rabbitmq-server',
  services: ['rabbitmq-server', 'epmd.socket', 'epmd'],
  variable: 'RABBITMQ_SERVER',
}

const epmd: Tool = {
  name: 'epmd',
  why: 'where Erlang nodes find each other, for rabbitmq',
  programs: ['epmd'],
  debian: 'erlang-base',
  variable: 'EPMD',
}

/** RabbitMQ with MQTT, streams and management; user and password are guest. Nothing of a RabbitMQ that Debian started is touched. */
export const rabbitmq: Server = {
  name: 'rabbitmq',
  why: 'an AMQP broker',
  tools: [broker, epmd],
  ports: {
    amqp: 21_890,
    management: 21_891,
    mqtt: 21_892,
    stream: 21_893,
    distribution: 21_894,
    epmd: 21_895,
  },
  launch(folder, ports) {
    mkdirSync(path.join(folder, 'home'), { recursive: true })
    const write = (name: string, ...lines: readonly string[]): string => {
      const file = path.join(folder, name)
      writeFileSync(file, `${lines.join('\n')}\n`)
      return file
    }
    const conf = write(
      'rabbitmq.conf',
      `listeners.tcp.1 = 127.0.0.1:${ports['amqp']}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${ports['management']}`,
      `mqtt.listeners.tcp.1 = 127.0.0.1:${ports['mqtt']}`,
      `stream.listeners.tcp.1 = 127.0.0.1:${ports['stream']}`,
      'stream.advertised_host = 127.0.0.1',
      `stream.advertised_port = ${ports['stream']}`,
      // Tests that ask the management API for counts need not wait five seconds for them.
      'collect_statistics_interval = 1000',
      'log.console.level = warning',
      'log.file = false',
    )
    return {
      program: toolPath(broker),
      args: [],
      env: {
        HOME: path.join(folder, 'home'), // for the Erlang cookie, which is made there
        ERL_EPMD_ADDRESS: '127.0.0.1',
        ERL_EPMD_PORT: String(ports['epmd']),
        ERL_EPMD_RELAXED_COMMAND_CHECK: '1', // it ends when told to, also before it has seen that the node is gone
        RABBITMQ_CONF_ENV_FILE: write('rabbitmq-env.conf'),
        RABBITMQ_CONFIG_FILE: conf,
        RABBITMQ_ENABLED_PLUGINS_FILE: write(
          'enabled_plugins',
          '[rabbitmq_management,rabbitmq_mqtt,rabbitmq_stream].',
        ),
        RABBITMQ_MNESIA_BASE: path.join(folder, 'mnesia'),
        RABBITMQ_LOG_BASE: path.join(folder, 'log'),
        RABBITMQ_PID_FILE: path.join(folder, 'rabbitmq.pid'),
        RABBITMQ_NODENAME: `sluice-${ports['amqp']}@localhost`,
        RABBITMQ_DIST_PORT: String(ports['distribution']),
        // Loopback only, and no spinning while there is nothing to do: the cores are for the tests.
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
          '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none',
        // Its script becomes the Erlang machine, instead of a shell beside it: signals reach the right process.
        RUNNING_UNDER_SYSTEMD: 'true',
      },
    }
  },
  afterEnd(_folder, ports) {
    // The node has started it, and it outlives the node.
    spawnSync(toolPath(epmd), ['-port', String(ports['epmd']), '-kill'], { stdio: 'ignore' })
  },
  version() {
    const folder = realpathSync(path.join(path.dirname(realpathSync(toolPath(broker))), '..'))
    return /rabbitmq_server-([\d.]+)/.exec(folder)?.[1] ?? 'unknown'
  },
  inContainer: ['TEST_RABBITMQ_URL', 'TEST_RABBITMQ_MANAGEMENT_URL', 'TEST_RABBITMQ_MQTT_URL'],
  variables: (ports) => ({
    TEST_RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${ports['amqp']}`,
    TEST_RABBITMQ_MANAGEMENT_URL: `http://guest:guest@127.0.0.1:${ports['management']}`,
    TEST_RABBITMQ_MQTT_URL: `mqtt://guest:guest@127.0.0.1:${ports['mqtt']}`,
  }),
}
