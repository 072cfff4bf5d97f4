import fc from 'fast-check'

/** Whether a topic fits a filter: MQTT 5 §4.7, said a second time and slowly. */
export function topicMatches(filter: string, topic: string): boolean {
  const filterLevels = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  for (const [i, level] of filterLevels.entries()) {
    if (level === '#') return levels.length >= i
    if (i >= levels.length) return false
    if (level !== '+' && level !== levels[i]) return false
  }
  return filterLevels.length === levels.length
}

const level = fc.constantFrom('a', 'b', '', '$x')

/** Of few levels and few names, so that filters and topics meet. */
export const anyTopic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))
export const anyFilter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([levels, all]) => [...levels.slice(0, all ? -1 : undefined), ...(all ? ['#'] : [])].join('/'))
