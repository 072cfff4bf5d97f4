import type { ReactNode } from 'react'
import { type RatePoint, sinkKey } from '../../api/rates.ts'
import type { SinkStatus, Status } from '../../api/status.ts'
import { formatBytes, formatCount, formatCounted, formatRate } from '../../format/number.ts'
import { formatSpan } from '../../format/time.ts'
import { useNow } from '../../state/now.ts'
import { WaterLine } from './water-line.tsx'

export interface FlowBandProps {
  readonly status: Status | undefined
  readonly rates: readonly RatePoint[]
  /** ms of the last answer, where the server does not answer now. */
  readonly staleSince: number | undefined
}

/** The path of the rows, left to right: what comes in, where it is safe, where it ends up. Below it, the last two minutes. */
export function FlowBand({ status, rates, staleSince }: FlowBandProps) {
  const last = rates[rates.length - 1]
  const isFlowing = staleSince === undefined && (last?.rowsIn ?? 0) >= 0.05
  const sinks = status?.sinks.filter((sink) => sink.stream === 'readings') ?? []
  return (
    <section aria-label="Pipeline" className="on-deep relative overflow-hidden bg-deep text-on-deep">
      {staleSince !== undefined && <Stale since={staleSince} />}
      <div className="page relative z-10 grid grid-cols-2 gap-x-6 gap-y-6 pt-5 pb-24 sm:grid-cols-[auto_minmax(2rem,1fr)_auto_minmax(2rem,1fr)_auto] sm:gap-x-5 sm:pt-7 sm:pb-28 lg:gap-x-8">
        <Stage
          name="Coming in"
          figure={last === undefined ? undefined : formatRate(last.rowsIn)}
          unit="rows/s"
          lines={[
            last === undefined ? '' : `${formatRate(last.messagesIn)} messages/s`,
            status?.connections === undefined ? '' : formatCounted(status.connections, 'MQTT connection'),
          ]}
        />
        <Channel isFlowing={isFlowing} />
        <Stage
          name="Log"
          figure={status === undefined ? undefined : sizeOf(status.log.bytes).figure}
          unit={status === undefined ? '' : sizeOf(status.log.bytes).unit}
          lines={[
            status === undefined ? '' : logState(status.log.state),
            status === undefined ? '' : `${formatCounted(status.log.commits, 'commit')} synced`,
          ]}
          isAlarming={status !== undefined && status.log.state !== 'open'}
        />
        <Channel isFlowing={isFlowing} />
        <div className="col-span-2 flex flex-wrap gap-x-10 gap-y-4 sm:col-span-1">
          {sinks.map((sink) => (
            <SinkStage key={sinkKey(sink)} sink={sink} rate={last?.out[sinkKey(sink)]} />
          ))}
          {sinks.length === 0 && <Stage name="Stores" figure={undefined} unit="" lines={[]} />}
        </div>
      </div>
      <WaterLine rates={rates} isStale={staleSince !== undefined} />
    </section>
  )
}

function SinkStage({ sink, rate }: { readonly sink: SinkStatus; readonly rate: number | undefined }) {
  const isRunning = sink.state === 'running'
  return (
    <Stage
      name={`Stored in ${sink.name}`}
      figure={rate === undefined ? undefined : formatRate(rate)}
      unit="rows/s"
      lines={[
        sink.backlog === 0 ? 'no backlog' : `${formatCounted(sink.backlog, 'row')} waiting`,
        isRunning
          ? `${formatCount(sink.books.stored)} stored`
          : `${sink.state}${sink.error === undefined ? '' : `: ${sink.error}`}`,
      ]}
      isAlarming={!isRunning && sink.state !== 'starting'}
    />
  )
}

function Stale({ since }: { readonly since: number }) {
  const present = useNow()
  return (
    <p className="page relative z-10 pt-4 text-sm font-semibold text-[oklch(0.84_0.12_60)]">
      <span role="status">The server does not answer.</span> These are the figures of{' '}
      {formatSpan(Math.max(1000, present - since))} ago.
    </p>
  )
}

interface StageProps {
  readonly name: string
  readonly figure: string | undefined
  readonly unit: string
  readonly lines: readonly ReactNode[]
  readonly isAlarming?: boolean
}

function Stage({ name, figure, unit, lines, isAlarming = false }: StageProps) {
  return (
    <div className="min-w-0">
      <h2 className="text-sm text-on-deep-2">{name}</h2>
      <p className="mt-0.5 flex items-baseline gap-1.5">
        <span className="text-[2.1rem] leading-[1.15] font-semibold tracking-[-0.02em]">{figure ?? '–'}</span>
        <span className="text-sm text-on-deep-2">{unit}</span>
      </p>
      {lines.map((line, i) => (
        // The lines of a stage are fixed in number and place.
        <p
          key={i}
          className={`text-sm ${isAlarming ? 'font-semibold text-[oklch(0.84_0.12_60)]' : 'text-on-deep-2'} min-h-[1.3rem]`}
        >
          {line}
        </p>
      ))}
    </div>
  )
}

function Channel({ isFlowing }: { readonly isFlowing: boolean }) {
  return <div aria-hidden="true" className="channel mt-12 max-sm:hidden" data-flowing={isFlowing} />
}

function sizeOf(bytes: number): { figure: string; unit: string } {
  const [figure = '', unit = ''] = formatBytes(bytes).split('\u202f')
  return { figure, unit }
}

function logState(state: string): string {
  return state === 'open' ? 'safe on disk' : state.replace('-', ' ')
}
