import { AnswerFault } from '../api/decode.ts'
import { ApiFault, Unreachable } from '../api/request.ts'
import { Button } from './button.tsx'

export interface FaultProps {
  /** What could not be shown: `The devices`. */
  readonly what: string
  readonly error: unknown
  readonly onRetry: () => void
}

/** What went wrong and what to do about it. */
export function Fault({ what, error, onRetry }: FaultProps) {
  const { reason, advice } = explain(error)
  return (
    <div role="alert" className="rounded-lg border border-bad/50 bg-bad-soft px-4 py-3.5">
      <p className="font-semibold">{what} could not be read</p>
      <p className="mt-0.5 text-sm text-ink-2">{reason}</p>
      <div className="mt-3 flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button onClick={onRetry}>Try again</Button>
        <p className="text-sm text-ink-2">{advice}</p>
      </div>
    </div>
  )
}

function explain(error: unknown): { reason: string; advice: string } {
  if (error instanceof Unreachable)
    return {
      reason: `Nothing answers at ${location.host}.`,
      advice: 'See that Sluice is running there (npm start, or sluice up). This page tries again by itself.',
    }
  if (error instanceof ApiFault) {
    const details = error.details.map(({ field, message }) => `${field}: ${message}`)
    const request = error.requestId === undefined ? '' : ` (request ${error.requestId})`
    return { reason: [error.message, ...details].join(' · ') + request, advice: error.hint }
  }
  if (error instanceof AnswerFault)
    return { reason: error.message, advice: 'App and server may differ in age: reload this page.' }
  return { reason: error instanceof Error ? error.message : String(error), advice: 'Reload this page.' }
}
