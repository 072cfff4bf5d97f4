import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { AlertDialog } from '@base-ui/react/alert-dialog'
import { useState } from 'react'
import { discardLetters, type Replayed, replayLetters } from '../../api/letters.ts'
import { type LetterFilter, letterCountQuery } from '../../api/queries.ts'
import { formatCounted } from '../../format/number.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { Refused } from '../../ui/refused.tsx'

/** Replay and discard of all letters that fit the filter, after a question that says how many they are. */
export function AllLetters({ filter }: { readonly filter: LetterFilter }) {
  return (
    <div className="mt-4 flex flex-wrap gap-2.5">
      <Ask what="replay" filter={filter} />
      <Ask what="discard" filter={filter} />
    </div>
  )
}

type What = 'replay' | 'discard'

const words = {
  replay: {
    open: 'Replay all that fit…',
    title: (letters: string) => `Replay ${letters}?`,
    text: 'Each is read again by today’s configuration, the oldest first. What can be read is stored and its letter is gone; the others stay.',
    doIt: 'Replay',
  },
  discard: {
    open: 'Discard all that fit…',
    title: (letters: string) => `Discard ${letters}?`,
    text: 'They are gone for good, from every store. Export them before with: sluice dead-letters export',
    doIt: 'Discard for good',
  },
} as const

function Ask({ what, filter }: { readonly what: What; readonly filter: LetterFilter }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <AlertDialog.Root open={isOpen} onOpenChange={setOpen}>
      <AlertDialog.Trigger className={buttonClass}>{words[what].open}</AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop fixed inset-0 z-40 bg-[oklch(0.2_0.03_222/0.45)]" />
        <AlertDialog.Popup className="fixed top-1/2 left-1/2 z-50 w-[30rem] max-w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 rounded-lg border border-line bg-surface p-5 shadow-[var(--shadow)] outline-none sm:p-6">
          <Question what={what} filter={filter} />
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}

function Question({ what, filter }: { readonly what: What; readonly filter: LetterFilter }) {
  const counted = useQuery(letterCountQuery(filter)).data
  const queries = useQueryClient()
  const [soFar, setSoFar] = useState<Replayed>()
  const work = useMutation({
    mutationFn: async () =>
      what === 'replay'
        ? outcomeOf(await replayLetters(filter, setSoFar))
        : `${formatCounted(await discardLetters(filter), 'letter')} discarded.`,
    onSettled: () => queries.invalidateQueries({ queryKey: ['letters'] }),
  })
  const { title, text, doIt } = words[what]
  // What was asked stays as it was, while the letters become fewer.
  const [asked, setAsked] = useState<string>()
  const letters =
    counted === undefined
      ? 'all that fit'
      : `${counted.isMore ? 'more than ' : ''}${formatCounted(counted.count, 'letter')}`
  return (
    <>
      <AlertDialog.Title className="text-xl font-semibold">{title(asked ?? letters)}</AlertDialog.Title>
      <AlertDialog.Description className="mt-2 text-ink-2">{text}</AlertDialog.Description>
      {work.data !== undefined && (
        <p role="status" className="mt-4 wrap-anywhere">
          {work.data}
        </p>
      )}
      {work.isPending && soFar !== undefined && <p className="mt-4 text-sm text-ink-2">{outcomeOf(soFar)}</p>}
      <Refused error={work.error} />
      <div className="mt-5 flex justify-end gap-2.5">
        <AlertDialog.Close className={buttonClass}>
          {work.data === undefined ? 'Cancel' : 'Close'}
        </AlertDialog.Close>
        {work.data === undefined && (
          <Button
            disabled={work.isPending}
            className={what === 'discard' ? 'text-bad!' : ''}
            onClick={() => {
              setAsked(letters)
              work.mutate()
            }}
          >
            {work.isPending ? 'Working…' : doIt}
          </Button>
        )}
      </div>
    </>
  )
}

function outcomeOf({ replayed, failed, reason }: Replayed): string {
  const stay =
    failed === 0 ? '' : ` ${formatCounted(failed, 'letter')} failed again: ${reason ?? 'no reason is given'}.`
  return `${formatCounted(replayed, 'letter')} replayed.${stay}`
}
