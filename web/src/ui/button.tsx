import type { ComponentProps } from 'react'

const base =
  'inline-flex h-9 shrink-0 items-center justify-center gap-1.5 rounded-md border px-3 text-sm whitespace-nowrap disabled:opacity-45 aria-disabled:cursor-default aria-disabled:opacity-45'

export const buttonClass = `${base} border-line-strong bg-surface text-ink hover:border-ink-3`

export function Button({ className = '', ...props }: ComponentProps<'button'>) {
  return <button type="button" className={`${buttonClass} ${className}`} {...props} />
}
