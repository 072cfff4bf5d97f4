import { type Browser, chromium, type Page } from 'playwright-core'

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

/** A headless Chromium with a fresh profile. */
export function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: flags })
}

export interface WatchedPage {
  readonly page: Page
  /** Errors that scripts threw or the console was told, and requests to other places than this machine. */
  readonly faults: string[]
}

/** A page that notes everything that no page of ours may do. */
export async function openPage(
  browser: Browser,
  options: { readonly width: number; readonly height: number; readonly scheme?: 'light' | 'dark' },
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: options.width, height: options.height },
    colorScheme: options.scheme ?? 'light',
    timezoneId: 'America/Bogota',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    // A server that is down shows in the console whatever the page does about it.
    if (
      message.type() === 'error' &&
      !/ERR_CONNECTION_|ERR_SOCKET_NOT_CONNECTED|WebSocket connection/.test(message.text())
    )
      faults.push(message.text())
  })
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url())
    if (protocol !== 'data:' && protocol !== 'blob:' && hostname !== '127.0.0.1') faults.push(request.url())
  })
  return { page, faults }
}
