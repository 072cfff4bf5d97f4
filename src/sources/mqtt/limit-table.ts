import type { MqttCounters } from './counters.ts'

/** A bound of the gateway. */
export interface Limit {
  /** Where it is set in the configuration. */
  readonly key: string
  /** What goes up when somebody goes beyond it: `sluice_mqtt_total{kind="…"}`. */
  readonly counter: keyof MqttCounters
  /** What a client of MQTT 5 hears, and what one of 3.1.1 does. */
  readonly current: string
  readonly old: string
  /** The property of CONNACK that says it beforehand. */
  readonly advertised?: string
}

const closed = 'closed without a word'

/** Every bound that a client can meet; docs/protocols.md is printed from it. */
export const limitTable: readonly Limit[] = [
  { key: 'mqtt.maxConnections', counter: 'tooManyConnections', current: closed, old: closed },
  { key: 'mqtt.maxConnectionsPerAddress', counter: 'tooManyFromAddress', current: closed, old: closed },
  { key: 'mqtt.tls.maxHandshakesPerAddress', counter: 'tooManyHandshakes', current: closed, old: closed },
  { key: 'mqtt.connectTimeoutMs', counter: 'connectTooLate', current: closed, old: closed },
  { key: 'mqtt.maxConnectBytes', counter: 'connectTooLarge', current: closed, old: closed },
  {
    key: 'mqtt.maxClientIdBytes',
    counter: 'clientIdTooLong',
    current: 'CONNACK 0x85',
    old: 'CONNACK 2',
  },
  { key: 'mqtt.maxWillBytes', counter: 'willsRefused', current: 'CONNACK 0x97', old: 'CONNACK 3' },
  { key: 'mqtt.maxSessions', counter: 'tooManySessions', current: 'CONNACK 0x97', old: 'CONNACK 3' },
  {
    key: 'mqtt.maxPacketBytes',
    counter: 'packetTooLarge',
    current: 'DISCONNECT 0x95',
    old: closed,
    advertised: 'Maximum Packet Size',
  },
  { key: 'mqtt.packetTimeoutMs', counter: 'packetTooLate', current: 'DISCONNECT 0x83', old: closed },
  { key: 'mqtt.assemblyTotalBytes', counter: 'assemblyFull', current: 'DISCONNECT 0x97', old: closed },
  {
    key: 'mqtt.receiveMaximum',
    counter: 'receiveMaximumExceeded',
    current: 'DISCONNECT 0x93',
    old: 'nothing: 3.1.1 has no such bound',
    advertised: 'Receive Maximum',
  },
  {
    key: 'mqtt.topicAliasMaximum',
    counter: 'topicAliasTooHigh',
    current: 'DISCONNECT 0x94',
    old: 'nothing: 3.1.1 has no aliases',
    advertised: 'Topic Alias Maximum',
  },
  {
    key: 'limits.topicBytes',
    counter: 'topicTooLong',
    current: 'PUBACK or PUBREC 0x90',
    old: 'acknowledged after a dead letter',
  },
  {
    key: 'mqtt.maxTopicLevels',
    counter: 'topicTooDeep',
    current: 'PUBACK or PUBREC 0x90; SUBACK 0x97; of a will CONNACK 0x90',
    old: 'acknowledged after a dead letter; SUBACK 0x80; of a will CONNACK 3',
  },
  {
    key: 'limits.payloadBytes',
    counter: 'payloadTooLarge',
    current: 'acknowledged after a dead letter',
    old: 'acknowledged after a dead letter',
  },
  {
    key: 'mqtt.maxSubscriptionsPerConnection',
    counter: 'tooManyFilters',
    current: 'SUBACK 0x97',
    old: 'SUBACK 0x80',
  },
  {
    key: 'mqtt.maxSubscriptionBytes',
    counter: 'subscriptionsRefused',
    current: 'SUBACK 0x97',
    old: 'SUBACK 0x80',
  },
  {
    key: 'mqtt.matchCacheBytes',
    counter: 'matchesForgotten',
    current: 'nothing: subscribers of its topics are looked up anew',
    old: 'the same',
  },
  {
    key: 'mqtt.maxRetainedMessages, mqtt.maxRetainedBytes',
    counter: 'retainedRefused',
    current: 'PUBACK or PUBREC 0x97',
    old: 'its message is taken and not retained',
  },
  {
    key: 'mqtt.maxQueuedBytes, mqtt.maxQueuedTotalBytes',
    counter: 'queueDropped',
    current: 'its session does not get the newest messages',
    old: 'the same',
  },
  {
    key: 'mqtt.outboundBytes, mqtt.outboundTotalBytes',
    counter: 'dropped',
    current: 'it does not get messages of QoS 0; others wait in its queue',
    old: 'the same',
  },
  {
    key: 'mqtt.stallMs',
    counter: 'slowSubscribersClosed',
    current: closed,
    old: closed,
  },
  {
    key: 'mqtt.messagesPerSecond',
    counter: 'slowed',
    current: 'it is read more slowly',
    old: 'the same',
  },
]
