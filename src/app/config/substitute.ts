import path from 'node:path'
import { readTextFile } from '../../lib/text-file.ts'
import type { ConfigFault } from './fault.ts'
import type { ConfigNode, Path, ValueNode } from './tree.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** `$${` is a `${` that stays; else everything up to the next brace. */
const placeholder = /\$\$\{|\$\{([^}]*)\}?/g

/**
 * Fills `${NAME}`, `${NAME:default}` and `${file:PATH}` into string values, after YAML has been read: so a value can never change the
 * file's form, and a `$` without a brace (`$share/…`) stays what it is.
 * Paths are relative to `folder`.
 */
export function substitute(
  root: ConfigNode,
  environment: Environment,
  folder: string,
): { root: ConfigNode; faults: ConfigFault[] } {
  const faults: ConfigFault[] = []

  function walk(node: ConfigNode, at: Path): ConfigNode {
    if (node.kind === 'list')
      return { ...node, items: node.items.map((item, i) => walk(item, [...at, String(i)])) }
    if (node.kind === 'map') {
      const entries = [...node.entries].map(([key, item]) => [key, walk(item, [...at, key])] as const)
      return { ...node, entries: new Map(entries) }
    }
    return typeof node.value === 'string' && node.value.includes('${') ? fill(node, node.value, at) : node
  }

  function fill(node: ValueNode, text: string, at: Path): ValueNode {
    let form: ValueNode['form'] = 'yaml'
    const value = text.replace(placeholder, (whole, inside: string | undefined) => {
      if (inside === undefined) return '${'
      const failed = (message: string) => {
        faults.push({ path: at.join('.'), origin: node.origin, message })
        return ''
      }
      if (!whole.endsWith('}')) return failed(`"${whole}" has no closing brace`)
      if (inside.startsWith('file:')) {
        form = 'secret'
        const file = path.resolve(folder, inside.slice('file:'.length))
        try {
          return readTextFile(file).replace(/\r?\n$/, '')
        } catch (error) {
          return failed(`${whole}: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
      if (form !== 'secret') form = 'text'
      const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::(.*))?$/s.exec(inside) ?? []
      if (name === undefined)
        return failed(`"${whole}" is neither \${NAME}, \${NAME:default} nor \${file:PATH}`)
      return (
        environment[name] ??
        fallback ??
        failed(`the environment variable ${name} is not set, and "${whole}" gives no default`)
      )
    })
    return { ...node, value, form }
  }

  return { root: walk(root, []), faults }
}
