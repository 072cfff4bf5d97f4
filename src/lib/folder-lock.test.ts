import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { lockFolder } from './folder-lock.ts'

const temporaryFolder = (t: TestContext): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-lock-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return folder
}

/** A second process that takes the lock, says how that went, and stays until it is killed. */
async function lockElsewhere(t: TestContext, folder: string): Promise<{ child: ChildProcess; said: string }> {
  const module = JSON.stringify(path.join(import.meta.dirname, 'folder-lock.ts'))
  const program = `
    import { lockFolder } from ${module}
    try { lockFolder(${JSON.stringify(folder)}); console.log('locked') }
    catch (error) { console.log(error.code + ': ' + error.message) }
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, said: said.toString().trim() }
}

test('a folder that does not exist is created and locked', (t) => {
  const folder = path.join(temporaryFolder(t), 'a', 'b')
  lockFolder(folder).release()
  assert.ok(fs.existsSync(folder))
})

test('the same process cannot take a folder twice, and can again after release', (t) => {
  const folder = temporaryFolder(t)
  const lock = lockFolder(folder)
  assert.throws(() => lockFolder(folder), { name: 'SluiceError', code: 'log-locked' })
  lock.release()
  lock.release()
  lockFolder(folder).release()
})

test('another process that holds the folder is named as the reason in clear words', async (t) => {
  const folder = temporaryFolder(t)
  const { said } = await lockElsewhere(t, folder)
  assert.equal(said, 'locked')
  assert.throws(() => lockFolder(folder), {
    code: 'log-locked',
    message: `the data folder ${folder} is in use by another running Sluice`,
  })
})

test('another process is refused a folder that we hold', async (t) => {
  const folder = temporaryFolder(t)
  const lock = lockFolder(folder)
  const { said } = await lockElsewhere(t, folder)
  assert.match(said, /^log-locked: the data folder .* is in use/)
  lock.release()
})

test('the lock of a process ended by kill -9 is free at once', async (t) => {
  const folder = temporaryFolder(t)
  const { child, said } = await lockElsewhere(t, folder)
  assert.equal(said, 'locked')
  child.kill('SIGKILL')
  await once(child, 'exit')
  lockFolder(folder).release()
})

test('a data folder that is a file, or lies below one, is refused in clear words', (t) => {
  const file = path.join(temporaryFolder(t), 'data')
  fs.writeFileSync(file, '')
  for (const data of [file, path.join(file, 'below')])
    assert.throws(() => lockFolder(data), {
      code: 'config-invalid',
      message: `the data folder ${data} cannot be used: it is a file, or lies below one; choose another with --data FOLDER`,
    })
})

test('a data folder in which nothing can be opened is refused by its name', (t) => {
  const folder = temporaryFolder(t)
  // Stands for a folder without permission: root, as whom tests may run, has every permission.
  fs.mkdirSync(path.join(folder, 'lock'))
  assert.throws(
    () => lockFolder(folder),
    (error: Error & { code?: string }) =>
      error.code === 'config-invalid' &&
      error.message.startsWith(`the data folder ${folder} cannot be used: unable to open database file`),
  )
})

test('a lock file of other bytes is named, with what to do', (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'lock')
  fs.writeFileSync(file, 'no database')
  assert.throws(() => lockFolder(folder), {
    code: 'config-invalid',
    message: `the file ${file} is damaged; it holds no data: remove it if no other Sluice runs on this data folder`,
  })
  fs.rmSync(file)
  lockFolder(folder).release()
})
