// What people do, in a real browser: the broker, the simulated upstreams and apps of others, each on an origin of its own. Whatever
// the browser complains of on any page (a blocked form, style or picture) fails the test.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer, type AddressInfo } from 'node:net'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { startDocumentApp, type DocumentApp } from '../../demo/document-app/server.ts'
import { createVisitor } from '../../demo/upstreams/visitor.ts'
import { secretOf, testSetting, type TestSetting } from '../support/app.ts'
import { launchChromium } from '../support/chromium.ts'
import { startPlainApp, type PlainApp } from './plain-app.ts'

const SCOPES = 'profile, email, company, provider_id'
const DOCUMENT_APPS = ['paperwork', 'signet'] as const
const PLAIN_APPS = ['members', 'desk'] as const
type AppName = (typeof DOCUMENT_APPS)[number] | (typeof PLAIN_APPS)[number]

let browser: Browser
let setting: TestSetting
const documentApps: DocumentApp[] = []
const plainApps: PlainApp[] = []
/** Each app's front page. */
const urls = {} as Record<AppName, string>

const resourceOf = (name: string): string => `https://${name}.example/api`

const confidential = (name: AppName, more: string): string => `
  - id: ${name}
    name: ${name}
    secret: ${secretOf(name)}
    redirectUris: ['${urls[name]}callback']
    postLogoutRedirectUris: ['${urls[name]}']
    scopes: [${SCOPES}]
    ${more}
`

beforeAll(async () => {
  // The broker's address is needed to start the document apps, theirs to register them.
  const [port, ...ports] = await freePorts(3)
  for (const [index, name] of DOCUMENT_APPS.entries()) urls[name] = `http://localhost:${ports[index]}/`
  for (const [index, name] of PLAIN_APPS.entries()) {
    const app = await startPlainApp(index === 0 ? 'localhost' : '127.0.0.1')
    plainApps.push(app)
    urls[name] = app.url
  }
  setting = await testSetting({
    port: port ?? 0,
    clients: [
      ...DOCUMENT_APPS.map((name) =>
        confidential(name, `resources: { '${resourceOf(name)}': { scopes: documents } }`),
      ),
      confidential('members', 'admission: { domains: [members.example] }'),
      // Any port will do (RFC 8252 §7.3).
      `
  - id: desk
    name: desk
    kind: public
    redirectUris: ['http://127.0.0.1/callback']
    scopes: [${SCOPES}]
`,
    ].join(''),
  })
  for (const [index, name] of DOCUMENT_APPS.entries()) {
    const app = await startDocumentApp({
      port: ports[index] ?? 0,
      name,
      issuer: setting.issuer,
      clientId: name,
      clientSecret: secretOf(name),
      resource: resourceOf(name),
      apiAudience: resourceOf(name),
    })
    documentApps.push(app)
  }
  const scope = `openid ${SCOPES.replaceAll(',', '')}`
  await plainApps[0]?.connect(setting.issuer, { id: 'members', secret: secretOf('members'), scope })
  await plainApps[1]?.connect(setting.issuer, { id: 'desk', scope })
  browser = await launchChromium()
}, 60_000)

afterAll(async () => {
  await browser?.close()
  await Promise.all([...documentApps, ...plainApps].map((app) => app.close()))
  await setting?.close()
})

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  for (const server of servers)
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  for (const server of servers)
    await new Promise((resolve) => {
      server.close(resolve)
    })
  return ports
}

jest.setTimeout(60_000)

let complaints: string[]
const contexts: BrowserContext[] = []
beforeEach(() => {
  complaints = []
})
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()))
  expect(complaints).toEqual([])
})

/** A person's browser with no cookies yet. */
async function person(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options })
  contexts.push(context)
  context.setDefaultTimeout(15_000)
  await context.exposeFunction('complain', (what: string) => complaints.push(what))
  await context.addInitScript(
    `document.addEventListener('securitypolicyviolation', (e) => complain(e.effectiveDirective + ' ' + e.blockedURI))`,
  )
  context.on('console', (message) => {
    // The simulated upstreams have no icon.
    if (message.location().url === `${setting.upstreams.origin}/favicon.ico`) return
    if (message.type() === 'error' || message.type() === 'warning')
      complaints.push(`${new URL(message.page()?.url() ?? 'about:blank').pathname}: ${message.text()}`)
  })
  context.on('weberror', (error) => complaints.push(error.error().message))
  return context
}

/** Opens an app and presses its link; the broker's sign-in page, or wherever the person ends. */
async function openApp(context: BrowserContext, app: AppName): Promise<Page> {
  const page = await context.newPage()
  await page.goto(urls[app])
  await page.click('a[href="/login"]')
  return page
}

async function choose(page: Page, connector: string, who: string): Promise<void> {
  await page.click(`button[name=connector][value=${connector}]`)
  await page.click(`button[name=person][value=${who}]`)
}

async function agree(page: Page, boxes: readonly string[] = []): Promise<void> {
  for (const box of ['adult', ...boxes]) await page.check(`#${box}`)
  await page.click('button[value=agree]')
}

/** Waits for an app's front page, which may be told that the sign-out is done. */
const backAt = (page: Page, app: AppName): Promise<void> =>
  page.waitForURL(({ origin, pathname }) => `${origin}/` === urls[app] && pathname === '/')

/** Waits for an app's page of who is signed in; their name. */
async function greeted(page: Page, app: AppName): Promise<string> {
  const isPlain = PLAIN_APPS.some((name) => name === app)
  await page.waitForURL(isPlain ? urls[app] : `${urls[app]}documents`)
  const heading = await page.textContent(isPlain ? '#name' : 'h1')
  return (heading ?? '').replace('Hello, ', '')
}

/** What Chromium itself notes of a page that answers 403. */
const refused = (path: string): RegExp => new RegExp(`^${path}: Failed to load resource: [^,]* 403 [^,]*$`)

describe('a person', () => {
  test('signs in with Google, is known to a second app without a click, signs out, and is asked again', async () => {
    const context = await person()
    const page = await openApp(context, 'paperwork')
    expect(await page.textContent('h1')).toBe('Sign in to paperwork')
    await choose(page, 'google', 'dana')
    expect(await page.textContent('h1')).toBe('Check what we keep about you')
    await agree(page, ['picture', 'company'])
    expect(await greeted(page, 'paperwork')).toBe('Dana Reyes')
    // The picture is the broker's, and it loads in the app's page.
    const width = await page.evaluate<number>(
      "document.querySelector('img.avatar').decode().then(() => document.querySelector('img.avatar').naturalWidth)",
    )
    expect(width).toBeGreaterThan(0)

    const second = await openApp(context, 'signet')
    expect(await greeted(second, 'signet')).toBe('Dana Reyes')

    await page.click('text="Sign out"')
    expect(await page.textContent('h1')).toBe('Do you want to sign out here too?')
    await page.click('button[name=logout]')
    await backAt(page, 'paperwork')
    await page.click('a[href="/login"]')
    expect(await page.textContent('h1')).toBe('Sign in to paperwork')

    // Known by now: no confirm page.
    await choose(page, 'google', 'dana')
    expect(await greeted(page, 'paperwork')).toBe('Dana Reyes')
  })

  test('signs in with Microsoft in another browser', async () => {
    const page = await openApp(await person(), 'paperwork')
    await choose(page, 'microsoft', 'robin')
    await agree(page, ['company'])
    expect(await greeted(page, 'paperwork')).toBe('Robin Vale')
    expect(await page.textContent('.greeting')).toMatch(/robin@larkspur\.example[^]*Larkspur Legal LLP/)
    expect(await page.textContent('span.avatar')).toBe('RV')
  })

  test('may stay signed in here when they leave an app', async () => {
    const context = await person()
    const page = await openApp(context, 'paperwork')
    await choose(page, 'google', 'theo')
    await agree(page)
    await greeted(page, 'paperwork')
    await page.click('text="Sign out"')
    await page.click('text=Stay signed in')
    await backAt(page, 'paperwork')
    await page.click('a[href="/login"]')
    expect(await greeted(page, 'paperwork')).toBe('Theo Lindqvist')
  })

  test('without a picture is shown by initials, on our page and in the app', async () => {
    const page = await openApp(await person(), 'paperwork')
    await choose(page, 'google', 'noor')
    expect(await page.locator('.person').textContent()).toContain('NH')
    expect(await page.locator('#picture').count()).toBe(0)
    await agree(page)
    expect(await greeted(page, 'paperwork')).toBe('Noor Haddad')
    expect(await page.textContent('span.avatar')).toBe('NH')
  })

  test('who declines is back at the app, which is told so, and is asked again the next time', async () => {
    const page = await openApp(await person(), 'paperwork')
    await choose(page, 'google', 'ines')
    await page.click('button[value=decline]')
    await page.waitForURL(`${urls.paperwork}callback?**`)
    expect(await page.textContent('.error')).toContain('access_denied')
    expect(complaints.splice(0).join()).toMatch(refused('/callback'))
    await page.click('text=Try again')
    await choose(page, 'google', 'ines')
    expect(await page.textContent('h1')).toBe('Check what we keep about you')
  })

  test('who cancels upstream may choose another way', async () => {
    const page = await openApp(await person(), 'paperwork')
    await page.click('button[value=google]')
    await page.click('text=Cancel')
    expect(await page.textContent('[role=status]')).toContain('You stopped the sign-in')
    await choose(page, 'oidc', 'ola')
    await agree(page)
    expect(await greeted(page, 'paperwork')).toBe('Ola Nordmann')
  })

  test('reads German where their browser asks for it', async () => {
    const page = await openApp(await person({ locale: 'de-DE' }), 'paperwork')
    expect(await page.getAttribute('html', 'lang')).toBe('de')
    expect(await page.textContent('h1')).toBe('Bei paperwork anmelden')
    await choose(page, 'microsoft', 'mina')
    expect(await page.textContent('h1')).toBe('Prüfen Sie, was wir über Sie speichern')
    await agree(page)
    await greeted(page, 'paperwork')
    await page.click('text="Sign out"')
    expect(await page.getAttribute('html', 'lang')).toBe('de')
  })

  test('in two tabs at once finishes in both', async () => {
    const context = await person()
    const [one, two] = [await openApp(context, 'paperwork'), await openApp(context, 'signet')]
    await choose(one, 'google', 'amara')
    await choose(two, 'google', 'amara')
    await Promise.all([agree(one, ['picture']), agree(two)])
    expect(await Promise.all([greeted(one, 'paperwork'), greeted(two, 'signet')])).toEqual([
      'Amara Okafor',
      'Amara Okafor',
    ])
  })
})

describe('an app that does not admit the account', () => {
  test('is told apart on a page that says what to do, and offers another try', async () => {
    const page = await openApp(await person(), 'members')
    await choose(page, 'google', 'dana')
    expect(await page.textContent('h1')).not.toBe('')
    expect(await page.textContent('.support')).toContain('not_admitted')
    expect(complaints.splice(0).join()).toMatch(refused('/callback/google'))
    await page.click('a.primary')
    expect(await page.textContent('h1')).toBe('Sign in to members')
  })

  test('gets nothing from the session of another app', async () => {
    const context = await person()
    const page = await openApp(context, 'paperwork')
    await choose(page, 'google', 'nameless')
    await agree(page)
    await greeted(page, 'paperwork')
    const other = await openApp(context, 'members')
    expect(await other.textContent('h1')).toBe('Sign in to members')
    expect(await other.textContent('[role=status]')).toContain('does not accept the account')
  })
})

describe('the form policy', () => {
  test('lets a native app on any loopback port be reached', async () => {
    const page = await openApp(await person(), 'desk')
    await choose(page, 'microsoft', 'kim')
    await agree(page)
    expect(await greeted(page, 'desk')).toBe('Kim Oduya')
  })

  test('lets a person through whom the upstream knows and asks nothing', async () => {
    const context = await person()
    const page = await openApp(context, 'signet')
    await choose(page, 'microsoft', 'lee')
    await agree(page)
    await greeted(page, 'signet')
    await page.click('text="Sign out"')
    await page.click('button[name=logout]')
    await backAt(page, 'signet')
    await page.click('a[href="/login"]')
    // The post's redirects run from our page through the upstream to the app without a stop.
    await page.route('**/sign-in/*', async (route) => {
      if (route.request().method() !== 'POST') return route.continue()
      const answer = await route.fetch({ maxRedirects: 0 })
      const callback = await createVisitor(setting.upstreams).signIn(
        answer.headers()['location'] ?? '',
        'lee',
      )
      return route.fulfill({
        status: 303,
        headers: { ...answer.headers(), location: callback.href },
      })
    })
    await page.click('button[value=microsoft]')
    expect(await greeted(page, 'signet')).toBe('Lee Marchetti')
  })
})

test('axe finds nothing on the live sign-in and confirm pages', async () => {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  // The page's own policy would keep axe out. Only here it is set aside.
  const page = await openApp(await person({ bypassCSP: true }), 'paperwork')
  const violations = async (): Promise<string[]> => {
    await page.evaluate(axe)
    return page.evaluate<string[]>(
      "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))",
    )
  }
  expect(await page.textContent('h1')).toBe('Sign in to paperwork')
  expect(await violations()).toEqual([])
  await choose(page, 'microsoft', 'jonas')
  expect(await page.textContent('h1')).toBe('Check what we keep about you')
  expect(await violations()).toEqual([])
})
