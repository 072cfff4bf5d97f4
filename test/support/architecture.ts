import path from 'node:path'
import type { ModuleFacts, ModuleImport, ModuleUse } from './module-facts.ts'

/** What a folder's product files may ask for. Files always may ask for others of their own folder. */
export interface FolderRule {
  /** Folders of the project. */
  readonly imports: readonly string[]
  /** npm packages: true is any that package.json lists under `dependencies`. */
  readonly packages: true | readonly string[]
  /** node: modules. */
  readonly node: boolean
  /** Its subfolders are siblings (two transports, two stores): they meet in app and never import each other. */
  readonly siblings?: true
}

/** A written permission to break a rule: there must be no better place for what the file does. */
export interface Exception {
  readonly file: string
  readonly what: string
  readonly reason: string
}

export interface Architecture {
  readonly folders: Readonly<Record<string, FolderRule>>
  /** Where things may be done that are forbidden everywhere else in the product. */
  readonly onlyIn: readonly {
    readonly what: string
    readonly places: readonly string[]
    readonly why: string
  }[]
  readonly forbidden: readonly ModuleUse['what'][]
  readonly maxLines: number
  readonly exceptions: readonly Exception[]
  /** Packages under `dependencies` of package.json. */
  readonly dependencies: readonly string[]
}

export interface Fault {
  readonly path: string
  readonly line: number
  readonly rule: string
}

/** Everything in the modules that the architecture forbids. */
export function judge(architecture: Architecture, modules: readonly ModuleFacts[]): Fault[] {
  return modules.flatMap((module) => judgeModule(architecture, module))
}

export function describeFault({ path, line, rule }: Fault): string {
  return `${path}:${line}: ${rule}`
}

function judgeModule(architecture: Architecture, module: ModuleFacts): Fault[] {
  const faults: Fault[] = []
  const isExcepted = (what: string) =>
    architecture.exceptions.some((e) => e.file === module.path && e.what === what)
  const fault = (line: number, rule: string) => faults.push({ path: module.path, line, rule })

  for (const imported of module.imports) {
    const rule = judgeImport(architecture, module.path, imported)
    if (rule !== undefined && !isExcepted(imported.specifier)) fault(imported.line, rule)
    for (const { what, places, why } of architecture.onlyIn) {
      const asks =
        imported.names.includes(what) || imported.specifier === what || isFileSystem(imported.specifier, what)
      if (asks && isRestricted(module.path, places, what) && !isExcepted(what))
        fault(imported.line, `only ${places[0]} may use ${what}: ${why}`)
    }
  }
  for (const { what, line } of module.uses) {
    if (architecture.forbidden.includes(what) && !isExcepted(what)) fault(line, `no ${what}`)
    const place = architecture.onlyIn.find((row) => row.what === what)
    if (place !== undefined && isRestricted(module.path, place.places, what) && !isExcepted(what))
      fault(line, `only ${place.places[0]} may use ${what}: ${place.why}`)
  }
  if (module.lines > architecture.maxLines && !isExcepted('lines'))
    fault(
      architecture.maxLines + 1,
      `${module.lines} lines: past ${architecture.maxLines} a file holds two concepts`,
    )
  const name = judgeName(module.path)
  if (name !== undefined && !isExcepted('name')) fault(1, name)
  return faults
}

/** `mintDurable` is for its folder alone, tests included; the clock and the disk are the product's business, not a test's. */
function isRestricted(file: string, places: readonly string[], what: string): boolean {
  if (places.some((place) => file === place || file.startsWith(`${place}/`))) return false
  if (what === 'mintDurable') return file !== 'src/core/durable.ts'
  return isProduct(file)
}

function isFileSystem(specifier: string, what: string): boolean {
  return what === 'node:fs' && /^(node:)?fs(\/promises)?$/.test(specifier)
}

/** The rule an import breaks, or undefined. */
function judgeImport(
  architecture: Architecture,
  file: string,
  { specifier }: ModuleImport,
): string | undefined {
  if (!isProduct(file)) return undefined
  const from = folderOf(file)
  const rule = architecture.folders[from]
  if (rule === undefined) return `src/${from}/ is not in the import table`
  if (specifier.startsWith('.')) return judgeOwn(rule, from, file, resolve(file, specifier))
  if (specifier.startsWith('node:'))
    return rule.node ? undefined : `${from} imports nothing of node (${specifier})`
  const name = packageOf(specifier)
  if (rule.packages !== true && !rule.packages.includes(name))
    return `${from} may not import the package ${name}`
  if (!architecture.dependencies.includes(name))
    return `the package ${name} is not under "dependencies" of package.json`
  return undefined
}

function judgeOwn(rule: FolderRule, from: string, file: string, target: string): string | undefined {
  if (!isProduct(target)) return `product code may not import ${target}`
  const to = folderOf(target)
  if (to !== from)
    return rule.imports.includes(to)
      ? undefined
      : `${from} may not import ${to} (${target}); it may import ${rule.imports.join(', ') || 'nothing'}`
  const inner = subfolderOf(target)
  return rule.siblings &&
    inner !== undefined &&
    subfolderOf(file) !== undefined &&
    inner !== subfolderOf(file)
    ? `siblings never import each other: ${subfolderOf(file)} and ${inner} meet in app`
    : undefined
}

/** Product files are held to the table; tests, benches and scripts compose what they like, as app does. */
function isProduct(file: string): boolean {
  return /^(src|web\/src)\//.test(file) && !/\.test\.tsx?$/.test(file)
}

function folderOf(file: string): string {
  return file.startsWith('web/') ? 'web' : (file.split('/')[1] ?? '')
}

function subfolderOf(file: string): string | undefined {
  const parts = file.split('/')
  return parts.length > 3 ? parts[2] : undefined
}

function resolve(file: string, specifier: string): string {
  return path.posix.join(path.posix.dirname(file), specifier)
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

const vagueWords = ['manager', 'helper', 'helpers', 'util', 'utils', 'base', 'impl', 'data', 'info', 'index']

/** Files are named in kebab-case after the thing inside. */
function judgeName(file: string): string | undefined {
  const name = path.posix.basename(file).replace(/(\.test)?\.tsx?$/, '')
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) return `file names are kebab-case: ${name}`
  const vague = name.split('-').at(-1) ?? ''
  return !vagueWords.includes(vague)
    ? undefined
    : `"${vague}" says nothing: name the file after the thing inside`
}
