import { parseSync, Visitor } from 'oxc-parser'

/** One thing a module asks of another, however it asks: import, export from, import(), a worker's URL or a type import. */
export interface ModuleImport {
  readonly specifier: string
  /** Names asked for; empty for a whole module. */
  readonly names: readonly string[]
  readonly typeOnly: boolean
  readonly line: number
}

/** Something a module does that a rule may forbid. */
export interface ModuleUse {
  readonly what:
    | 'Date.now'
    | 'new Date()'
    | 'performance.now'
    | 'process.hrtime'
    | 'default export'
    | 'enum'
    | 'namespace'
    | 'decorator'
    | 'parameter property'
    | 're-export'
  readonly line: number
}

export interface ModuleFacts {
  /** From the project's root, with forward slashes. */
  readonly path: string
  readonly lines: number
  readonly imports: readonly ModuleImport[]
  readonly uses: readonly ModuleUse[]
}

/** Reads what the architecture rules judge out of one TypeScript file. Throws on a syntax error. */
export function readModule(path: string, source: string): ModuleFacts {
  const { program, module, errors } = parseSync(path, source)
  const [error] = errors
  if (error !== undefined) throw new SyntaxError(`${path}: ${error.message}`)
  const lineAt = lineFinder(source)
  const imports: ModuleImport[] = []
  const uses: ModuleUse[] = []
  const use = (what: ModuleUse['what'], node: { start: number }) =>
    uses.push({ what, line: lineAt(node.start) })
  const ask = (specifier: string, node: { start: number }, names: string[] = [], typeOnly = false) =>
    imports.push({ specifier, names, typeOnly, line: lineAt(node.start) })

  for (const statement of module.staticImports) {
    const names = statement.entries.flatMap((entry) => entry.importName.name ?? [])
    const typeOnly = statement.entries.length > 0 && statement.entries.every((entry) => entry.isType)
    ask(statement.moduleRequest.value, statement, names, typeOnly)
  }
  for (const { entries } of module.staticExports) {
    for (const entry of entries) {
      if (entry.moduleRequest === null) continue
      ask(entry.moduleRequest.value, entry, entry.importName.name === null ? [] : [entry.importName.name])
      use('re-export', entry)
    }
  }

  new Visitor({
    ImportExpression(node) {
      // A computed specifier cannot be judged; `import()` of a component table is a literal.
      if (node.source.type === 'Literal' && typeof node.source.value === 'string')
        ask(node.source.value, node)
    },
    TSImportType(node) {
      ask(node.source.value, node, [], true)
    },
    NewExpression(node) {
      if (node.callee.type !== 'Identifier') return
      const [first, second] = node.arguments
      if (node.callee.name === 'Date' && first === undefined) use('new Date()', node)
      // new URL('./worker.ts', import.meta.url): how a worker is named.
      if (
        node.callee.name === 'URL' &&
        first?.type === 'Literal' &&
        typeof first.value === 'string' &&
        first.value.endsWith('.ts') &&
        second !== undefined
      )
        ask(first.value, node)
    },
    MemberExpression(node) {
      if (node.object.type !== 'Identifier' || node.property.type !== 'Identifier') return
      const member = `${node.object.name}.${node.property.name}`
      if (member === 'Date.now' || member === 'performance.now' || member === 'process.hrtime')
        use(member, node)
    },
    ExportDefaultDeclaration: (node) => use('default export', node),
    TSEnumDeclaration: (node) => use('enum', node),
    TSModuleDeclaration(node) {
      // `declare module 'fastify'` and `declare global` add to what others declared.
      if (node.kind === 'namespace' || (node.kind === 'module' && node.id.type === 'Identifier'))
        use('namespace', node)
    },
    Decorator: (node) => use('decorator', node),
    TSParameterProperty: (node) => use('parameter property', node),
  }).visit(program)

  return { path, lines: source.split('\n').length - (source.endsWith('\n') ? 1 : 0), imports, uses }
}

/** Offset in the source → line, counted from 1. */
function lineFinder(source: string): (offset: number) => number {
  const starts = [0]
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}
