import type { Session, Subscription } from './session.ts'

/** `$share/<group>/<filter>`, as its parts; undefined where a name or filter is missing or the name has a wildcard (MQTT 5 §4.8.2). */
export function parseShared(filter: string): { readonly share: string; readonly filter: string } | undefined {
  const slash = filter.indexOf('/', 7)
  const share = filter.slice(7, slash < 0 ? undefined : slash)
  if (!filter.startsWith('$share/') || slash < 0 || share === '' || /[+#]/.test(share)) return undefined
  const rest = filter.slice(slash + 1)
  return rest === '' ? undefined : { share, filter: rest }
}

export interface Member {
  readonly session: Session
  readonly subscription: Subscription
}

/** The sessions that share one filter under one name: each message goes to one of them, in turn. */
export class SharedGroup {
  readonly #members = new Map<Session, Member>()
  #order: Member[] = []
  #turn = 0

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  add(session: Session, subscription: Subscription): void {
    this.#members.set(session, { session, subscription })
    this.#order = [...this.#members.values()]
  }

  remove(session: Session): void {
    this.#members.delete(session)
    this.#order = [...this.#members.values()]
  }

  /**
   * Who gets the next message: the next one that is there and reads; else one that is there; else one that will come back for it.
   * Undefined if there is nobody.
   */
  next(): Member | undefined {
    let there: Member | undefined
    let away: Member | undefined
    const count = this.#order.length
    for (let i = 0; i < count; i++) {
      const at = (this.#turn + i) % count
      const member = this.#order[at] as Member // at is below its length
      const { receiver, isKept, outgoing } = member.session
      if (receiver !== undefined && !receiver.isFull && outgoing.waiting === 0) {
        this.#turn = at + 1
        return member
      }
      if (receiver !== undefined) there ??= member
      else if (isKept) away ??= member
    }
    const chosen = there ?? away
    if (chosen !== undefined) this.#turn = this.#order.indexOf(chosen) + 1
    return chosen
  }
}
