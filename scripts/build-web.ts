import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import path from 'node:path'
import { gzipSync } from 'node:zlib'

/*
 * Builds the web app into web/dist if that is missing or was built from something else; else it does nothing, in a few
 * milliseconds. `npm start` runs it first, so that `npm ci && npm start` is all that is needed.
 * `--force` builds in any case.
 */
const root = path.resolve(import.meta.dirname, '..')
const stampFile = path.join(root, 'web/dist/.built-from')

const isForced = process.argv.includes('--force')
const wanted = sourceStamp()
if (!isForced && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) process.exit(0)

const vite = path.join(root, 'node_modules/vite/bin/vite.js')
if (!existsSync(vite)) {
  process.stderr.write(
    'The web app is not built as it is here, and what builds it is not installed: run npm ci without --omit=dev, or bring web/dist.\n',
  )
  // Without its screens Sluice still takes, keeps and serves data.
  process.exit(isForced ? 1 : 0)
}
process.stdout.write('Building the web app, once…\n')
const built = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn', path.join(root, 'web')], {
  stdio: 'inherit',
})
if (built.status !== 0) process.exit(built.status ?? 1)
compress()
writeFileSync(stampFile, wanted)

/** Text goes out compressed; done once here, the server only picks. */
function compress(): void {
  const folder = path.join(root, 'web/dist')
  for (const file of globSync('**/*.{html,js,css,svg}', { cwd: folder })) {
    const bytes = readFileSync(path.join(folder, file))
    if (bytes.length > 1024) writeFileSync(path.join(folder, `${file}.gz`), gzipSync(bytes, { level: 9 }))
  }
}

/** What the build depends on: names, sizes and contents. Times would change with every checkout. */
function sourceStamp(): string {
  const files = globSync(
    [
      'package-lock.json',
      'web/{index.html,package.json,vite.config.ts}',
      'web/{src,public}/**/*',
      'src/core/*.ts',
    ],
    { cwd: root },
  ).sort()
  const hash = createHash('sha256')
  for (const file of files) {
    const absolute = path.join(root, file)
    if (!statSync(absolute).isFile() || /\.test\.tsx?$/.test(file)) continue
    hash.update(`${file}\n`).update(readFileSync(absolute))
  }
  return hash.digest('hex')
}
