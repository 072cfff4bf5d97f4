import type { DevicePage } from '../../api/readings.ts'
import { formatCount } from '../../format/number.ts'
import { Button } from '../../ui/button.tsx'
import { DeviceLine } from './device-line.tsx'
import { useLatestValues } from './use-latest-values.ts'

export interface DeviceTableProps {
  readonly page: DevicePage
  /** Devices on the pages before this one. */
  readonly before: number
  /** Another page is being read. */
  readonly isTurning: boolean
  readonly onPrevious: () => void
  readonly onNext: (cursor: string) => void
}

/** One page of the devices, each with its newest values, followed live. */
export function DeviceTable({ page, before, isTurning, onPrevious, onNext }: DeviceTableProps) {
  const { rows: shown, total, next } = page
  const values = useLatestValues(shown, shown.length === total)
  return (
    <>
      <table className="data w-full table-fixed" aria-busy={isTurning}>
        <thead>
          <tr>
            <th scope="col" className="w-auto sm:w-[30%]">
              Name
            </th>
            <th scope="col" className="w-[7.5rem] sm:w-auto">
              Last values
            </th>
            <th scope="col" className="w-[5.5rem] sm:w-[9rem]">
              <span className="max-sm:hidden">Last </span>5 min
            </th>
            <th scope="col" className="w-[6rem] text-right! max-sm:hidden">
              Seen
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <DeviceLine key={row.device} row={row} values={values} />
          ))}
        </tbody>
      </table>
      {total > shown.length && (
        <nav aria-label="Pages of devices" className="mt-4 flex items-center justify-between gap-4">
          <p role="status" className="text-sm text-ink-2">
            {formatCount(before + 1)} to {formatCount(before + shown.length)} of {formatCount(total)}
          </p>
          <div className="flex gap-2">
            <Turn name="Previous" isOff={before === 0 || isTurning} onTurn={onPrevious} />
            <Turn
              name="Next"
              isOff={next === undefined || isTurning}
              onTurn={() => next !== undefined && onNext(next)}
            />
          </div>
        </nav>
      )}
    </>
  )
}

/** A button that is off keeps the focus: who turns pages with the keyboard is not thrown out at the last one. */
function Turn({
  name,
  isOff,
  onTurn,
}: {
  readonly name: string
  readonly isOff: boolean
  readonly onTurn: () => void
}) {
  return (
    <Button aria-disabled={isOff} onClick={() => !isOff && onTurn()}>
      {name}
    </Button>
  )
}
