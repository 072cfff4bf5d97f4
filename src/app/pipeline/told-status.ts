import type { PipelineStatus } from './runner.ts'

/** What a log line tells when a pipeline's state has changed; nothing if it is not worth one. */
export function toldStatus(
  status: PipelineStatus,
  before: PipelineStatus | undefined,
): { level: 'info' | 'warn' | 'error'; message: string } | undefined {
  const { stream, state, error } = status
  if (state === before?.state) return undefined
  if (state === 'down') return { level: 'error', message: `${stream}: down: ${error}` }
  if (state === 'retrying') return { level: 'warn', message: `${stream}: tried again: ${error}` }
  const wasWrong = before?.state === 'down' || before?.state === 'retrying'
  if (state === 'running' && wasWrong) return { level: 'info', message: `${stream}: takes rows again` }
  return undefined
}
