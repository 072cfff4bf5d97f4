import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parse, parseAllDocuments } from 'yaml'
import type { ConfigFault } from './fault.ts'
import { type ConfigNode, emptyMap, nodeOf, type Origin } from './tree.ts'

/** Deeper than any configuration is; a ring of YAML aliases is found by it. */
const maxDepth = 32
/** More values than any configuration has; aliases of aliases are stopped by it. */
const maxNodes = 100_000

/** Reads a YAML file as settings with their lines. With faults in its form the tree holds what could be read. */
export function readYaml(file: string, text: string): { root: ConfigNode; faults: ConfigFault[] } {
  const lines = new LineCounter()
  const faults: ConfigFault[] = []
  const originAt = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset)
    return { kind: 'file', file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const fault = (offset: number, message: string, path: readonly string[] = []) =>
    faults.push({ path: path.join('.'), origin: originAt(offset), message })

  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, version: '1.2' })
  const [document] = documents
  if (document === undefined || !('contents' in document)) return { root: emptyMap, faults }
  for (const error of [...document.errors, ...document.warnings]) fault(error.pos[0], error.message)
  const second = documents[1]
  if (second !== undefined) fault(second.range[0], 'a second document (after "---") is not read: keep one')

  let nodes = 0
  const convert = (node: Node | null | undefined, path: readonly string[], at: number): ConfigNode => {
    const origin = originAt(node?.range?.[0] ?? at)
    const nothing: ConfigNode = { kind: 'value', origin, value: null, form: 'yaml' }
    if (node === null || node === undefined) return nothing
    if (path.length > maxDepth || nodes++ > maxNodes) {
      fault(node.range?.[0] ?? at, `deeper than ${maxDepth} levels, or more than ${maxNodes} values`, path)
      return nothing
    }
    if (isAlias(node)) {
      const target = node.resolve(document)
      if (target === undefined) return nothing
      return convert(target, path, node.range?.[0] ?? at)
    }
    if (isScalar(node)) return { kind: 'value', origin, value: node.value, form: 'yaml' }
    if (isSeq<Node>(node)) {
      const items = node.items.map((item, i) => convert(item, [...path, String(i)], at))
      return { kind: 'list', origin, items }
    }
    if (!isMap<Node, Node | null>(node)) return nothing
    const entries = new Map<string, ConfigNode>()
    for (const { key, value } of node.items) {
      const start = key.range?.[0] ?? at
      if (!isScalar(key)) fault(start, 'a key must be a plain word', path)
      else {
        const name = String(key.value)
        const converted = convert(value, [...path, name], start)
        // A fault in a value is shown where its line begins to say so: at the value, or at the key if that is a block below it.
        entries.set(name, converted.kind === 'value' ? converted : { ...converted, origin: originAt(start) })
      }
    }
    return { kind: 'map', origin, entries }
  }

  const root = convert(document.contents, [], 0)
  if (root.kind === 'value' && root.value === null)
    return { root: { ...emptyMap, origin: root.origin }, faults }
  if (root.kind !== 'map') {
    if (faults.length === 0)
      fault(0, 'the file must hold settings, such as "http:" with "port: 8080" below it')
    return { root: emptyMap, faults }
  }
  return { root, faults }
}

/** Reads text that came from elsewhere than a file (`[a, b]`, `{type: file}`) as YAML; undefined if it is none. */
export function readFlow(text: string, origin: Origin): ConfigNode | undefined {
  try {
    const value: unknown = parse(text, { prettyErrors: false, logLevel: 'error' })
    return nodeOf(value, origin)
  } catch {
    return undefined
  }
}
