import { qualityWord } from '../format/quality.ts'

export interface QualityMarkProps {
  readonly quality: number
  /** Tells a good quality too. */
  readonly always?: boolean
  /** Only the sign, where there is no room; readers still hear the word. */
  readonly brief?: boolean
  /** Of many readings: the lowest of them. */
  readonly isWorst?: boolean
}

/** Tells a quality that is not good, by word and by form as well as by colour; a good one needs no telling. */
export function QualityMark({ quality, always = false, brief = false, isWorst = false }: QualityMarkProps) {
  const word = qualityWord(quality)
  if (word === 'good')
    return always ? (
      <span className="text-ink-3">
        good<span className="sr-only"> ({quality})</span>
      </span>
    ) : null
  const isBad = word === 'bad'
  return (
    <span
      title={`${word} quality (${quality})`}
      className={`inline-flex items-center gap-1 whitespace-nowrap ${isBad ? 'text-bad' : 'text-warn'}`}
    >
      <svg aria-hidden="true" width="9" height="9" viewBox="0 0 9 9" fill="currentColor">
        {isBad ? <path d="M1 1h7v7H1z" /> : <path d="M4.5.7 8.6 8.2H.4z" />}
      </svg>
      <span className={brief ? 'sr-only' : ''}>{isWorst ? `${word} at worst` : word}</span>
    </span>
  )
}
