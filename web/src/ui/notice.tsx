import type { ReactNode } from 'react'

/** An empty place that says why it is empty and what to do next. */
export function Notice({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <section className="rounded-lg border border-line bg-surface px-5 py-6 sm:px-8 sm:py-8">
      <h2 className="text-lg font-semibold">{title}</h2>
      <div className="mt-1.5 text-ink-2">{children}</div>
    </section>
  )
}

/** While something is read for the first time. */
export function Reading({ what }: { readonly what: string }) {
  return (
    <p role="status" className="py-8 text-sm text-ink-3">
      Reading {what}…
    </p>
  )
}
