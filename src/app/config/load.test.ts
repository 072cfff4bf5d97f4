import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { faults, sources } from '../../../test/support/config-sources.ts'
import { SluiceError } from '../../core/errors.ts'
import { describeFault } from './fault.ts'
import { type ConfigSources, loadConfig, readConfig } from './load.ts'

test('without any source every door is known, on loopback, with its default port', async (t) => {
  const config = await loadConfig(sources(t, undefined))
  assert.deepEqual(
    [
      config.http.host,
      config.http.port,
      config.mqtt.host,
      config.mqtt.port,
      config.mqtt.tls.port,
      config.grpc.port,
    ],
    ['127.0.0.1', 8080, '127.0.0.1', 1883, 8883, 50_051],
  )
  assert.equal(config.log.maxBytes, 20e9)
  assert.equal(config.limits.payloadBytes, 65_536)
  assert.deepEqual(config.stores, {
    main: { type: 'duckdb', options: { file: 'x.duckdb', memoryLimitBytes: 1e9, threads: 2 } },
  })
  assert.equal(config.auth.enabled, false)
})

test('an empty file, a file of comments and sections with nothing below them are the defaults', async (t) => {
  const expected = await loadConfig(sources(t, undefined))
  for (const yaml of ['', '# nothing yet\n', 'http:\nstores:\nmqtt:\n  tls:\n  port:\n', '{}', '---\n...\n'])
    assert.deepEqual(await loadConfig(sources(t, yaml)), expected, JSON.stringify(yaml))
})

test('file, environment and --set stand over each other in this order, above the defaults', async (t) => {
  const yaml = 'http:\n  port: 2\n  host: 127.0.0.2\nmqtt:\n  port: 2\n'
  const config = await loadConfig(
    sources(t, yaml, {
      env: { SLUICE_HTTP_PORT: '3', SLUICE_MQTT_PORT: '3', HTTP_PORT: '9' },
      sets: ['http.port=4', 'http.port=5', 'data=here'],
    }),
  )
  const { http, mqtt, grpc, data } = config
  assert.deepEqual([http.port, http.host, mqtt.port, grpc.port, data], [5, '127.0.0.2', 3, 50_051, 'here'])
})

test('every fault is found at once, each with its path, its line and what would be right', async (t) => {
  const yaml = `htp:
  port: 1
http:
  prot: 9000
  port: 99999
  origins: [example.org]
mqtt:
  port: "1883"
log:
  retentionDays: soon
  maxBytes: 10 parsecs
limits:
  payloadBytes: -1
  depth: 1.5
series:
  strict: maybe
  declare:
    - metric: temperature
      kind: numer
topics: [a/+/b, 'x/{device}/{device}', 'y/{name}']
stores:
  main:
    type: duckbd
  Second:
    type: duckdb
  third:
    memoryLimitBytes: 1 GB
  fourth:
    type: server
    urll: postgres://x
pipelines:
  main:
    processors:
      - type: filter
        max: high
      - type: sclae
      - factor: 2
  fith:
    processors: []
logging:
  level: verbose
`
  const found = await faults(t, yaml, { env: { SLUICE_HTPP_PORT: '1' }, sets: ['grpc.port=x', 'oops'] })
  const expected = [
    /^htp \(sluice\.yaml:1:1\): no such setting; did you mean http\?$/,
    /^http\.prot \(sluice\.yaml:4:9\): no such setting; did you mean port\?$/,
    /^http\.port \(sluice\.yaml:5:9\): must be at most 65535, got 99999$/,
    /^http\.origins\.0 \(sluice\.yaml:6:13\): expected an origin such as https:\/\/example\.org, got "example\.org"$/,
    /^mqtt\.port \(sluice\.yaml:8:9\): expected a number, got "1883"$/,
    /^log\.retentionDays \(sluice\.yaml:10:18\): expected a time such as 36h or 7d, got "soon"$/,
    /^log\.maxBytes \(sluice\.yaml:11:13\): expected a size such as 64 KiB or 20 GB, got "10 parsecs"$/,
    /^limits\.payloadBytes \(sluice\.yaml:13:17\): must be at least 1, got -1$/,
    /^limits\.depth \(sluice\.yaml:14:10\): expected a number, got 1\.5|whole/,
    /^series\.strict \(sluice\.yaml:16:11\): expected true or false, got "maybe"$/,
    /^series\.declare\.0\.device \(sluice\.yaml:18:7\): is missing: expected text$/,
    /^series\.declare\.0\.kind \(sluice\.yaml:19:13\): expected number, text; got "numer": did you mean number\?$/,
    /^topics\.0 \(sluice\.yaml:20:10\): expected levels with .*, got "a\/\+\/b"$/,
    /^topics\.1 .*got "x\/\{device\}\/\{device\}"$/,
    /^topics\.2 .*got "y\/\{name\}"$/,
    /^stores\.main\.type \(sluice\.yaml:23:11\): expected duckdb, server; got "duckbd": did you mean duckdb\?$/,
    /^stores\.Second \(sluice\.yaml:24:3\): expected a name of small letters/,
    /^stores\.third\.type \(sluice\.yaml:26:3\): is missing: expected text$/,
    /^stores\.fourth\.url \(sluice\.yaml:28:3\): is missing: expected text$/,
    /^stores\.fourth\.urll \(sluice\.yaml:30:11\): no such setting; did you mean url\?$/,
    /^pipelines\.main\.processors\.0\.max \(sluice\.yaml:35:14\): expected a number, got "high"$/,
    /^pipelines\.main\.processors\.1\.type \(sluice\.yaml:36:15\): expected filter, scale; got "sclae": did you mean scale\?$/,
    /^pipelines\.main\.processors\.2\.type \(sluice\.yaml:37:9\): is missing: expected text$/,
    /^pipelines\.fith \(sluice\.yaml:38:3\): no store or sink has this name; did you mean fourth|there are/,
    /^logging\.level \(sluice\.yaml:41:10\): expected trace, debug, info, warn, error, silent; got "verbose"$/,
    /^environment SLUICE_HTPP_PORT: no setting has the name SLUICE_HTPP_PORT; did you mean SLUICE_HTTP_PORT\?$/,
    /^--set oops: expected path=value, such as http\.port=18080$/,
    /^grpc\.port \(--set grpc\.port\): expected a number, got "x"$/,
  ]
  for (const pattern of expected)
    assert.ok(
      found.some((line) => pattern.test(line)),
      `${pattern}\nis not among\n${found.join('\n')}`,
    )
  assert.equal(found.length, expected.length, found.join('\n'))
})

test('loadConfig throws one config-invalid that lists all the faults', async (t) => {
  await assert.rejects(loadConfig(sources(t, 'http:\n  port: x\nmqtt:\n  port: y\n')), (error) => {
    assert.ok(error instanceof SluiceError)
    assert.equal(error.code, 'config-invalid')
    assert.match(
      error.message,
      /2 faults[^]*http\.port[^]*sluice\.yaml:2:9[^]*mqtt\.port[^]*sluice\.yaml:4:9/,
    )
    return true
  })
})

test('faults in the form of the file have their line too', async (t) => {
  assert.match(
    (await faults(t, 'http:\n  port: 1\n  port: 2\n')).join('\n'),
    /sluice\.yaml:3:3: Map keys must be unique/,
  )
  assert.match((await faults(t, 'http: [1, 2\n')).join('\n'), /sluice\.yaml:\d+:\d+: /)
  assert.match((await faults(t, 'a: 1\n---\nb: 2\n')).join('\n'), /second document/)
  assert.match((await faults(t, '- http\n')).join('\n'), /sluice\.yaml:1:1: the file must hold settings/)
  assert.match((await faults(t, 'topics: &t [*t]\n')).join('\n'), /sluice\.yaml:1:\d+/)
  assert.match(
    (await faults(t, undefined, { file: '/nowhere/sluice.yaml' })).join('\n'),
    /cannot be read: ENOENT/,
  )
})

test('a topic may say what its payloads are; what is wrong with one is told of the form that was meant', async (t) => {
  const written = "topics:\n  - dev/{device}\n  - {topic: 'plc/{device}', format: protobuf}\n"
  const topics = ['dev/{device}', { topic: 'plc/{device}', format: 'protobuf' }]
  const { config, printed } = await readConfig(sources(t, written))
  assert.deepEqual(config?.topics, topics)
  assert.deepEqual((await loadConfig(sources(t, printed))).topics, topics)
  const sets = ["topics=['dev/{device}', {topic: 'plc/{device}', format: protobuf}]"]
  assert.deepEqual((await loadConfig(sources(t, undefined, { sets }))).topics, topics)
  const { topics: fromEnvironment } = await loadConfig(
    sources(t, undefined, { env: { SLUICE_TOPICS: '{device}, a/{metric}' } }),
  )
  assert.deepEqual(fromEnvironment, ['{device}', 'a/{metric}'])

  const wrong = `topics:
  - {topic: a, format: protobuff}
  - {topic: a/+, format: json}
  - {topic: a}
  - {topic: a, format: json, frmat: json}
  - 7
  - [a]
`
  const expected = [
    /^topics\.0\.format \(sluice\.yaml:2:\d+\): expected json, protobuf, .*; got "protobuff": did you mean protobuf\?$/,
    /^topics\.1\.topic \(sluice\.yaml:3:\d+\): expected levels with .*, got "a\/\+"$/,
    /^topics\.2\.format \(sluice\.yaml:4:\d+\): is missing: expected json or protobuf or /,
    /^topics\.3\.frmat \(sluice\.yaml:5:\d+\): no such setting; did you mean format\?$/,
    /^topics\.4 \(sluice\.yaml:6:5\): expected text or a map of settings, got 7$/,
    /^topics\.5 \(sluice\.yaml:7:5\): expected text or a map of settings, got a list$/,
  ]
  const found = await faults(t, wrong)
  assert.equal(found.length, expected.length, found.join('\n'))
  for (const [i, pattern] of expected.entries()) assert.match(found[i] ?? '', pattern)
})

test('a key named __proto__ is an unknown key like any other', async (t) => {
  assert.deepEqual(await faults(t, 'http:\n  __proto__: {port: 1}\n__proto__: {http: 2}\n'), [
    `http.__proto__ (sluice.yaml:2:3): no such setting; there are: host, port, hosts, origins`,
    `__proto__ (sluice.yaml:3:1): no such setting; ${(await faults(t, 'zzzzzzzz: 1\n'))[0]?.split('; ')[1]}`,
  ])
  assert.equal((await loadConfig(sources(t, ''))).http.port, 8080)
})

test('aliases are followed, and a bomb of them is a fault instead of a full memory', async (t) => {
  const config = await loadConfig(
    sources(t, 'http:\n  hosts: &h [a, b]\n  origins: []\nmqtt: {}\nseries:\n  declare: []\ntopics: *h\n'),
  )
  assert.deepEqual(config.topics, ['a', 'b'])
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]']
  for (const [a, b] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh'])
    bomb.push(`${b}: &${b} [${`*${a},`.repeat(9)}*${a}]`)
  assert.match((await faults(t, bomb.join('\n'))).join('\n'), /more than 100000 values/)
})

test('sizes and times are written with their units and checked as numbers', async (t) => {
  const { log, limits, memoryBudgetBytes, stores } = await loadConfig(
    sources(
      t,
      `memoryBudgetBytes: 512 MiB
log: {retentionDays: 36h, maxBytes: 1.5 GB, segmentBytes: 65536, lingerMs: 2ms}
limits: {aheadMicros: 90s, payloadBytes: 1 KiB}
stores: {main: {type: duckdb, memoryLimitBytes: 2 GB}, other: {type: server, url: x, retry: {firstMs: 1s}}}`,
      { env: { SLUICE_LOG_DISK_RESERVE_BYTES: '1 MB' }, sets: ['limits.textBytes=8KiB'] },
    ),
  )
  assert.deepEqual(
    [
      memoryBudgetBytes,
      log.retentionDays,
      log.maxBytes,
      log.segmentBytes,
      log.lingerMs,
      log.diskReserveBytes,
    ],
    [512 * 2 ** 20, 1.5, 1.5e9, 65_536, 2, 1e6],
  )
  assert.deepEqual([limits.aheadMicros, limits.payloadBytes, limits.textBytes], [90e6, 1024, 8192])
  assert.equal(stores['main']?.options['memoryLimitBytes'], 2e9)
  assert.deepEqual(stores['other']?.options['retry'], { firstMs: 1000 })
})

test('a host or origin that could never match, and a name that would be dropped, are faults', async (t) => {
  const sets = ['http.hosts=*,a.example:80', 'http.origins=*', 'stores.__proto__.type=duckdb']
  assert.deepEqual(await faults(t, '', { sets }), [
    'http.hosts.0 (--set http.hosts): expected a name such as sluice.example.org, without * and port, got "*,a.example:80"',
    'http.hosts.1 (--set http.hosts): expected a name such as sluice.example.org, without * and port, got "*,a.example:80"',
    'http.origins.0 (--set http.origins): expected an origin such as https://example.org, got "*"',
    'stores.__proto__ (--set stores.__proto__.type): no such setting; nothing may stand here',
  ])
  const { http } = await loadConfig(sources(t, '', { sets: ['http.hosts=Sluice.Example'] }))
  assert.deepEqual(http.hosts, ['sluice.example'])
})

test('environment reaches lists, named parts and every other key', async (t) => {
  const { http, stores, pipelines, deadLetters } = await loadConfig(
    sources(t, 'stores:\n  main-one: {type: duckdb}\n', {
      env: {
        SLUICE_HTTP_HOSTS: 'a.example, b.example',
        SLUICE_HTTP_ORIGINS: '[https://a.example]',
        SLUICE_DEAD_LETTERS_MAX_BYTES: '5 MB',
        SLUICE_STORES__MAIN_ONE__MEMORY_LIMIT_BYTES: '7',
        SLUICE_PIPELINES: '{main-one: {processors: [{type: scale, factor: 2}]}}',
        SLUICE_CONFIG: 'not a setting',
      },
    }),
  )
  assert.deepEqual([http.hosts, http.origins], [['a.example', 'b.example'], ['https://a.example']])
  assert.equal(deadLetters.maxBytes, 5e6)
  assert.equal(stores['main-one']?.options['memoryLimitBytes'], 7)
  assert.deepEqual(pipelines['main-one']?.processors, [{ type: 'scale', options: { factor: 2 } }])
})

test('SLUICE_CONFIG names the file where none is given', async (t) => {
  const { file = '', ...rest } = sources(t, 'http: {port: 7}')
  assert.equal((await loadConfig({ ...rest, env: { SLUICE_CONFIG: file } })).http.port, 7)
})

test('what Kubernetes puts into the environment beside a service called sluice is none of our settings', async (t) => {
  const env = {
    SLUICE_SERVICE_HOST: '10.0.0.1',
    SLUICE_SERVICE_PORT: '8080',
    SLUICE_SERVICE_PORT_HTTP: '8080',
    SLUICE_PORT: 'tcp://10.0.0.1:8080',
    SLUICE_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
    SLUICE_PORT_8080_TCP_PROTO: 'tcp',
    SLUICE_PORT_8080_TCP_ADDR: '10.0.0.1',
    SLUICE_HTTP_PORT: 'tcp://10.0.0.2:80',
  }
  assert.equal((await loadConfig(sources(t, undefined, { env }))).http.port, 8080)
})

test('--set adds to what the file or the defaults name, and cannot reach into a list', async (t) => {
  const sets = [
    'stores.main.threads=8',
    'stores.more={type: server, url: "x:1"}',
    'http.hosts=[a, b]',
    'series.strict=true',
  ]
  const { stores, http, series } = await loadConfig(sources(t, undefined, { sets }))
  assert.equal(stores['main']?.options['threads'], 8)
  assert.equal(stores['more']?.options['url'], 'x:1')
  assert.deepEqual([http.hosts, series.strict], [['a', 'b'], true])
  assert.deepEqual(await faults(t, 'topics: [a]', { sets: ['topics.0=b'] }), [
    `topics.0 (--set topics.0): topics is a list: set it whole, such as topics='[a, b]'`,
  ])
})

test('what a command adds to the configuration is in effect and printed; it never sees a faulty one', async (t) => {
  const complete: ConfigSources['complete'] = (config) => ({ ...config, data: `${config.data}-and-more` })
  const { config, printed } = await readConfig(sources(t, 'data: here', { complete }))
  assert.equal(config?.data, 'here-and-more')
  assert.match(printed, /^data: here-and-more$/m)
  const never = () => assert.fail('a faulty configuration is not completed')
  assert.equal((await faults(t, 'data: [1]', { complete: never })).length, 1)
})

test('stores that a file names replace the default one', async (t) => {
  assert.deepEqual(Object.keys((await loadConfig(sources(t, 'stores: {}'))).stores), [])
  const { stores } = await loadConfig(sources(t, 'stores: {other: {type: duckdb, file: /x/y}}'))
  assert.deepEqual([Object.keys(stores), stores['other']?.options['file']], [['other'], '/x/y'])
})

test('${NAME}, ${NAME:default} and ${file:PATH} are filled in after YAML is read; $share stays', async (t) => {
  const from = sources(
    t,
    `data: "\${BASE}/sluice"
http: {port: "\${PORT:9000}", origins: "\${ORIGINS:http://a,http://b}"}
stores:
  main:
    type: server
    url: \${file:url.txt}
    password: \${PASSWORD}
    hosts: ["\${A:x}", "\${EMPTY:}", '$share/x', '$$\{kept}', "\${QUOTED}"]
`,
    { env: { BASE: '/srv', QUOTED: 'a: {b: [1', PASSWORD: '0123' } },
  )
  writeFileSync(path.join(path.dirname(from.file ?? ''), 'url.txt'), 'db://host/"x": y\n')
  const read = await readConfig(from)
  assert.deepEqual(read.faults.map(describeFault), [])
  const { data, http, stores } = read.config ?? assert.fail()
  assert.deepEqual([data, http.port, http.origins], ['/srv/sluice', 9000, ['http://a', 'http://b']])
  assert.deepEqual(stores['main']?.options, {
    url: 'db://host/"x": y',
    password: '0123',
    hosts: ['x', '', '$share/x', '${kept}', 'a: {b: [1'],
    retry: { firstMs: 100 },
  })
})

test('a substitution that cannot be made is a fault at its line, the default part may hold colons', async (t) => {
  const found = await faults(
    t,
    'data: ${NOPE}\nstores:\n  a: {type: server, url: "${file:gone}"}\n  b: {type: server, url: "${BAD NAME}"}\n  c: {type: server, url: "${OPEN"}\n  d: {type: server, url: "${X:http://y:1}"}\n',
  )
  assert.equal(found.length, 4, found.join('\n'))
  assert.match(found[0] ?? '', /^data \(sluice\.yaml:1:7\): the environment variable NOPE is not set/)
  assert.match(found[1] ?? '', /^stores\.a\.url \(sluice\.yaml:3:\d+\): \$\{file:gone\}: ENOENT/)
  assert.match(found[2] ?? '', /^stores\.b\.url .*neither \$\{NAME\}/)
  assert.match(found[3] ?? '', /^stores\.c\.url .*no closing brace/)
})

test('the printed configuration loads again as the same', async (t) => {
  const yaml = `http: {port: 9}\nlog: {retentionDays: 3, lingerMs: 5ms}\nsinks: {out: {type: file, path: /tmp/x}}
pipelines: {out: {processors: [{type: filter, max: 3}]}, main: {processors: [{type: scale, factor: 2}]}}`
  const { config, printed } = await readConfig(sources(t, yaml))
  assert.match(printed, /maxBytes: 20 GB/)
  assert.match(printed, /lingerMs: 5ms/)
  assert.deepEqual(await loadConfig(sources(t, printed)), config)
})
