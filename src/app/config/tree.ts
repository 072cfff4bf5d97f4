/** Where a setting was written, for people. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'set'; readonly text: string }

/** Settings before they are checked: a tree that knows where each of its values was written. */
export type ConfigNode = MapNode | ListNode | ValueNode

export interface MapNode {
  readonly kind: 'map'
  readonly origin: Origin
  readonly entries: ReadonlyMap<string, ConfigNode>
}

export interface ListNode {
  readonly kind: 'list'
  readonly origin: Origin
  readonly items: readonly ConfigNode[]
}

export interface ValueNode {
  readonly kind: 'value'
  readonly origin: Origin
  readonly value: unknown
  /**
   * `text`: written outside YAML (environment, `--set`, a substitution), so the key decides whether "8080" is a number.
   * `secret`: the same, out of a secret's file: never shown.
   */
  readonly form: 'yaml' | 'text' | 'secret'
}

export type Path = readonly string[]

const byDefault: Origin = { kind: 'default' }

export const emptyMap: MapNode = { kind: 'map', origin: byDefault, entries: new Map() }

/** The node at the path, or the deepest one above it. */
export function nearest(root: ConfigNode, path: Path): { node: ConfigNode; isExact: boolean } {
  let node = root
  for (const key of path) {
    const next = child(node, key)
    if (next === undefined) return { node, isExact: false }
    node = next
  }
  return { node, isExact: true }
}

export function child(node: ConfigNode, key: string): ConfigNode | undefined {
  if (node.kind === 'map') return node.entries.get(key)
  return node.kind === 'list' ? node.items[Number(key)] : undefined
}

/** Maps are joined key by key; anything else of the upper layer stands in place of the lower one, but nothing ("http:") does not. */
export function overlay(lower: ConfigNode, upper: ConfigNode): ConfigNode {
  if (upper.kind === 'value' && upper.value === null) return lower
  if (lower.kind !== 'map' || upper.kind !== 'map') return upper
  const entries = new Map(lower.entries)
  for (const [key, node] of upper.entries) {
    const below = entries.get(key)
    entries.set(key, below === undefined ? node : overlay(below, node))
  }
  return { kind: 'map', origin: upper.origin, entries }
}

/** The tree with `node` at the path. Where the path runs through something that is no map, that is replaced. */
export function withNode(root: ConfigNode, path: Path, node: ConfigNode): ConfigNode {
  const [key, ...rest] = path
  if (key === undefined) return node
  const entries = new Map(root.kind === 'map' ? root.entries : undefined)
  const below: ConfigNode = entries.get(key) ?? { ...emptyMap, origin: node.origin }
  entries.set(key, withNode(below, rest, node))
  return { kind: 'map', origin: root.kind === 'map' ? root.origin : node.origin, entries }
}

/** The tree of a plain value, such as defaults written in code. */
export function nodeOf(value: unknown, origin: Origin = byDefault): ConfigNode {
  if (Array.isArray(value))
    return { kind: 'list', origin, items: value.map((item: unknown) => nodeOf(item, origin)) }
  if (typeof value !== 'object' || value === null) return { kind: 'value', origin, value, form: 'yaml' }
  const entries = Object.entries(value).map(([key, item]) => [key, nodeOf(item, origin)] as const)
  return { kind: 'map', origin, entries: new Map(entries) }
}

export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default'
    case 'file':
      return `${origin.file}:${origin.line}:${origin.column}`
    case 'environment':
      return `environment ${origin.name}`
    case 'set':
      return `--set ${origin.text}`
  }
}
