/** Who is asking, as far as the door could verify. */
export interface Principal {
  readonly kind: 'local' | 'anonymous' | 'user' | 'device' | 'program'
  readonly name: string
  readonly roles: readonly string[]
}

export type Door = 'mqtt' | 'http' | 'grpc' | 'websocket' | 'cli'

export type Action =
  | 'connect'
  | 'publish'
  | 'subscribe'
  | 'read'
  | 'edit'
  | 'dead-letters'
  | 'replay'
  | 'admin'

export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly reason: string }

/** The one decision function; called by every door from the first day. Synchronous: it stands on hot paths, and answers from memory. */
export interface Authorizer {
  /** The principal of a connection that brought no credentials. */
  anonymous(remoteAddress: string, forwarded: boolean): Principal
  /** Who was verified earlier, with the rights of today: none where nobody has that name any more. */
  named(name: string): Principal
  decide(principal: Principal, door: Door, action: Action, resource: string): Decision
}
