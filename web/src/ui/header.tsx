import { Link } from '@tanstack/react-router'
import { now } from '../clock.ts'
import { zoneName } from '../format/time.ts'
import { usePreference } from '../state/preference.ts'
import { themePreference, zonePreference } from '../state/preferences.ts'
import { Mark, MoonIcon, ScreenIcon, SunIcon } from './icons.tsx'
import { LinkStateMark } from './link-state.tsx'
import { Segmented } from './segmented.tsx'

const item =
  'relative flex h-9 items-center text-sm text-on-deep-2 hover:text-on-deep aria-[current=page]:text-on-deep aria-[current=page]:font-semibold after:absolute after:inset-x-0 after:bottom-0 after:h-0.5 after:rounded aria-[current=page]:after:bg-crest'

export function Header() {
  return (
    <header className="on-deep bg-deep text-on-deep">
      <div className="page flex flex-wrap items-center gap-x-3 gap-y-1 py-2.5 sm:gap-x-8">
        <Link
          to="/"
          aria-label="Sluice, overview"
          className="order-1 flex grow items-center gap-2.5 sm:grow-0"
        >
          <Mark />
          <span className="text-[1.2rem] font-bold tracking-[-0.01em]">Sluice</span>
        </Link>
        <nav aria-label="Pages" className="order-4 flex grow gap-5 sm:gap-6 sm:order-2">
          <Link to="/" activeOptions={{ exact: true, includeSearch: false }} className={item}>
            Overview
          </Link>
          <Link to="/dead-letters" className={item}>
            Dead letters
          </Link>
        </nav>
        <div className="order-2 sm:order-3">
          <LinkStateMark />
        </div>
        <div className="order-3 h-0 w-full sm:hidden" />
        <div className="order-5 flex items-center gap-2">
          <ZoneChoice />
          <ThemeChoice />
        </div>
      </div>
    </header>
  )
}

function ZoneChoice() {
  const zone = usePreference(zonePreference)
  const here = zoneName('local', now())
  return (
    <Segmented
      tone="deep"
      label="Times in"
      value={zone}
      onChange={zonePreference.set}
      options={[
        { value: 'local', label: 'Local', title: `Times of this place (${here})` },
        { value: 'utc', label: 'UTC', title: 'Times in UTC' },
      ]}
    />
  )
}

function ThemeChoice() {
  const theme = usePreference(themePreference)
  const next = { system: 'light', light: 'dark', dark: 'system' } as const
  const icons = { system: <ScreenIcon />, light: <SunIcon />, dark: <MoonIcon /> }
  const names = { system: 'as the system', light: 'light', dark: 'dark' }
  return (
    <button
      type="button"
      onClick={() => themePreference.set(next[theme])}
      aria-label={`Colours: ${names[theme]}. Change to ${names[next[theme]]}`}
      title={`Colours: ${names[theme]}`}
      className="flex size-9 items-center justify-center rounded-md border border-deep-line text-on-deep-2 hover:text-on-deep"
    >
      {icons[theme]}
    </button>
  )
}
