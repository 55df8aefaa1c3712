// The pages in a real browser, under the policy that production sends: accessible, usable by keyboard, at home on a small phone.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { LOCALES } from '../../../src/http/pages/locale.ts'
import { STYLESHEET } from '../../../src/http/pages/stylesheet.ts'
import { launchChromium } from '../../support/chromium.ts'
import { PAGES } from './samples.ts'

const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
const PHONE = { width: 390, height: 844 }
const DESKTOP = { width: 1280, height: 900 }

/** Path → page. */
const SITE = new Map<string, string>(
  LOCALES.flatMap((locale) =>
    Object.entries(PAGES).map(([name, make]) => [`/${locale}/${name}`, make(locale)] as const),
  ),
)
const everyPage = [...SITE.keys()]

let browser: Browser
let server: Server
let origin: string
const posted: string[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    void answer(request).then(({ status, type, body }) =>
      response.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY }).end(body),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('the server has no port')
  origin = `http://127.0.0.1:${address.port}`
  browser = await launchChromium()
})

afterAll(async () => {
  await browser?.close()
  server?.close()
})

async function answer(request: IncomingMessage) {
  const html = 'text/html; charset=utf-8'
  if (request.method === 'POST') {
    const body = (await request.toArray()).join('')
    posted.push(body)
    return { status: 200, type: html, body: `<!doctype html><title>posted</title>` }
  }
  if (request.url === STYLESHEET.path) return { status: 200, type: 'text/css', body: STYLESHEET.body }
  const page = SITE.get(request.url ?? '')
  return { status: page === undefined ? 404 : 200, type: html, body: page ?? '' }
}

/** Runs `use` with a page of its own; gives what the browser complained of. */
async function withPage(
  options: BrowserContextOptions,
  use: (page: Page) => Promise<void>,
): Promise<string[]> {
  const complaints: string[] = []
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  try {
    await use(page)
  } finally {
    await context.close()
  }
  return complaints
}

const focused = (page: Page) =>
  page.evaluate<string>(
    `(({ name, value, textContent }) => (name ? name + (name === 'decision' || name === 'connector' ? '=' + value : '') : textContent.trim()))(document.activeElement)`,
  )
const outlined = (page: Page) =>
  page.evaluate<boolean>(
    `(({ outlineStyle, outlineWidth }) => outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2)(getComputedStyle(document.activeElement))`,
  )
/** Presses Tab until the named control has the focus; each stop on the way must be visible. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let stops = 0; stops < 20; stops += 1) {
    await page.keyboard.press('Tab')
    expect(await outlined(page)).toBe(true)
    if ((await focused(page)) === name) return
  }
  throw new Error(`Tab never came to ${name}`)
}

describe('axe', () => {
  type Violation = { id: string; nodes: { html: string; failureSummary?: string }[] }

  test('finds nothing on any page: light and dark, phone and desktop, English and German', async () => {
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
    const found: unknown[] = []
    const look = (paths: readonly string[]) =>
      // The page's own policy would keep axe out. Only here it is set aside.
      withPage({ bypassCSP: true }, async (page) => {
        for (const path of paths) {
          await page.goto(`${origin}${path}`)
          await page.evaluate(axe)
          for (const colorScheme of ['light', 'dark'] as const)
            for (const size of [PHONE, DESKTOP]) {
              await page.emulateMedia({ colorScheme })
              await page.setViewportSize(size)
              const violations = await page.evaluate<Violation[]>(
                'axe.run().then((result) => result.violations)',
              )
              for (const { id, nodes } of violations)
                found.push({ path, colorScheme, width: size.width, id, at: nodes.map((node) => node.html) })
            }
        }
      })
    const half = Math.ceil(everyPage.length / 2)
    await Promise.all([look(everyPage.slice(0, half)), look(everyPage.slice(half))])
    expect(found).toEqual([])
  }, 30_000)
})

describe('every page', () => {
  test('loads under the policy without a complaint, and scrolls one way only at 320 pixels', async () => {
    const complaints = await withPage({ viewport: { width: 320, height: 568 } }, async (page) => {
      for (const path of everyPage) {
        await page.goto(`${origin}${path}`)
        const sheets = await page.evaluate<number>('document.styleSheets.length')
        const width = await page.evaluate<number>('document.documentElement.scrollWidth')
        expect({ path, sheets, width }).toEqual({ path, sheets: 1, width: 320 })
      }
    })
    expect(complaints).toEqual([])
  })

  test('keeps whole words on the screen when the text is twice as large', async () => {
    await withPage({ viewport: { width: 640, height: 900 } }, async (page) => {
      for (const path of everyPage) {
        await page.goto(`${origin}${path}`)
        await page.evaluate(`document.documentElement.style.setProperty('font-size', '200%')`)
        expect([path, await page.evaluate<number>('document.documentElement.scrollWidth')]).toEqual([
          path,
          640,
        ])
      }
    })
  })

  test('holds still for people who ask for less motion', async () => {
    const animations = 'document.getAnimations().length'
    await withPage({ reducedMotion: 'reduce' }, async (page) => {
      await page.goto(`${origin}/en/sign-in`)
      expect(await page.evaluate<number>(animations)).toBe(0)
    })
    await withPage({ reducedMotion: 'no-preference' }, async (page) => {
      await page.goto(`${origin}/en/sign-in`)
      expect(await page.evaluate<number>(animations)).toBe(5)
    })
  })
})

describe('with the keyboard alone', () => {
  test('a person chooses where to sign in', async () => {
    await withPage({}, async (page) => {
      await page.goto(`${origin}/en/sign-in`)
      await tabTo(page, 'connector=microsoft')
      await tabTo(page, 'connector=google')
      await page.keyboard.press('Enter')
      await page.waitForURL('**/connector')
    })
    expect(posted.pop()).toBe('connector=google')
  })

  test('a person keeps the company, agrees and goes on, and not without the required box', async () => {
    await withPage({}, async (page) => {
      await page.goto(`${origin}/en/confirm`)
      await tabTo(page, 'picture')
      await tabTo(page, 'company')
      await page.keyboard.press('Space')
      await tabTo(page, 'decision=agree')
      await page.keyboard.press('Enter')
      // The browser stops here and leads to the box.
      expect(await focused(page)).toBe('adult')
      expect(posted).toEqual([])
      await page.keyboard.press('Space')
      await tabTo(page, 'decision=agree')
      await page.keyboard.press('Enter')
      await page.waitForURL('**/interaction/1/confirm')
    })
    expect(posted.pop()).toBe('company=yes&adult=yes&decision=agree')
  })

  test('a person declines without a box', async () => {
    await withPage({}, async (page) => {
      await page.goto(`${origin}/de/confirm`)
      await tabTo(page, 'decision=decline')
      await page.keyboard.press('Enter')
      await page.waitForURL('**/interaction/1/confirm')
    })
    expect(posted.pop()).toBe('decision=decline')
  })

  test('a person follows the error to the box', async () => {
    await withPage({}, async (page) => {
      await page.goto(`${origin}/en/confirm-error`)
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.waitForURL('**#adult')
      expect(await focused(page)).toBe('adult')
    })
  })

  test('a person stays signed in, or signs out', async () => {
    await withPage({}, async (page) => {
      for (const [button, body] of [
        ['Stay signed in', 'xsrf=f00d'],
        ['logout', 'xsrf=f00d&logout=yes'],
      ] as const) {
        await page.goto(`${origin}/en/logout`)
        await tabTo(page, button)
        await page.keyboard.press('Enter')
        await page.waitForURL('**/session/end/confirm')
        expect(posted.pop()).toBe(body)
      }
    })
  })
})
