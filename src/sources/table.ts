import { SluiceError } from '../core/errors.ts'
import type { FeedSource } from '../core/source.ts'
import type { SourceComponent, SourceParts } from './component.ts'

/** Every source by configuration: one line each. */
export const sourceTable: Readonly<Record<string, () => Promise<SourceComponent>>> = {
  amqp: () => import('./amqp/component.ts').then((m) => m.amqp),
  'mqtt-broker': () => import('./broker/component.ts').then((m) => m.mqttBroker),
  kafka: () => import('./kafka/component.ts').then((m) => m.kafka),
}

/** A source with options that configuration has checked. */
export async function createSource(type: string, options: unknown, parts: SourceParts): Promise<FeedSource> {
  const load = sourceTable[type]
  if (!load) throw new SluiceError('config-invalid', `there is no source of type ${type}`)
  const component = await load()
  return component.create(options, parts)
}
