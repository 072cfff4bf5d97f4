/** Names that a template has found in a topic. */
export interface TopicNames {
  readonly device: string | undefined
  readonly metric: string | undefined
}

/** One ingest rule: the names in a topic that fits, or undefined. */
export type TopicTemplate = (topic: string) => TopicNames | undefined

/**
 * Reads a template: literal text with `{device}` (one level or part of one), `{device...}` (one or more whole levels) and `{metric}`
 * (one level or part of one), each at most once. Placeholders match at least one character. A template without `/` whose levels are
 * divided by dots fits the same topic with slashes too, since RabbitMQ turns the one into the other.
 *
 * Returns what is wrong with it, as a sentence, where it is no template.
 */
export function parseTemplate(template: string): TopicTemplate | string {
  const fault = faultOf(template)
  if (fault !== undefined) return fault
  const patterns = [patternOf(template)]
  if (!template.includes('/') && template.includes('.')) patterns.push(patternOf(slashed(template)))
  // As MQTT wildcards do, a placeholder leaves the topics of the broker itself alone (MQTT 5 §4.7.2).
  const takesSystem = template.startsWith('$')
  return (topic) => {
    if (topic.startsWith('$') !== takesSystem) return undefined
    for (const pattern of patterns) {
      const groups = pattern.exec(topic)
      if (groups !== null) return { device: groups.groups?.['device'], metric: groups.groups?.['metric'] }
    }
    return undefined
  }
}

const placeholder = /\{[^{}]*\}/g
const patterns: Readonly<Record<string, string>> = {
  '{device}': '(?<device>[^/]+)',
  '{device...}': '(?<device>[^/]+(?:/[^/]+)*)',
  '{metric}': '(?<metric>[^/]+)',
}

function faultOf(template: string): string | undefined {
  if (template === '') return 'it is empty'
  if (/[+#\0]/.test(template))
    return 'it may not hold +, # or U+0000; write {device}, {device...} or {metric}'
  const names = template.match(placeholder) ?? []
  for (const name of names)
    if (patterns[name] === undefined) return `${name} is unknown; write {device}, {device...} or {metric}`
  if (/[{}]/.test(template.replace(placeholder, ''))) return 'a brace is open or closes nothing'
  if (names.filter((name) => name.startsWith('{device')).length > 1) return 'it names the device twice'
  if (names.filter((name) => name === '{metric}').length > 1) return 'it names the metric twice'
  if (/\}\{/.test(template)) return 'something must stand between two placeholders'
  if (template.split('/').some((level) => level.includes('{device...}') && level !== '{device...}'))
    return '{device...} must be alone between slashes'
  return undefined
}

function patternOf(template: string): RegExp {
  const literals = template.split(placeholder).map((text) => RegExp.escape(text))
  const names = template.match(placeholder) ?? []
  const source = literals.map((literal, i) => literal + (patterns[names[i] ?? ''] ?? '')).join('')
  return new RegExp(`^${source}$`, 'u')
}

/** The dots between levels, but not those of a placeholder, as slashes. */
function slashed(template: string): string {
  const literals = template.split(placeholder).map((text) => text.replaceAll('.', '/'))
  const names = template.match(placeholder) ?? []
  return literals.map((literal, i) => literal + (names[i] ?? '')).join('')
}
