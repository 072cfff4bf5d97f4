import { Toggle } from '@base-ui/react/toggle'
import { ToggleGroup } from '@base-ui/react/toggle-group'
import type { ReactNode } from 'react'

export interface SegmentedProps<T extends string> {
  readonly label: string
  readonly value: T | undefined
  readonly options: readonly { readonly value: T; readonly label: ReactNode; readonly title?: string }[]
  readonly onChange: (value: T) => void
  /** On the petrol band colours turn round. */
  readonly tone?: 'page' | 'deep'
}

/** One of a few choices, all in sight; arrow keys move between them. */
export function Segmented<T extends string>({
  label,
  value,
  options,
  onChange,
  tone = 'page',
}: SegmentedProps<T>) {
  const frame = tone === 'deep' ? 'border-deep-line' : 'border-line-strong bg-surface'
  const item =
    tone === 'deep'
      ? 'text-on-deep-2 hover:text-on-deep data-pressed:bg-deep-2 data-pressed:text-on-deep'
      : 'text-ink-2 hover:text-ink data-pressed:bg-accent-soft data-pressed:text-ink'
  return (
    <ToggleGroup
      aria-label={label}
      value={value === undefined ? [] : [value]}
      onValueChange={([next]) => next !== undefined && onChange(next)}
      className={`inline-flex h-9 shrink-0 items-stretch gap-px rounded-md border p-[3px] ${frame}`}
    >
      {options.map((option) => (
        <Toggle
          key={option.value}
          value={option.value}
          title={option.title}
          aria-label={option.title}
          className={`flex min-w-8 items-center justify-center rounded-[4px] px-2.5 text-xs whitespace-nowrap ${item}`}
        >
          {option.label}
        </Toggle>
      ))}
    </ToggleGroup>
  )
}
