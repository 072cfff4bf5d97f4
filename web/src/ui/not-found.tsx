import { Link } from '@tanstack/react-router'
import { Fault } from './fault.tsx'
import { Notice } from './notice.tsx'

export function NotFound() {
  return (
    <div className="page pt-8">
      <Notice title="There is no such page">
        <Link to="/" className="text-link">
          Go to the overview
        </Link>
      </Notice>
    </div>
  )
}

export function PageFault({ error }: { readonly error: unknown }) {
  return (
    <div className="page pt-8">
      <Fault what="This page" error={error} onRetry={() => location.reload()} />
    </div>
  )
}
