import { formatSpan } from '../format/time.ts'
import { live, useLink } from '../state/live.ts'
import { useNow } from '../state/now.ts'

/** Whether what is on screen is live; while it is not, when it is tried again and a button for now. */
export function LinkStateMark() {
  const link = useLink()
  const isLive = link.kind === 'live'
  return (
    <div className="flex h-9 items-center gap-2 text-xs text-on-deep-2">
      <span
        aria-hidden="true"
        className={`size-2.5 rounded-full ${isLive ? 'bg-crest' : 'border-2 border-on-deep-2 bg-transparent'}`}
      />
      <span role="status">{isLive ? 'Live' : link.kind === 'waiting' ? 'Not connected' : 'Connecting'}</span>
      {link.kind === 'waiting' && <Retry at={link.retryAt} />}
    </div>
  )
}

function Retry({ at }: { readonly at: number }) {
  const time = useNow(500)
  const left = Math.max(0, at - time)
  return (
    <button
      type="button"
      onClick={() => live.retry()}
      className="h-7 rounded border border-deep-line px-2 text-on-deep hover:border-on-deep-2"
    >
      Retry<span className="max-sm:hidden"> (in {formatSpan(Math.max(1000, left))})</span>
    </button>
  )
}
