import type { Action, Authorizer, Decision, Principal } from '../core/authorizer.ts'

/** What a caller on this machine may do as long as no identity is configured. */
const localActions: ReadonlySet<Action> = new Set([
  'connect',
  'publish',
  'subscribe',
  'read',
  'edit',
  'dead-letters',
  'replay',
])

const local: Principal = { kind: 'local', name: 'local', roles: ['local'] }
const nobody: Principal = { kind: 'anonymous', name: 'anonymous', roles: [] }
const allowed: Decision = { allowed: true }

/**
 * Decides while identity is off: whoever speaks from loopback has the role `local`, everybody else nothing. A request that a proxy
 * forwarded is not from loopback, wherever its last hop was.
 */
export const localAuthorizer: Authorizer = {
  anonymous: (remoteAddress, forwarded) => (isLoopback(remoteAddress) && !forwarded ? local : nobody),
  named: (name) => (name === local.name ? local : nobody),
  decide(principal, _door, action) {
    if (!principal.roles.includes('local'))
      return { allowed: false, reason: 'without identity only this machine itself may do that' }
    return localActions.has(action) ? allowed : { allowed: false, reason: `the role local may not ${action}` }
  },
}

/** 127.0.0.0/8, ::1 and the former as IPv4-mapped addresses. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(address)
}
