import { test, type TestContext } from 'node:test'
import { cuts } from './cuts.ts'
import { identities } from './identities.ts'
import { pipelines } from './pipelines.ts'
import { positions } from './positions.ts'
import { readingBack } from './reading-back.ts'
import type { SinkUnderTest } from './subject.ts'
import { trouble } from './trouble.ts'

export interface Question {
  readonly name: string
  /** Why it is not asked of this sink. */
  skip?(subject: SinkUnderTest): string | false
  ask(t: TestContext, subject: SinkUnderTest): Promise<void>
}

/** What any sink must pass (the contract stands over `Sink` in src/core/sink.ts). Every question closes the sink, reads its rows by other means and opens it again. */
export function examineSink(subject: SinkUnderTest): void {
  for (const { name, skip, ask } of [
    ...readingBack,
    ...positions,
    ...identities,
    ...cuts,
    ...pipelines,
    ...trouble,
  ])
    test(`${subject.name}: ${name}`, { skip: skip?.(subject) ?? false }, (t) => ask(t, subject))
}
