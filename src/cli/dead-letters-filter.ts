import { usage } from './failure.ts'

/** Which letters are meant, as the API has it. */
export interface LetterFilterOptions {
  readonly device?: string
  readonly source?: string
  readonly code?: string
  readonly from?: string
  readonly to?: string
}

export function letterFilter({ device, source, code, from, to }: LetterFilterOptions) {
  return { device, source, code, from, to }
}

/** Where one letter is; the options that say which ones are meant must not stand beside its id. */
export function letterPath(id: string, options: LetterFilterOptions = {}): string {
  const idle = Object.entries(letterFilter(options)).filter(([, value]) => value !== undefined)
  if (idle.length > 0)
    throw usage(`${idle.map(([name]) => `--${name}`).join(', ')}: an id means one letter, whatever it is`)
  return `/api/v1/dead-letters/${encodeURIComponent(id)}`
}

export const lettersPath = '/api/v1/dead-letters'
