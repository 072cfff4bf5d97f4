import { useQuery } from '@tanstack/react-query'
import { Dialog } from '@base-ui/react/dialog'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { LetterRow } from '../../api/letters.ts'
import { letterQuery } from '../../api/queries.ts'
import { asText, type BytesForm, hexLines } from '../../format/bytes-view.ts'
import { formatCounted } from '../../format/number.ts'
import { formatMoment, zoneName } from '../../format/time.ts'
import { usePreference } from '../../state/preference.ts'
import { zonePreference } from '../../state/preferences.ts'
import { CloseIcon } from '../../ui/icons.tsx'
import { Fault } from '../../ui/fault.tsx'
import { Reading } from '../../ui/notice.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { explainCode } from './explain-code.ts'

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
        <Fact name="Source">{letter.source}</Fact>
        <Fact name="Sender">{letter.principal}</Fact>
        <Fact name="Number">{letter.id}</Fact>
      </dl>
      <Bytes key={letter.id} id={letter.id} />
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

/** The list comes without the bytes, which may be many: they are read when they are looked at. */
function Bytes({ id }: { readonly id: string }) {
  const query = useQuery(letterQuery(id))
  if (query.data !== undefined) return <BytesView bytes={query.data.bytes} />
  return query.error === null ? (
    <Reading what="the bytes" />
  ) : (
    <div className="mt-5">
      <Fault what="The bytes" error={query.error} onRetry={() => void query.refetch()} />
    </div>
  )
}

function BytesView({ bytes }: { readonly bytes: Uint8Array }) {
  const text = asText(bytes)
  const [chosen, setChosen] = useState<BytesForm>()
  const form = chosen ?? (text === undefined ? 'hex' : 'text')
  return (
    <section aria-label="Original bytes" className="mt-5">
      <div className="mb-2.5 flex items-center justify-between gap-4">
        <h3 className="font-semibold">
          As it came <span className="font-normal text-ink-3">{formatCounted(bytes.length, 'byte')}</span>
        </h3>
        <Segmented
          label="Show bytes as"
          value={form}
          options={[
            { value: 'text', label: 'Text' },
            { value: 'hex', label: 'Hex' },
          ]}
          onChange={setChosen}
        />
      </div>
      <div
        // A region that scrolls is reached by keyboard.
        tabIndex={0}
        className="max-h-[28rem] overflow-auto rounded-md border border-line bg-sunken p-3.5 font-mono text-[0.76rem] leading-relaxed sm:text-[0.84rem]"
      >
        {form === 'hex' ? (
          <HexView bytes={bytes} />
        ) : (
          <pre className="font-mono whitespace-pre-wrap">
            {text ?? 'These bytes are no text that a screen can show: see them as hex.'}
          </pre>
        )}
      </div>
    </section>
  )
}

/** Beyond this a browser slows down, and nobody reads on. */
const maxHexBytes = 16_384

function HexView({ bytes }: { readonly bytes: Uint8Array }) {
  return (
    <>
      <pre className="font-mono">
        {hexLines(bytes.subarray(0, maxHexBytes), 8).map(({ offset, hex, text }) => (
          <span key={offset} className="block">
            <span className="text-ink-3">{offset}</span> {hex.padEnd(23)}{' '}
            <span className="text-ink-2">{text}</span>
          </span>
        ))}
      </pre>
      {bytes.length > maxHexBytes && (
        <p className="mt-2 font-sans">{formatCounted(bytes.length - maxHexBytes, 'further byte')}</p>
      )}
    </>
  )
}
