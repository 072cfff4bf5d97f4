/** What the gateway has done since it started, for /metrics and /status. */
export interface MqttCounters {
  connectionsOpen: number
  connectionsAccepted: number
  /** By a limit, before or at CONNECT. */
  connectionsRefused: number
  /** TLS handshakes that came to nothing: no TLS, no certificate that we take, or too slow. */
  handshakesFailed: number
  takeovers: number
  keepAliveTimeouts: number
  /** Packets that ended their connection with 0x81, 0x82, 0x94 or 0x95. */
  malformedPackets: number
  /** Connections closed because they used what is not offered (QoS 2, retain, …). */
  notOffered: number
  bytesReceived: number
  bytesSent: number
  publishesQos0: number
  publishesQos1: number
  publishesQos2: number
  /** QoS 2 messages sent again that were taken before. */
  repeatedQos2: number
  /** PUBACKs and PUBRECs with success handed to the connection, after their commit. */
  acknowledged: number
  /** QoS 0 messages whose commit failed: their senders do not know. */
  lostQos0: number
  commitFailures: number
  /** Messages refused without a look at their payload: nothing can be taken now, or their sender may not publish there. */
  refusedUnread: number
  subscriptions: number
  subscriptionBytes: number
  delivered: number
  /** QoS 0 deliveries that slow subscribers lost. */
  dropped: number
  /** QoS 1 and 2 deliveries that found a full queue. */
  queueDropped: number
  /** Deliveries that were larger than the Maximum Packet Size of their client. */
  tooLargeForClient: number
  /** Messages that could not be retained: there are too many. */
  retainedRefused: number
  /** Sessions, those of clients that are away among them. */
  sessions: number
  /** Sessions that ended because their client stayed away. */
  sessionsExpired: number
  /** Messages that some session has not finished with, and their bytes. */
  queuedMessages: number
  queuedBytes: number
  retainedMessages: number
  retainedBytes: number
  /** Connections ended because their peer took nothing for too long. */
  slowSubscribersClosed: number
  willsPublished: number
  // Bounds that somebody went beyond: limit-table.ts says which.
  tooManyConnections: number
  tooManyFromAddress: number
  tooManyHandshakes: number
  connectTooLate: number
  connectTooLarge: number
  clientIdTooLong: number
  tooManySessions: number
  packetTooLarge: number
  packetTooLate: number
  assemblyFull: number
  receiveMaximumExceeded: number
  topicAliasTooHigh: number
  topicTooLong: number
  topicTooDeep: number
  payloadTooLarge: number
  tooManyFilters: number
  subscriptionsRefused: number
  matchesForgotten: number
  willsRefused: number
  slowed: number
}

export function newCounters(): MqttCounters {
  return {
    connectionsOpen: 0,
    connectionsAccepted: 0,
    connectionsRefused: 0,
    handshakesFailed: 0,
    takeovers: 0,
    keepAliveTimeouts: 0,
    malformedPackets: 0,
    notOffered: 0,
    bytesReceived: 0,
    bytesSent: 0,
    publishesQos0: 0,
    publishesQos1: 0,
    publishesQos2: 0,
    repeatedQos2: 0,
    acknowledged: 0,
    lostQos0: 0,
    commitFailures: 0,
    refusedUnread: 0,
    subscriptions: 0,
    subscriptionBytes: 0,
    delivered: 0,
    dropped: 0,
    queueDropped: 0,
    tooLargeForClient: 0,
    retainedRefused: 0,
    sessions: 0,
    sessionsExpired: 0,
    queuedMessages: 0,
    queuedBytes: 0,
    retainedMessages: 0,
    retainedBytes: 0,
    slowSubscribersClosed: 0,
    willsPublished: 0,
    tooManyConnections: 0,
    tooManyFromAddress: 0,
    tooManyHandshakes: 0,
    connectTooLate: 0,
    connectTooLarge: 0,
    clientIdTooLong: 0,
    tooManySessions: 0,
    packetTooLarge: 0,
    packetTooLate: 0,
    assemblyFull: 0,
    receiveMaximumExceeded: 0,
    topicAliasTooHigh: 0,
    topicTooLong: 0,
    topicTooDeep: 0,
    payloadTooLarge: 0,
    tooManyFilters: 0,
    subscriptionsRefused: 0,
    matchesForgotten: 0,
    willsRefused: 0,
    slowed: 0,
  }
}
