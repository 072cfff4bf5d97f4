/** Stands between the parts of a key; JSON strings hold no bare control characters. */
export const separator = 0x01

/**
 * The key of a series in its route's cache. With ids in the payload: `device 01 metric 01 member`, where an id that the route gives
 * is empty and so is the member of a single value whose metric is named. Without ids: the member's name alone; the empty key is
 * a text that is the route's single value (a number is the route's `valueSeries`).
 */
export function memberKey(device: string, metric: string, member: string): string {
  return device === '' && metric === '' ? member : `${device}\x01${metric}\x01${member}`
}

/**
 * The key of a serial number (F3): with its opening quote, so that it stands in the payload in one piece and no
 * member's name is like it.
 */
export function serialKey(serial: string): string {
  return `"${serial}`
}
