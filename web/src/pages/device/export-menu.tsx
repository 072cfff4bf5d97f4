import { Menu } from '@base-ui/react/menu'
import { address } from '../../api/request.ts'
import { buttonClass } from '../../ui/button.tsx'
import { DownIcon, ExportIcon } from '../../ui/icons.tsx'
import type { Window } from './range.ts'

const formats = [
  { format: 'csv', name: 'CSV', note: 'for spreadsheets' },
  { format: 'parquet', name: 'Parquet', note: 'typed and small, for analysis' },
] as const

/** The rows of the shown time as a file: all metrics of the device, each row as it is stored. */
export function ExportMenu({
  device,
  windowNow,
}: {
  readonly device: string
  readonly windowNow: () => Window
}) {
  return (
    <Menu.Root>
      <Menu.Trigger className={buttonClass}>
        <ExportIcon />
        Export
        <DownIcon />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={6} align="end" collisionPadding={12} className="z-40">
          <Menu.Popup className="popup min-w-60 rounded-lg border border-line bg-surface p-1.5 shadow-[var(--shadow)] outline-none">
            {formats.map(({ format, name, note }) => {
              const { from, to } = windowNow()
              const href = address('/api/v1/export', {
                device,
                from: Math.floor(from),
                to: Math.ceil(to),
                format,
              })
              return (
                <Menu.Item
                  key={format}
                  render={<a href={href} download />}
                  className="block rounded px-3 py-2 outline-none data-highlighted:bg-accent-soft"
                >
                  <span className="block text-sm font-semibold">{name}</span>
                  <span className="block text-xs text-ink-3">{note}</span>
                </Menu.Item>
              )
            })}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}
