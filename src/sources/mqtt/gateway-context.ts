import type { Authorizer } from '../../core/authorizer.ts'
import type { Durable } from '../../core/durable.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Format, Router } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import type { KeptState } from '../../core/keyed-state.ts'
import type { RecordLimits } from '../../core/limits.ts'
import type { Clock } from '../../lib/clock.ts'
import { AckScratch } from './connection/ack-queue.ts'
import type { Addresses } from './connection/addresses.ts'
import { CommitWatch } from './commit-watch.ts'
import { AssemblyBudget } from './connection/assembly-budget.ts'
import type { MqttConfig } from './config.ts'
import type { Connection } from './connection/connection.ts'
import type { MqttCounters } from './counters.ts'
import { Departures } from './sessions/departures.ts'
import { FanOut } from './publish/fan-out.ts'
import { Keeper } from './sessions/keeper.ts'
import type { MqttLog } from './log.ts'
import type { OutboundBudget } from './connection/outbound.ts'
import { PacketWalk } from './packets/packet-walk.ts'
import { PublishHandler } from './publish/publish-handler.ts'
import { RetainedMessages } from './sessions/retained.ts'
import { RefusalLetters } from './publish/refusal-letters.ts'
import { prefixes } from './sessions/session-record.ts'
import { willBytes } from './sessions/session.ts'
import { SessionTable } from './sessions/session-table.ts'
import { Subscriptions } from './sessions/subscriptions.ts'
import { steadyTime } from './steady-time.ts'
import type { TopicBudget } from './publish/topic-cache.ts'

/** What the connections of one gateway share. All of one thread: everything here is synchronous. */
export interface GatewayContext {
  readonly config: MqttConfig
  readonly limits: RecordLimits
  readonly maxTopicBytes: number
  readonly authorizer: Authorizer
  readonly clock: Clock
  readonly log: MqttLog
  readonly intake: Intake
  readonly counters: MqttCounters
  readonly addresses: Addresses
  readonly walk: PacketWalk
  readonly acks: AckScratch
  readonly subscriptions: Subscriptions
  readonly retained: RetainedMessages
  readonly fanOut: FanOut
  readonly keeper: Keeper
  readonly sessions: SessionTable
  readonly departures: Departures
  /** Sessions, retained messages and QoS 2 are offered: there is a place that keeps them. */
  readonly isKeeping: boolean
  readonly publishes: PublishHandler
  readonly letters: RefusalLetters
  readonly commits: CommitWatch
  readonly outbound: OutboundBudget
  readonly topics: TopicBudget
  readonly assembly: AssemblyBudget
  /** Open connections by client id. */
  readonly clients: Map<string, Connection>
  /** Every connection that has a wire. */
  readonly connections: Set<Connection>
  hasRoomFor(clientId: string): boolean
  hasRoomForWill(clientId: string, bytes: number): boolean
  /** Asks for the commit of everything that was added, what is kept of sessions with it. */
  commit(qos0: number): Promise<Durable>
  /** Lets what waits for that commit go to its subscribers once it is on disk. */
  deliverAfter(commit: Promise<Durable>): void
}

export interface GatewayDependencies {
  readonly config: MqttConfig
  readonly limits: RecordLimits
  readonly router: Router
  /** What a message is whose topic and content type say nothing: JSON. */
  readonly format: Format
  /** That of a content type; undefined: nobody reads it. */
  readonly formats: (contentType: string) => Format | undefined
  readonly authorizer: Authorizer
  readonly clock: Clock
  readonly log: MqttLog
  readonly counters: MqttCounters
  readonly addresses: Addresses
  /** What sessions and retained messages were when the program ended; undefined: none are kept. */
  readonly kept?: KeptState | undefined
}

const maxTopicEntries = 262_144

export function newGatewayContext(deps: GatewayDependencies, intake: Intake): GatewayContext {
  const { config, limits, authorizer, clock, log, counters } = deps
  const subscriptions = new Subscriptions(config, counters)
  const keeper = new Keeper(intake, config, steadyTime(clock))
  const retained = new RetainedMessages(config, keeper)
  const sessions = new SessionTable(subscriptions, keeper)
  const letters = new RefusalLetters()
  const fanOut = new FanOut(subscriptions, keeper, counters)
  const commits = new CommitWatch(counters, log)
  const topics = { entries: 0, maxEntries: maxTopicEntries }
  const { topicAliasMaximum, maxTopicLevels } = config
  const isKeeping = deps.kept !== undefined
  const publishes = new PublishHandler({
    ...deps,
    intake,
    fanOut,
    retained,
    letters,
    topicAliasMaximum,
    maxTopicLevels,
  })
  const departures = new Departures({ isKeeping, sessions, keeper, publishes, topics, clock, counters })
  if (deps.kept !== undefined) {
    intake.tick()
    sessions.restore(deps.kept)
    retained.restore(withoutPrefix(deps.kept.state.entries(prefixes.retained)))
    departures.restore()
    deps.kept.messages.clear()
    counters.subscriptions = subscriptions.count
  }
  return {
    config,
    limits,
    maxTopicBytes: limits.topicBytes,
    authorizer,
    clock,
    log,
    intake,
    counters,
    addresses: deps.addresses,
    walk: new PacketWalk(),
    acks: new AckScratch(),
    subscriptions,
    retained,
    fanOut,
    keeper,
    sessions,
    departures,
    isKeeping,
    publishes,
    letters,
    commits,
    outbound: { queuedBytes: 0, maxBytes: config.outboundTotalBytes },
    topics,
    assembly: new AssemblyBudget(config.assemblyTotalBytes),
    clients: new Map(),
    connections: new Set(),
    hasRoomFor: (clientId) => sessions.size < config.maxSessions || sessions.get(clientId) !== undefined,
    hasRoomForWill: (clientId, bytes) =>
      bytes === 0 ||
      keeper.willBytes - willBytes(sessions.get(clientId)?.will) + bytes <= config.maxWillBytes,
    commit(qos0) {
      publishes.dirty = false
      // What a client is told must be on disk: where that cannot be written, it is not told. What nobody waits for is written later.
      const refusal = keeper.isDirty ? intake.refusal() : undefined
      if (refusal !== undefined) {
        const failed = Promise.reject(new SluiceError(refusal, 'sessions cannot be kept now'))
        failed.catch(() => undefined)
        return failed
      }
      keeper.commit()
      const commit = intake.durable()
      commits.join(commit, qos0)
      departures.joined(commit)
      return commit
    },
    deliverAfter(commit) {
      const pending = fanOut.takePending()
      if (pending.length === 0) return
      commit.then(
        () => fanOut.release(pending),
        () => fanOut.drop(pending),
      )
    },
  }
}

function* withoutPrefix(
  entries: Iterable<readonly [key: string, value: Uint8Array]>,
): Iterable<readonly [topic: string, record: Uint8Array]> {
  for (const [key, value] of entries) yield [key.slice(prefixes.retained.length), value]
}
