import type { Authorizer } from '../../core/authorizer.ts'
import type { Format, Router } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import type { RecordLimits } from '../../core/limits.ts'
import type { Clock } from '../../lib/clock.ts'
import { AckScratch } from './ack-queue.ts'
import type { Addresses } from './addresses.ts'
import { CommitWatch } from './commit-watch.ts'
import type { AssemblyBudget } from './assembly.ts'
import type { MqttConfig } from './config.ts'
import type { Connection } from './connection.ts'
import type { MqttCounters } from './counters.ts'
import { FanOut, type Subscriber } from './fan-out.ts'
import { FilterTrie } from './filter-trie.ts'
import type { MqttLog } from './log.ts'
import type { OutboundBudget } from './outbound.ts'
import { PacketWalk } from './packet-walk.ts'
import { PublishHandler } from './publish-handler.ts'
import { RefusalLetters } from './refusal-letters.ts'
import type { TopicBudget } from './topic-cache.ts'

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
  readonly trie: FilterTrie<Subscriber>
  readonly publishes: PublishHandler
  readonly letters: RefusalLetters
  readonly commits: CommitWatch
  readonly outbound: OutboundBudget
  readonly topics: TopicBudget
  readonly assembly: AssemblyBudget
  /** Open connections by client id. */
  readonly sessions: Map<string, Connection>
  /** Every connection that has a wire. */
  readonly connections: Set<Connection>
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
}

const maxTopicEntries = 262_144

export function newGatewayContext(deps: GatewayDependencies, intake: Intake): GatewayContext {
  const { config, limits, authorizer, clock, log, counters } = deps
  const trie = new FilterTrie<Subscriber>()
  const letters = new RefusalLetters()
  const fanOut = new FanOut(trie)
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
    trie,
    publishes: new PublishHandler({ ...deps, intake, fanOut, letters }),
    letters,
    commits: new CommitWatch(counters, log),
    outbound: { queuedBytes: 0, maxBytes: config.outboundTotalBytes },
    topics: { entries: 0, maxEntries: maxTopicEntries },
    assembly: { bytes: 0, maxBytes: config.assemblyTotalBytes },
    sessions: new Map(),
    connections: new Set(),
  }
}
