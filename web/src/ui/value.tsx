import { formatValue } from '../format/number.ts'

/** A reading's value with its unit, the figure first and strongest. */
export function Value({ value, unit }: { readonly value: number | string; readonly unit: string }) {
  if (typeof value === 'string')
    return (
      <span className="block truncate" title={value}>
        {value}
      </span>
    )
  return (
    <span className="whitespace-nowrap">
      {formatValue(value)}
      {unit !== '' && <span className="ml-1 text-[0.82em] font-normal text-ink-3">{unit}</span>}
    </span>
  )
}
