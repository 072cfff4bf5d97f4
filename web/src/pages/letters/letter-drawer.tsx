import { Dialog } from '@base-ui/react/dialog'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { LetterRow } from '../../api/letters.ts'
import { formatMoment, zoneName } from '../../format/time.ts'
import { usePreference } from '../../state/preference.ts'
import { zonePreference } from '../../state/preferences.ts'
import { CloseIcon } from '../../ui/icons.tsx'
import { explainCode } from './explain-code.ts'
import { LetterDesk } from './letter-desk.tsx'

/** One letter, read whole, beside the list. */
export function LetterDrawer({
  letter,
  onClose,
}: {
  readonly letter: LetterRow | undefined
  readonly onClose: () => void
}) {
  const [last, setLast] = useState(letter)
  // The drawer keeps its letter while it slides out.
  if (letter !== undefined && letter !== last) setLast(letter)
  return (
    <Dialog.Root open={letter !== undefined} onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop fixed inset-0 z-40 bg-[oklch(0.2_0.03_222/0.45)]" />
        <Dialog.Popup className="drawer fixed inset-y-0 right-0 z-50 w-[38rem] max-w-full overflow-y-auto bg-surface p-5 shadow-[var(--shadow)] outline-none sm:p-7">
          {last !== undefined && <LetterView letter={last} />}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function LetterView({ letter }: { readonly letter: LetterRow }) {
  const zone = usePreference(zonePreference)
  const advice = explainCode(letter.code)
  return (
    <>
      <div className="flex items-start justify-between gap-4">
        <Dialog.Title className="text-xl leading-snug font-semibold wrap-anywhere">
          {letter.reason}
        </Dialog.Title>
        <Dialog.Close
          aria-label="Close"
          className="-mt-1 -mr-1 flex size-9 shrink-0 items-center justify-center rounded-md text-ink-2 hover:bg-sunken hover:text-ink"
        >
          <CloseIcon />
        </Dialog.Close>
      </div>
      <Dialog.Description className="mt-2 text-ink-2">
        {advice?.hint}{' '}
        <Link to="/codes" hash={letter.code} className="text-link whitespace-nowrap">
          About {letter.code}
        </Link>
      </Dialog.Description>
      <dl className="mt-5 grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-1.5 border-y border-line py-3.5 text-sm">
        <Fact name="Time">
          {formatMoment(letter.time, zone, 'ms')} {zoneName(zone, letter.time)}
        </Fact>
        <Fact name="Device">
          {letter.device === undefined ? undefined : (
            <Link to="/devices/$device" params={{ device: letter.device }} className="text-link">
              {letter.device}
            </Link>
          )}
        </Fact>
        <Fact name="Topic">{letter.topic}</Fact>
        <Fact name="Offset">{letter.offset}</Fact>
        <Fact name="Format">{letter.format}</Fact>
        <Fact name="Source">{letter.source}</Fact>
        <Fact name="Sender">{letter.principal}</Fact>
        <Fact name="Number">{letter.id}</Fact>
      </dl>
      <LetterDesk key={letter.id} letter={letter} />
    </>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  if (children === undefined) return null
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="min-w-0 wrap-anywhere">{children}</dd>
    </>
  )
}
