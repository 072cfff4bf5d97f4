import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { type FileContents, readFiles, watchFiles } from './watched-files.ts'

async function watched(t: TestContext, files: readonly string[]) {
  const told: FileContents[] = []
  let wake = (): void => {}
  const stop = watchFiles(
    files,
    await readFiles(files),
    (contents) => {
      told.push(contents)
      wake()
    },
    5,
  )
  const keep = setInterval(() => {}, 1_000) // the watch alone keeps no process
  t.after(() => {
    stop()
    clearInterval(keep)
  })
  return async (): Promise<string> => {
    while (told.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    const contents = told.shift()
    return contents instanceof Error || contents === undefined
      ? String(contents)
      : contents.map((bytes) => Buffer.from(bytes).toString()).join()
  }
}

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-watch-'))
  t.after(() => fs.rmSync(made, { recursive: true }))
  return made
}

test('a file written in place, renamed over, gone and back is told each time', async (t) => {
  const file = path.join(folder(t), 'a')
  fs.writeFileSync(file, '1')
  const next = await watched(t, [file])
  fs.writeFileSync(file, '2')
  assert.equal(await next(), '2')
  fs.writeFileSync(`${file}.new`, '3')
  fs.renameSync(`${file}.new`, file)
  assert.equal(await next(), '3')
  fs.rmSync(file)
  assert.match(await next(), /ENOENT/)
  fs.writeFileSync(file, '3')
  assert.equal(await next(), '3')
})

test('another target of a symlink above the files is told once, with all of them', async (t) => {
  const root = folder(t)
  for (const version of ['1', '2']) {
    fs.mkdirSync(path.join(root, version))
    for (const name of ['a', 'b']) fs.writeFileSync(path.join(root, version, name), name + version)
  }
  // As a volume of Kubernetes: a → ..data/a, ..data → 1.
  fs.symlinkSync('1', path.join(root, '..data'))
  const files = ['a', 'b'].map((name) => path.join(root, name))
  for (const file of files) fs.symlinkSync(path.join('..data', path.basename(file)), file)
  const next = await watched(t, files)
  fs.symlinkSync('2', path.join(root, '..data_tmp'))
  fs.renameSync(path.join(root, '..data_tmp'), path.join(root, '..data'))
  assert.equal(await next(), 'a2,b2')
})
