import { type KeptRun, openKeptRun, textsOf } from './kept-run.ts'

/**
 * A program that counts in keyed state: commit `n` sets the counter to n, sets or removes one of five slots, adds message n and is
 * done with message n - 3. It tells what it found at its start, and every commit that is acknowledged.
 */
export type ToldByProgram =
  | { readonly kind: 'found'; readonly found: Found }
  | { readonly kind: 'acknowledged'; readonly n: number }

export interface Found {
  readonly state: Readonly<Record<string, string>>
  readonly messages: Readonly<Record<string, string>>
}

const slots = 5
/** A slot is set in one of its turns and removed in the next. */
const isSet = (n: number) => Math.floor(n / slots) % 2 === 0

/** What stands there after commit n. */
export function modelOf(n: number): Found {
  if (n === 0) return { state: {}, messages: {} }
  const state: Record<string, string> = { 'count/n': `${n}` }
  for (let i = Math.max(1, n - slots + 1); i <= n; i++)
    if (isSet(i)) state[`slot/${i % slots}`] = `set by ${i}`
  const messages: Record<string, string> = {}
  for (let i = Math.max(1, n - 2); i <= n; i++) messages[`${i}`] = `message ${i}`
  return { state, messages }
}

function change({ intake }: KeptRun, n: number): void {
  intake.set('count/n', Buffer.from(`${n}`))
  intake.set(`slot/${n % slots}`, isSet(n) ? Buffer.from(`set by ${n}`) : undefined)
  intake.addDocument('messages', `${n}`, intake.now, Buffer.from(`message ${n}`))
  if (n > 3) intake.addDocument('messages', `${n - 3}`, intake.now, new Uint8Array(0))
}

const tell = (message: ToldByProgram) => process.send?.(message)

const data = process.argv[2]
if (process.send && data !== undefined) {
  process.on('disconnect', () => process.exit(0))
  const run = await openKeptRun(data)
  const found = { state: textsOf(run.kept.state), messages: textsOf(run.kept.messages) }
  tell({ kind: 'found', found })
  for (let n = Number(found.state['count/n'] ?? 0) + 1; ; n++) {
    change(run, n)
    await run.intake.durable()
    tell({ kind: 'acknowledged', n })
  }
}
