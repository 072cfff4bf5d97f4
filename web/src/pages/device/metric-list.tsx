import type { Latest } from '../../api/readings.ts'
import { formatAgo } from '../../format/time.ts'
import { useNow } from '../../state/now.ts'
import { QualityMark } from '../../ui/quality.tsx'
import { Value } from '../../ui/value.tsx'

export interface MetricListProps {
  readonly latest: readonly Latest[]
  /** Metrics that are drawn, with the colour of each. */
  readonly drawn: ReadonlyMap<string, string>
  readonly onToggle: (metric: string) => void
}

/** Every metric of the device with its newest value; numbers can be drawn. */
export function MetricList({ latest, drawn, onToggle }: MetricListProps) {
  const present = useNow()
  return (
    <ul className="border-t border-line-strong">
      {latest.map((one) => {
        const color = drawn.get(one.metric)
        const isNumber = typeof one.value === 'number'
        return (
          <li key={one.metric} className="border-b border-line">
            <label
              className={`flex items-center gap-3 py-2 ${isNumber ? 'cursor-pointer hover:bg-surface' : ''}`}
            >
              <input
                type="checkbox"
                checked={color !== undefined}
                disabled={!isNumber}
                onChange={() => onToggle(one.metric)}
                aria-label={isNumber ? `Draw ${one.metric}` : `${one.metric} is a text and cannot be drawn`}
                className={`size-4 shrink-0 ${isNumber ? '' : 'invisible'}`}
                style={color === undefined ? undefined : { accentColor: `var(${color})` }}
              />
              <span className="min-w-0 flex-1">
                <span className="block truncate text-sm" title={one.metric}>
                  {one.metric}
                </span>
                <span className="flex gap-2 text-xs text-ink-3">
                  {formatAgo(present - one.time)}
                  <QualityMark quality={one.quality} />
                </span>
              </span>
              <span className="max-w-[45%] text-right font-semibold">
                <Value value={one.value} unit={one.unit} />
              </span>
            </label>
          </li>
        )
      })}
    </ul>
  )
}
