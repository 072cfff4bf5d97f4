import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { openBrowser, openPage } from './browser.ts'

/*
 * Takes the pictures of docs/images from a running Sluice that has the made-up fleet (feed.ts) and some dead letters:
 * `node web/dev/screenshots.ts --url http://127.0.0.1:8080 --to docs/images`. Look at them afterwards.
 */
const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    to: { type: 'string', default: path.resolve(import.meta.dirname, '../../docs/images') },
    chromium: { type: 'string', default: process.env['CHROMIUM'] ?? '/usr/bin/chromium' },
    /** For the rate of the last minutes to have a shape. */
    settle: { type: 'string', default: '20' },
    /** Only pictures whose names hold this. */
    only: { type: 'string', default: '' },
  },
})

interface Shot {
  readonly name: string
  readonly place: string
  readonly scheme: 'light' | 'dark'
  readonly width: number
  readonly height: number
  readonly act?: (page: Page) => Promise<void>
}

const desktop = { width: 1280, height: 800 }
const phone = { width: 380, height: 780 }
const pump = `/devices/${encodeURIComponent('site1/pump-01')}`
const openHex = async (page: Page) => {
  await page.getByRole('button', { name: /UTF-8/ }).first().click()
  await page.getByRole('dialog').waitFor()
}
const pages = [
  { name: 'overview', place: '' },
  { name: 'device', place: `${pump}?range=1h` },
  { name: 'dead-letters', place: '/dead-letters' },
  { name: 'dead-letter', place: '/dead-letters', act: openHex },
]
const shots: Shot[] = pages.flatMap((page) => [
  { ...page, name: `${page.name}-light`, scheme: 'light', ...desktop },
  { ...page, name: `${page.name}-dark`, scheme: 'dark', ...desktop },
  { ...page, name: `${page.name}-phone-light`, scheme: 'light', ...phone },
  { ...page, name: `${page.name}-phone-dark`, scheme: 'dark', ...phone },
])

await mkdir(values.to, { recursive: true })
const browser = await openBrowser(values.chromium)
for (const { name, place, act, ...look } of shots.filter((shot) => shot.name.includes(values.only))) {
  const { page, faults } = await openPage(browser, look)
  await page.goto(`${values.url}/app${place}`)
  await page.waitForTimeout(place === '' ? Number(values.settle) * 1000 : 3000)
  await act?.(page)
  await page.waitForTimeout(500)
  await page.screenshot({ path: path.join(values.to, `${name}.png`) })
  for (const fault of faults) process.stdout.write(`${name}: ${fault}\n`)
  await page.context().close()
}
await browser.close()
