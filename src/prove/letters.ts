import { badPlaceOf, badRecord } from './bad-record.ts'
import type { Ledger, LedgerPage } from './ledger.ts'
import { deviceName, devicePrefix } from './plan.ts'
import type { Asked } from './server-status.ts'

/** A dead letter as the server tells it. */
export interface Letter {
  readonly id: string
  readonly device?: string | undefined
  readonly topic?: string | undefined
  /** Where its bytes are UTF-8. */
  readonly text?: string | undefined
}

/** What became of the records that cannot be taken. */
export interface LetterVerdict {
  /** Bad records sent through a door that makes letters: each of them must be one, if it was acknowledged. */
  readonly sent: number
  /** Of them, those that were acknowledged. */
  readonly acked: number
  /** Of them, those that were refused: there was no room for anything then. */
  readonly refused: number
  /** Bad records that a door has refused by name, one by one. */
  readonly answered: number
  /** Letters that stand there. */
  readonly stored: number
  /** Acknowledged, and no letter. */
  readonly lost: number
  /** A letter too many for one record. */
  readonly duplicate: number
  /** Letters of no bad record, or of one that was refused when it was sent for the first time. */
  readonly phantom: number
  /** Letters that do not hold the bytes that were sent. */
  readonly corrupt: number
  /** Letters of records that were sent again. */
  readonly repeated: number
  readonly examples: readonly string[]
  readonly clean: boolean
}

const examplesPerFault = 3

/** @param isAlone nobody else makes letters at the server: one that is not ours is a phantom. */
export function judgeLetters(ledger: Ledger, letters: Iterable<Letter>, isAlone: boolean): LetterVerdict {
  const { plan } = ledger
  const faults = { lost: 0, duplicate: 0, phantom: 0, corrupt: 0 }
  const examples: string[] = []
  const report = (fault: keyof typeof faults, what: string) => {
    if (faults[fault]++ < examplesPerFault) examples.push(`dead letter ${fault}: ${what}`)
  }
  const copies = new Map<string, number>()
  let [stored, repeated] = [0, 0]
  for (const letter of letters) {
    const { id, device = '', topic = '', text = '' } = letter
    const place = badPlaceOf(plan, text)
    const page = place && ledger.page(place.device, place.epoch)
    if (place === undefined || page === undefined || page.isAnswered || isNone(page, place.sequence)) {
      const isOurs = [device, topic, text].some((part) => part.includes(devicePrefix(plan)))
      if (!isOurs && !isAlone) continue
      report('phantom', `${id} ${topic} ${text.slice(0, 120)}`)
      continue
    }
    stored++
    const name = `${deviceName(plan, place.device)} epoch ${place.epoch} bad record ${place.sequence}`
    if (text !== badRecord(plan, place)) report('corrupt', `${id}, ${name}: ${text.slice(0, 120)}`)
    const count = (copies.get(keyOf(place)) ?? 0) + 1
    copies.set(keyOf(place), count)
    if (count === 1) continue
    if (!page.isOnce && count - 1 <= page.repeats(place.sequence)) repeated++
    else report('duplicate', `${id}, ${name} has ${count} letters`)
  }
  for (const page of ledger.pages())
    for (let sequence = 0; sequence < page.length; sequence++) {
      const place = { device: page.device, epoch: page.epoch, sequence }
      if (page.state(sequence) === 'acked' && !copies.has(keyOf(place)))
        report('lost', `${deviceName(plan, page.device)} epoch ${page.epoch} bad record ${sequence}`)
    }
  let [sent, acked, refused, answered] = [0, 0, 0, 0]
  for (const page of ledger.pages()) {
    const totals = page.totals()
    if (page.isAnswered) answered += totals.refused
    else {
      sent += totals.records
      acked += totals.acked
      refused += totals.refused
    }
  }
  const clean = Object.values(faults).every((count) => count === 0)
  return { sent, acked, refused, answered, stored, ...faults, repeated, examples, clean }
}

/** Nobody sent it, or its sender was told at once that it is gone; of one that was sent before that, too, nobody can say. */
function isNone(page: LedgerPage, sequence: number): boolean {
  const state = page.state(sequence)
  return state === 'unsent' || (state === 'refused' && page.repeats(sequence) === 0)
}

function keyOf({ device, epoch, sequence }: { device: number; epoch: number; sequence: number }): string {
  return `${device} ${epoch} ${sequence}`
}

interface LetterPage {
  readonly letters: readonly Letter[]
  readonly next?: string
}

/** All letters that a server has, from a time on: ms since 1970, or undefined for the beginning. */
export async function readLetters(server: Asked, from: number | undefined): Promise<Letter[]> {
  const letters: Letter[] = []
  let next: string | undefined
  do {
    const query = new URLSearchParams({ limit: '10000' })
    if (from !== undefined) query.set('from', String(from))
    if (next !== undefined) query.set('cursor', next)
    const page = (await server.get(`/api/v1/dead-letters?${query.toString()}`)) as LetterPage // as: the server's own answer
    letters.push(...page.letters)
    next = page.next
  } while (next !== undefined)
  return letters
}
