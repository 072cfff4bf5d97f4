import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { discardLetter, type Letter, type LetterRow, replayLetter } from '../../api/letters.ts'
import { letterQuery } from '../../api/queries.ts'
import { asText, type BytesForm } from '../../format/bytes-view.ts'
import { formatCounted } from '../../format/number.ts'
import { Button } from '../../ui/button.tsx'
import { Fault } from '../../ui/fault.tsx'
import { Reading } from '../../ui/notice.tsx'
import { Refused } from '../../ui/refused.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { HexView } from './hex-view.tsx'

/** A letter's bytes, and what can be done about them. The list comes without them, since they may be many: they are read when they are looked at. */
export function LetterDesk({ letter: { id } }: { readonly letter: LetterRow }) {
  const query = useQuery(letterQuery(id))
  if (query.data !== undefined) return <Desk letter={query.data} />
  return query.error === null ? (
    <Reading what="the bytes" />
  ) : (
    <div className="mt-5">
      <Fault what="The bytes" error={query.error} onRetry={() => void query.refetch()} />
    </div>
  )
}

function Desk({ letter }: { readonly letter: Letter }) {
  const { id, bytes, device } = letter
  const original = asText(bytes)
  const [text, setText] = useState(original ?? '')
  const [chosen, setForm] = useState<BytesForm>()
  const form = chosen ?? (original === undefined ? 'hex' : 'text')
  const [isAsking, setAsking] = useState(false)
  const queries = useQueryClient()
  const onSettled = () => queries.invalidateQueries({ queryKey: ['letters'] })
  const isChanged = text !== (original ?? '')
  const replay = useMutation({ mutationFn: () => replayLetter(id, isChanged ? text : undefined), onSettled })
  const discard = useMutation({ mutationFn: () => discardLetter(id), onSettled })
  const isBusy = replay.isPending || discard.isPending
  if (replay.data !== undefined || discard.data !== undefined)
    return (
      <p role="status" className="mt-5 rounded-lg border border-good/50 px-4 py-3.5">
        {replay.data === undefined ? (
          'It is discarded, for good.'
        ) : (
          <Outcome rows={replay.data} device={device} isSinks={isOfSink(letter)} />
        )}
      </p>
    )
  return (
    <section aria-label="Original bytes" className="mt-5">
      <div className="mb-2.5 flex items-center justify-between gap-4">
        <h3 className="font-semibold">
          {isChanged ? (
            'Corrected'
          ) : (
            <>
              {isOfSink(letter) ? 'Row' : 'As it came'}{' '}
              <span className="font-normal text-ink-3">{formatCounted(bytes.length, 'byte')}</span>
            </>
          )}
        </h3>
        <Segmented
          label="Show bytes as"
          value={form}
          options={[
            { value: 'text', label: 'Text' },
            { value: 'hex', label: 'Hex' },
          ]}
          onChange={setForm}
        />
      </div>
      {form === 'hex' ? (
        <HexView bytes={bytes} />
      ) : (
        <textarea
          aria-label="Text to read again"
          className={`${boxClass} block w-full resize-y`}
          rows={Math.min(24, Math.max(6, text.split('\n').length + 1))}
          spellCheck={false}
          value={text}
          placeholder="These bytes are no text that a screen can show: see them as hex, or write here what they should have been, as JSON."
          disabled={isBusy}
          onChange={(event) => {
            setText(event.target.value)
            replay.reset() // what was said of another text
          }}
        />
      )}
      <div className="mt-4 flex flex-wrap items-center gap-2.5">
        <Button disabled={isBusy} onClick={() => replay.mutate()}>
          {replay.isPending ? 'Reading it again…' : isChanged ? 'Replay corrected' : 'Replay'}
        </Button>
        {isChanged && (
          <Button disabled={isBusy} onClick={() => setText(original ?? '')}>
            {isOfSink(letter) ? 'As it was' : 'As it came'}
          </Button>
        )}
        <div className="ml-auto flex flex-wrap items-center gap-2.5">
          {isAsking ? (
            <>
              <span className="text-sm">Discard it for good?</span>
              <Button disabled={isBusy} className="text-bad!" onClick={() => discard.mutate()}>
                Yes, discard
              </Button>
              <Button disabled={isBusy} onClick={() => setAsking(false)}>
                Keep
              </Button>
            </>
          ) : (
            <Button disabled={isBusy} onClick={() => setAsking(true)}>
              Discard…
            </Button>
          )}
        </div>
      </div>
      <Refused error={replay.error ?? discard.error} />
      <p className="mt-3 text-sm text-ink-3">
        A replay reads it again by today’s configuration. What can be read is stored, and the letter is gone;
        else it stays.
      </p>
    </section>
  )
}

const boxClass =
  'rounded-md border border-line bg-sunken p-3.5 font-mono text-[0.76rem] leading-relaxed sm:text-[0.84rem]'

/** Sinks give the rows that they refuse in one form. */
function isOfSink({ source, topic, offset, bytes }: Letter): boolean {
  if (source === 'http' || topic !== undefined || offset !== undefined) return false
  return /^\{"(device_id|stream)":/.test(asText(bytes) ?? '')
}

function Outcome({
  rows,
  device,
  isSinks,
}: {
  readonly rows: number
  readonly device: string | undefined
  readonly isSinks: boolean
}) {
  return (
    <>
      {isSinks
        ? 'The row is handed to the store again; if it refuses it once more, the letter comes back.'
        : `It was read: ${formatCounted(rows, 'reading')} of it ${rows === 1 ? 'is' : 'are'} stored, and the letter is gone.`}{' '}
      {device !== undefined && (
        <Link to="/devices/$device" params={{ device }} className="text-link whitespace-nowrap">
          To the device
        </Link>
      )}
    </>
  )
}
