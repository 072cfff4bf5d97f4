import { useEffect, useState } from 'react'
import { CheckIcon, CopyIcon } from './icons.tsx'

/** A line to type into a shell, with a button that copies it. */
export function Command({ label, line }: { readonly label: string; readonly line: string }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 1600)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = () => {
    navigator.clipboard.writeText(line).then(
      () => setCopied(true),
      // Without the right to the clipboard the line can still be selected.
      () => setCopied(false),
    )
  }
  return (
    <div>
      <p className="mb-1.5 text-sm text-ink-2">{label}</p>
      <div className="flex items-start rounded-md border border-line bg-sunken">
        <code className="min-w-0 flex-1 px-3.5 py-2.5 font-mono text-[0.84rem] leading-relaxed whitespace-pre-wrap select-all">
          {line}
        </code>
        <button
          type="button"
          onClick={copy}
          className="m-1 flex h-8 items-center gap-1.5 rounded px-2 text-xs text-ink-2 hover:bg-surface hover:text-ink"
        >
          {copied ? <CheckIcon /> : <CopyIcon />}
          <span aria-live="polite">{copied ? 'Copied' : 'Copy'}</span>
        </button>
      </div>
    </div>
  )
}
