import { ApiFault } from '../api/request.ts'

/** Why something that was asked for did not come to be; nothing where there is no error. */
export function Refused({ error }: { readonly error: Error | null }) {
  if (error === null) return null
  return (
    <div role="alert" className="mt-4 rounded-lg border border-bad/50 bg-bad-soft px-4 py-3 text-sm">
      <p className="wrap-anywhere">{error.message}</p>
      {error instanceof ApiFault && error.hint !== '' && <p className="mt-1 text-ink-2">{error.hint}</p>}
    </div>
  )
}
