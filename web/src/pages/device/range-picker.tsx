import { Popover } from '@base-ui/react/popover'
import { type SubmitEvent, useState } from 'react'
import { now } from '../../clock.ts'
import { formatMoment, fromInput, toInput, zoneName, type Zone } from '../../format/time.ts'
import { buttonClass } from '../../ui/button.tsx'
import { DownIcon, LeftIcon, RightIcon, ZoomOutIcon } from '../../ui/icons.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { type LiveRange, liveRanges, moved, type Range, type Window, widened, windowOf } from './range.ts'

export interface RangePickerProps {
  readonly range: Range
  readonly zone: Zone
  readonly onLive: (range: LiveRange) => void
  readonly onWindow: (window: Window) => void
}

/** Which time is shown: a length that ends now, or any window. Everything that a drag can do is a button too. */
export function RangePicker({ range, zone, onLive, onWindow }: RangePickerProps) {
  const window = () => windowOf(range, now())
  const isLive = range.kind === 'live'
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Segmented
        label="Time shown, up to now"
        value={isLive ? range.name : undefined}
        options={liveRanges.map((name) => ({ value: name, label: name }))}
        onChange={onLive}
      />
      <CustomRange range={range} zone={zone} onWindow={onWindow} />
      <div role="group" aria-label="Move the time shown" className="flex">
        <button
          type="button"
          aria-label="Earlier"
          title="Earlier"
          onClick={() => onWindow(moved(window(), -0.5))}
          className={`${buttonClass} rounded-r-none px-2`}
        >
          <LeftIcon />
        </button>
        <button
          type="button"
          aria-label="Longer"
          title="Longer"
          onClick={() => onWindow(widened(window(), 2))}
          className={`${buttonClass} -ml-px rounded-none px-2`}
        >
          <ZoomOutIcon />
        </button>
        <button
          type="button"
          aria-label="Later"
          title="Later"
          disabled={isLive}
          onClick={() => onWindow(moved(window(), 0.5))}
          className={`${buttonClass} -ml-px rounded-l-none px-2`}
        >
          <RightIcon />
        </button>
      </div>
    </div>
  )
}

function CustomRange({ range, zone, onWindow }: Omit<RangePickerProps, 'onLive'>) {
  const [open, setOpen] = useState(false)
  const shown = range.kind === 'fixed'
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger className={`${buttonClass} ${shown ? 'bg-accent-soft!' : ''}`}>
        {shown ? <WindowText window={range} zone={zone} /> : 'Custom'}
        <DownIcon />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="start" collisionPadding={12} className="z-40">
          <Popover.Popup className="popup w-[19rem] max-w-[calc(100vw-1.5rem)] rounded-lg border border-line bg-surface p-4 shadow-[var(--shadow)]">
            <Popover.Title className="font-semibold">Show from … to</Popover.Title>
            <WindowForm
              window={windowOf(range, now())}
              zone={zone}
              onWindow={(window) => {
                setOpen(false)
                onWindow(window)
              }}
            />
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  )
}

function WindowForm({
  window,
  zone,
  onWindow,
}: {
  readonly window: Window
  readonly zone: Zone
  readonly onWindow: (window: Window) => void
}) {
  const [from, setFrom] = useState(() => toInput(window.from, zone))
  const [to, setTo] = useState(() => toInput(window.to, zone))
  const chosen = { from: fromInput(from, zone), to: fromInput(to, zone) }
  const isValid = chosen.from !== undefined && chosen.to !== undefined && chosen.from < chosen.to
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    if (chosen.from !== undefined && chosen.to !== undefined && isValid)
      onWindow({ from: chosen.from, to: chosen.to })
  }
  return (
    <form onSubmit={submit} className="mt-3 grid gap-3">
      <label className="grid gap-1 text-sm">
        From
        <input
          type="datetime-local"
          step="1"
          required
          className="field"
          value={from}
          onChange={(e) => setFrom(e.target.value)}
        />
      </label>
      <label className="grid gap-1 text-sm">
        To
        <input
          type="datetime-local"
          step="1"
          required
          className="field"
          value={to}
          onChange={(e) => setTo(e.target.value)}
        />
      </label>
      <p className="text-xs text-ink-3">
        {isValid
          ? `Times are ${zone === 'utc' ? 'UTC' : `of this place (${zoneName('local', now())})`}.`
          : 'The end must lie after the start.'}
      </p>
      <button
        type="submit"
        disabled={!isValid}
        className="h-9 rounded-md bg-accent text-sm font-semibold text-surface disabled:opacity-45"
      >
        Show
      </button>
    </form>
  )
}

function WindowText({ window, zone }: { readonly window: Window; readonly zone: Zone }) {
  const from = formatMoment(window.from, zone)
  const to = formatMoment(window.to, zone)
  // The same day is said once.
  const isOneDay = from.slice(0, 10) === to.slice(0, 10)
  return (
    <span className="max-w-[15rem] truncate">
      {from.slice(5)} – {isOneDay ? to.slice(11) : to.slice(5)}
    </span>
  )
}
