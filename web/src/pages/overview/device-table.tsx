import { useState } from 'react'
import type { DeviceRow } from '../../api/readings.ts'
import { formatCount } from '../../format/number.ts'
import { Button } from '../../ui/button.tsx'
import { DeviceLine } from './device-line.tsx'
import { useLatestValues } from './use-latest-values.ts'

/** Devices on one page; only these are followed live. */
const perPage = 25

export function DeviceTable({ devices }: { readonly devices: readonly DeviceRow[] }) {
  const [page, setPage] = useState(0)
  const pages = Math.max(1, Math.ceil(devices.length / perPage))
  const current = Math.min(page, pages - 1)
  const start = current * perPage
  const shown = devices.slice(start, start + perPage)
  const values = useLatestValues(shown.map((row) => row.device))
  return (
    <>
      <table className="data w-full table-fixed">
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
      {pages > 1 && (
        <nav aria-label="Pages of devices" className="mt-4 flex items-center justify-between gap-4">
          <p className="text-sm text-ink-2">
            {formatCount(start + 1)} to {formatCount(start + shown.length)} of {formatCount(devices.length)}
          </p>
          <div className="flex gap-2">
            <Button disabled={current === 0} onClick={() => setPage(current - 1)}>
              Previous
            </Button>
            <Button disabled={current === pages - 1} onClick={() => setPage(current + 1)}>
              Next
            </Button>
          </div>
        </nav>
      )}
    </>
  )
}
