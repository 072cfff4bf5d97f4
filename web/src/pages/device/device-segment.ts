/*
 * A device's name as one segment of an address. Browsers take `.` and `..` away, written as %2E too: these two stand behind a tilde, and so
 * do names that begin with one.
 */

export function toSegment(device: string): string {
  return /^(\.{1,2}$|~)/.test(device) ? `~${device}` : device
}

export function fromSegment(segment: string): string {
  return segment.replace(/^~/, '')
}
