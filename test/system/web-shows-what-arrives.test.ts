import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test, { after, before, describe } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openPage } from '../../web/dev/browser.ts'
import { needs, toolPath } from '../support/needs.ts'
import { SluiceProcess } from '../support/sluice-process.ts'

const root = path.resolve(import.meta.dirname, '../..')

describe('the web app in a real browser, of the real program', { skip: needs('chromium') }, () => {
  let browser: Browser
  let data: string
  let sluice: SluiceProcess

  before(async () => {
    execFileSync(process.execPath, [path.join(root, 'scripts/build-web.ts')])
    data = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-web-'))
    sluice = await SluiceProcess.start({ data })
    browser = await openBrowser(toolPath('chromium'))
  })
  after(async () => {
    await browser?.close()
    await sluice?.stop()
    await fs.rm(data, { recursive: true, force: true })
  })

  const url = (place = '') => `http://127.0.0.1:${sluice.httpPort}/app${place}`

  async function send(reading: object): Promise<Response> {
    return fetch(`http://127.0.0.1:${sluice.httpPort}/api/v1/readings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(reading),
    })
  }

  test('a newcomer is told what to type, and what was typed is there within seconds', async () => {
    const { page, faults } = await openPage(browser, { width: 1280, height: 860 })
    await page.goto(url())
    await page.getByText('Nothing has arrived yet').waitFor()
    const line = await page.getByText('mosquitto_pub').innerText()
    assert.match(
      line,
      new RegExp(`-h 127\\.0\\.0\\.1 -p ${sluice.mqttPort} -q 1 -t dev/test-device/temperature`),
    )

    const begun = Date.now()
    await send({ device: 'test-device', temperature: 25.5 })
    await page.getByRole('link', { name: 'test-device' }).waitFor()
    assert.ok(Date.now() - begun < 3000, `${Date.now() - begun} ms`)
    const row = page.getByRole('row', { name: /test-device/ })
    await row.getByText('25.5').waitFor()

    // From here on the row follows live.
    const sent = Date.now()
    await send({ device: 'test-device', temperature: 26.25 })
    await row.getByText('26.25').waitFor()
    assert.ok(Date.now() - sent < 3000, `${Date.now() - sent} ms`)
    await page.getByRole('region', { name: 'Books' }).getByText('balanced').first().waitFor()
    assert.deepEqual(faults, [])
    await page.context().close()
  })

  test('a device shows history joined with live, outlives kill -9 of the server, and misses nothing', async () => {
    const device = 'site1/pump 1'
    const start = Date.now() - 60_000
    for (let i = 0; i < 20; i++) await send({ device, pressure: 4 + i / 100, timestamp: start + i * 3000 })
    const { page, faults } = await openPage(browser, { width: 1280, height: 860 })
    await page.goto(url(`/devices/${encodeURIComponent(device)}`))
    await page.getByRole('heading', { level: 1, name: device }).waitFor()
    await page.getByText('every row, 20 points').waitFor()
    await page.getByRole('img', { name: /pressure over time/ }).waitFor()

    await send({ device, pressure: 5.125 })
    await page.getByRole('region', { name: 'pressure' }).getByText('5.125').waitFor()
    await page.getByText('every row, 21 points').waitFor()

    const overview = await openPage(browser, { width: 1280, height: 860 })
    await overview.page.goto(url())
    const row = overview.page.getByRole('row', { name: new RegExp(device) })
    await row.getByText('5.125').waitFor()
    const stale = overview.page.getByText('The server does not answer.')
    assert.equal(await stale.count(), 0)

    sluice.killTree()
    await sluice.closed
    await page.getByText('Not connected').waitFor()
    // What was read stays, and says how old it is.
    await stale.waitFor()
    await row.getByText('5.125').waitFor()
    const { mqttPort, httpPort } = sluice
    sluice = await SluiceProcess.start({ data, mqttPort, httpPort })
    // Before the page is connected again.
    await send({ device, pressure: 6.5 })
    await page.getByRole('status').getByText('Live').waitFor()
    await page.getByRole('region', { name: 'pressure' }).getByText('6.5').waitFor()
    await page.getByText('every row, 22 points').waitFor()
    await row.getByText('6.5').waitFor()
    await stale.waitFor({ state: 'detached' })
    // An answer that was under way when the server was killed.
    const isCut = (fault: string) => fault.includes('ERR_INCOMPLETE_CHUNKED_ENCODING')
    assert.deepEqual(
      [...faults, ...overview.faults].filter((fault) => !isCut(fault)),
      [],
    )
    await overview.page.context().close()
    await page.context().close()
  })

  test('of many devices one page is read; any part of a name finds one, and going back finds the search', async () => {
    const many = Array.from({ length: 60 }, (_, i) => ({ device: `many/Sensor-${i + 100}`, level: i }))
    assert.equal((await send(many)).status, 202)
    const { page, faults } = await openPage(browser, { width: 1280, height: 860 })
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.goto(url())
    await page.getByRole('link', { name: 'many/Sensor-100' }).waitFor()
    const pages = page.getByRole('navigation', { name: 'Pages of devices' })
    await pages.getByText('1 to 25 of 62').waitFor()
    assert.deepEqual(
      asked.filter((request) => /devices\?(?!.*limit=25)/.test(request)),
      [],
    )

    // By keyboard alone, to the last page: the button keeps the focus.
    await pages.getByRole('button', { name: 'Next' }).focus()
    await page.keyboard.press('Enter')
    await pages.getByText('26 to 50 of 62').waitFor()
    await page.getByRole('link', { name: 'many/Sensor-125' }).waitFor()
    await page.keyboard.press('Enter')
    await pages.getByText('51 to 62 of 62').waitFor()
    await page.getByRole('link', { name: 'test-device' }).waitFor()
    assert.equal(await page.locator(':focus').innerText(), 'Next')

    await page.getByRole('searchbox').fill('sensor-14')
    await page.getByRole('link', { name: 'many/Sensor-149' }).waitFor()
    assert.equal(await page.getByRole('row').count(), 11)
    await page.getByRole('link', { name: 'many/Sensor-142' }).click()
    await page.getByRole('heading', { level: 1, name: 'many/Sensor-142' }).waitFor()
    await page.goBack()
    await page.getByRole('link', { name: 'many/Sensor-149' }).waitFor()
    assert.equal(await page.getByRole('searchbox').inputValue(), 'sensor-14')
    await page.getByRole('searchbox').fill('nothing')
    await page.getByRole('button', { name: 'Show all' }).click()
    await pages.getByText('1 to 25 of 62').waitFor()
    assert.deepEqual(faults, [])
    await page.context().close()
  })

  test('a device of any name opens by its link and again when the page is loaded anew', async () => {
    const { page, faults } = await openPage(browser, { width: 1280, height: 860 })
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    for (const device of ['.', '..', '~', '100%']) {
      await send({ device, level: 1 })
      await page.goto(url())
      await page.getByRole('searchbox').fill(device)
      await page.getByRole('link', { name: device, exact: true }).click()
      await page.getByRole('heading', { level: 1, name: device, exact: true }).waitFor()
      await page.reload()
      await page.getByRole('region', { name: 'level' }).waitFor()
    }
    // A parameter that means nothing counts as absent.
    await page.goto(url('/devices/100%25?from=zz&to=zzz&range=never&metrics=3'))
    await page.getByText('every row, 1 point').waitFor()
    assert.deepEqual(
      asked.filter((request) => request.includes('NaN')),
      [],
    )
    assert.deepEqual(faults, [])
    await page.context().close()
  })

  test('a drag over the chart looks closer, going back undoes it, and the export is the shown time', async () => {
    const { page, faults } = await openPage(browser, { width: 1280, height: 860 })
    await page.goto(url(`/devices/${encodeURIComponent('site1/pump 1')}?range=1h`))
    const chart = page.getByRole('img', { name: /pressure over time/ })
    const box = await chart.boundingBox()
    assert.ok(box !== null)
    await page.getByText('every row').waitFor()
    const y = box.y + box.height / 2
    await page.mouse.move(box.x + box.width * 0.5, y)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.75, y, { steps: 6 })
    await page.mouse.up()
    await page.waitForURL(/from=\d+/)
    const shown = new URL(page.url()).searchParams
    const lengthMs = Number(shown.get('to')) - Number(shown.get('from'))
    assert.ok(lengthMs > 600_000 && lengthMs < 1_200_000, `${lengthMs} ms`)
    await page.goBack()
    await page.waitForURL((address) => !address.searchParams.has('from'))

    await page.getByRole('button', { name: 'Export' }).click()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'CSV' }).click(),
    ])
    const lines = (await fs.readFile(await download.path(), 'utf8')).trim().split('\n')
    assert.equal(lines.length, 23, lines.slice(0, 3).join('\n'))
    assert.deepEqual(faults, [])
    await page.context().close()
  })

  test('a dead letter can be found by its code and read as it came', async () => {
    const answer = await send({ device: 'odd', temperature: 1, timestamp: 'yesterday' })
    assert.equal(answer.status, 400)
    await publishBad()
    const { page, faults } = await openPage(browser, { width: 1280, height: 860 })
    await page.goto(url('/dead-letters'))
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.getByLabel('Code').selectOption('undecodable')
    await page.waitForURL(/code=undecodable/)
    await page.getByRole('table').getByRole('button').first().click()
    const drawer = page.getByRole('dialog')
    await drawer.getByText('dev/odd/temperature').waitFor()
    assert.ok(asked.some((request) => /dead-letters\?.*bytes=omit/.test(request)))
    await drawer.getByText('{"value": 4.21, "qual').waitFor()
    await drawer.getByRole('button', { name: 'Hex' }).click()
    await drawer.getByText('7b 22 76 61 6c 75 65 22').waitFor()
    await page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'detached' })
    assert.deepEqual(faults, [])
    await page.context().close()
  })

  test('a dead letter is corrected and replayed, another discarded, and all that fit are tried at once', async () => {
    for (const _ of [1, 2, 3]) await publishBad()
    const { page, faults } = await openPage(browser, { width: 1280, height: 900 })
    await page.goto(url('/dead-letters?device=odd'))
    const rows = page.getByRole('table').getByRole('button')
    const drawer = page.getByRole('dialog')
    await rows.nth(2).waitFor()
    const before = await rows.count()
    await rows.first().click()
    const text = drawer.getByRole('textbox')
    assert.equal(await text.inputValue(), '{"value": 4.21, "qual')
    await drawer.getByRole('button', { name: 'Replay', exact: true }).click()
    await drawer.getByRole('alert').getByText('it fails again, and stays').waitFor()
    await text.fill('{"value": 4.21}')
    await drawer.getByRole('button', { name: 'Replay corrected' }).click()
    await drawer.getByRole('status').getByText('1 reading of it is stored').waitFor()
    await page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'detached' })
    await rows.nth(before - 2).waitFor()
    await rows.nth(before - 1).waitFor({ state: 'detached' })

    await rows.first().click()
    await drawer.getByRole('button', { name: 'Discard…' }).click()
    await drawer.getByRole('button', { name: 'Yes, discard' }).click()
    await drawer.getByRole('status').getByText('discarded').waitFor()
    await page.keyboard.press('Escape')
    await rows.nth(before - 2).waitFor({ state: 'detached' })

    await page.getByRole('button', { name: 'Replay all that fit…' }).click()
    const question = page.getByRole('alertdialog')
    await question.getByText(`Replay ${before - 2} letter`).waitFor()
    await question.getByRole('button', { name: 'Replay' }).click()
    await question.getByRole('status').getByText('0 letters replayed').waitFor()
    await question.getByRole('button', { name: 'Close' }).click()
    // The browser notes an answer that says no.
    assert.deepEqual(
      faults.filter((fault) => !fault.includes('status of 400')),
      [],
    )
    assert.equal((await latestOf('odd')).value, 4.21)
    await page.context().close()
  })

  test('every page fits a small phone, and the keyboard reaches its content first', async () => {
    const places = [
      { place: '', shows: 'Sensor-100' },
      { place: `/devices/${encodeURIComponent('site1/pump 1')}`, shows: 'every row, 22 points' },
      { place: '/dead-letters', shows: 'undecodable' },
      { place: '/codes', shows: 'series-limit' },
      { place: '/nowhere', shows: 'There is no such page' },
    ]
    for (const { place, shows } of places) {
      const { page, faults } = await openPage(browser, { width: 360, height: 700, scheme: 'dark' })
      await page.goto(url(place))
      await page.locator('main').getByText(shows).filter({ visible: true }).first().waitFor()
      assert.ok((await overflow(page)) <= 0, `${place} scrolls sideways by ${await overflow(page)} px`)
      await page.keyboard.press('Tab')
      const focused = page.locator(':focus')
      assert.equal(await focused.innerText(), 'Skip to the content', place)
      await page.keyboard.press('Enter')
      assert.equal(await page.locator(':focus').getAttribute('id'), 'content', place)
      assert.deepEqual(faults, [], place)
      await page.context().close()
    }
  })

  async function latestOf(device: string): Promise<{ value: unknown }> {
    const answer = await fetch(`http://127.0.0.1:${sluice.httpPort}/api/v1/latest?device=${device}`)
    const { latest } = (await answer.json()) as { latest: { value: unknown }[] } // its documented shape
    assert.equal(latest.length, 1)
    return latest[0] ?? assert.fail()
  }

  async function publishBad(): Promise<void> {
    const { connectAsync } = await import('mqtt')
    const client = await connectAsync(`mqtt://127.0.0.1:${sluice.mqttPort}`)
    await client.publishAsync('dev/odd/temperature', '{"value": 4.21, "qual', { qos: 1 })
    await client.endAsync()
  }
})

function overflow(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}
