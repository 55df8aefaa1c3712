// The way upstream and back, bent in every place where somebody else could hold it: state, cookie, tab, path, time. RFC 9700 §4.4 and
// §4.7, attacks.md 25, 30, 31, 36, 41.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { appYaml, testApp, testBrowser, testSetting, type TestApp, type TestSetting } from '../support/app.ts'
import { launchChromium } from '../support/chromium.ts'
import {
  agree,
  atUpstream,
  attempt,
  changingNothing,
  claimsOf,
  comeBack,
  expectRefusal,
  isConfirm,
  newcomer,
  post,
  signInFully,
  sql,
} from './setting.ts'

let setting: TestSetting
let app: TestApp
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs') })
  app = await testApp(setting.issuer, 'docs')
  await signInFully(app, 'google', 'dana')
})
afterAll(() => setting.close())
beforeEach(() => {
  setting.lines.length = 0
})

const handleIn = (callback: URL): string => (callback.searchParams.get('state') ?? '').split('.')[0] ?? ''

describe('a callback', () => {
  // Dana is known: if any of these went through, she would be signed in at once.
  const returning = () => comeBack(setting, app, 'google', 'dana')

  test('without the cookie is refused', async () => {
    const { callback } = await returning()
    const page = await changingNothing(setting, () => testBrowser().open(callback))
    expectRefusal(setting, page, 400, 'sign_in_not_found')
  })

  test('in a browser with a sign-in of its own is refused, and that one goes on', async () => {
    const attacker = await returning()
    const victim = await returning()
    const page = await changingNothing(setting, () => victim.browser.open(attacker.callback))
    expectRefusal(setting, page, 400, 'sign_in_not_found')
    const claims = await claimsOf(app, await victim.browser.open(victim.callback), victim.sent)
    expect(claims.name).toBe('Dana Reyes')
  })

  test('with the state of one tab under the cookie of another is refused', async () => {
    const one = await returning()
    const other = await comeBack(setting, app, 'google', 'dana', one.browser.jar)
    const mixed = new URL(one.callback)
    const secret = one.callback.searchParams.get('state')?.split('.')[1] ?? ''
    mixed.searchParams.set('state', `${handleIn(other.callback)}.${secret}`)
    const page = await changingNothing(setting, () => one.browser.open(mixed))
    expectRefusal(setting, page, 400, 'sign_in_state_mismatch')
  })

  test('of two tabs finishes in either order', async () => {
    const one = await returning()
    const other = await comeBack(setting, app, 'google', 'dana', one.browser.jar)
    for (const { callback, sent } of [other, one])
      expect((await claimsOf(app, await one.browser.open(callback), sent)).name).toBe('Dana Reyes')
  })

  test('with a cookie that was moved from another tab’s name is refused', async () => {
    const one = await returning()
    const other = await comeBack(setting, app, 'google', 'dana', one.browser.jar)
    const cookies = await one.browser.jar.getCookies(one.callback.href)
    const name = (callback: URL) => `narrowgate-signin-${handleIn(callback)}`
    const value = cookies.find(({ key }) => key === name(one.callback))?.value
    await one.browser.jar.setCookie(
      `${name(other.callback)}=${value}; Path=/callback/google`,
      other.callback.href,
    )
    const page = await changingNothing(setting, () => one.browser.open(other.callback))
    expectRefusal(setting, page, 400, 'sign_in_state_mismatch')
  })

  test('counts once', async () => {
    const { browser, callback } = await returning()
    const cookies = await browser.jar.serialize()
    await browser.open(callback)
    const { CookieJar } = await import('tough-cookie')
    const again = testBrowser({ jar: await CookieJar.deserialize(cookies) })
    const page = await changingNothing(setting, () => again.open(callback))
    expectRefusal(setting, page, 400, 'sign_in_not_found')
  })

  test('opened eight times at once counts once', async () => {
    const { callback, browser } = await returning()
    const cookie = await browser.jar.getCookieString(callback.href)
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => fetch(callback, { headers: { cookie }, redirect: 'manual' })),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      303,
      ...Array<number>(7).fill(400),
    ])
  })

  test('that comes late is refused', async () => {
    const { browser, callback } = await returning()
    await sql(setting, 'update sign_in set expires_at = now() where taken_at is null')
    const page = await changingNothing(setting, () => browser.open(callback))
    expectRefusal(setting, page, 400, 'sign_in_not_found')
  })

  test('whose interaction is over is refused', async () => {
    const { browser, callback } = await returning()
    await sql(setting, "update record set expires_at = now() where model = 'Interaction'")
    const page = await changingNothing(setting, () => browser.open(callback))
    expectRefusal(setting, page, 400, 'interaction_expired')
  })

  const bent: readonly (readonly [string, (query: URLSearchParams) => void, string])[] = [
    [
      'with another secret in its state',
      (query) => bendState(query, (state) => `${state.slice(0, -3)}AAA`),
      'sign_in_state_mismatch',
    ],
    [
      'with a state cut short',
      (query) => bendState(query, (state) => state.slice(0, 17)),
      'sign_in_state_mismatch',
    ],
    [
      'with the state of an unknown interaction',
      (query) => bendState(query, () => `${'0'.repeat(16)}.x`),
      'sign_in_not_found',
    ],
    ['with a state of no known form', (query) => query.set('state', '__proto__'), 'sign_in_state_mismatch'],
    ['without a state', (query) => query.delete('state'), 'sign_in_state_mismatch'],
    ['with its state twice', (query) => query.append('state', query.get('state') ?? ''), 'bad_request'],
    ['with two codes', (query) => query.append('code', 'another'), 'bad_request'],
    [
      'with an unknown parameter twice',
      (query) => ['x', 'x'].forEach((name) => query.append(name, '1')),
      'bad_request',
    ],
    ['without code or error', (query) => query.delete('code'), 'upstream_invalid'],
    ['with an invented code', (query) => query.set('code', 'invented'), 'upstream_refused'],
    ['with code and error', (query) => query.set('error', 'server_error'), 'upstream_refused'],
    [
      'with the issuer of another upstream',
      (query) => query.set('iss', 'https://login.microsoftonline.com/common/v2.0'),
      'upstream_invalid',
    ],
  ]
  test.each(bent)('%s is refused', async (_what, bend, code) => {
    const { browser, callback } = await returning()
    const url = new URL(callback)
    bend(url.searchParams)
    const page = await changingNothing(setting, () => browser.open(url))
    if (code !== 'upstream_refused') {
      const status = code.startsWith('upstream') ? 502 : 400
      expectRefusal(setting, page, status, code)
      return
    }
    expect(page.url.searchParams.get('notice')).toBe(code)
    expect(setting.lines.map((line) => line.code)).toContain(code)
  })

  test('on another connector’s path is refused, even with the cookie carried there', async () => {
    const { browser, callback } = await returning()
    const elsewhere = new URL(callback)
    elsewhere.pathname = '/callback/oidc'
    expectRefusal(
      setting,
      await changingNothing(setting, () => browser.open(elsewhere)),
      400,
      'sign_in_not_found',
    )
    const [cookie] = await browser.jar.getCookies(callback.href)
    await browser.jar.setCookie(`${cookie?.key}=${cookie?.value}; Path=/callback/oidc`, elsewhere.href)
    const page = await changingNothing(setting, () => browser.open(elsewhere))
    expectRefusal(setting, page, 400, 'sign_in_state_mismatch')
  })

  test('of a connector that there is not is a page that is not there', async () => {
    const page = await changingNothing(setting, () =>
      testBrowser().open(`${setting.issuer}/callback/facebook?code=x&state=y`),
    )
    expectRefusal(setting, page, 404, 'not_found')
  })
})

const bendState = (query: URLSearchParams, bend: (state: string) => string): void =>
  query.set('state', bend(query.get('state') ?? ''))

describe('the sign-in page', () => {
  const opened = async () => {
    const browser = testBrowser()
    const page = await browser.open((await app.request()).url)
    return { browser, page }
  }

  test.each(['facebook', '__proto__', '', 'google '])('knows no connector %j', async (connector) => {
    const { browser, page } = await opened()
    const answer = await changingNothing(setting, () => post(page.url, browser.jar, { connector }))
    expectRefusal(setting, answer, 404, 'unknown_connector')
  })

  test('takes no empty post', async () => {
    const { browser, page } = await opened()
    const answer = await changingNothing(setting, () => post(page.url, browser.jar, {}))
    expectRefusal(setting, answer, 404, 'unknown_connector')
  })

  test.each(['', '/confirm'])('is nothing to a browser that has only its address (…%s)', async (suffix) => {
    const { page } = await opened()
    const url = new URL(`${page.url.pathname}${suffix}`, page.url)
    expectRefusal(setting, await testBrowser().open(url), 400, 'interaction_expired')
    const form = { connector: 'google', decision: 'agree', adult: 'yes' }
    const answer = await changingNothing(setting, () => post(url, testBrowser().jar, form))
    expectRefusal(setting, answer, 400, 'interaction_expired')
  })

  test('has nothing to confirm before the upstream has spoken', async () => {
    const { browser, page } = await opened()
    const url = new URL(`${page.url.pathname}/confirm`, page.url)
    const form = { decision: 'agree', adult: 'yes' }
    const answer = await changingNothing(setting, () => post(url, browser.jar, form))
    expectRefusal(setting, answer, 400, 'interaction_expired')
    expect((await browser.open(url)).url.pathname).toBe(page.url.pathname)
  })

  test.each([
    [{ origin: 'https://attacker.example' }],
    [{ origin: 'null' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ 'sec-fetch-site': 'none' }],
  ])('takes no post from another site (%j)', async (headers) => {
    const { browser, page } = await opened()
    const answer = await changingNothing(setting, () =>
      post(page.url, browser.jar, { connector: 'google' }, headers),
    )
    expectRefusal(setting, answer, 403, 'cross_site')
  })

  test('lets its form lead to every upstream and back to the app', async () => {
    const { browser, page } = await opened()
    const cookie = await browser.jar.getCookieString(page.url.href)
    const policy = (await fetch(page.url, { headers: { cookie } })).headers.get('content-security-policy')
    const upstream = setting.upstreams.origin
    expect(policy).toMatch(/form-action 'self' [^;]*https:/)
    expect(policy).toContain(upstream)
    expect(policy).toContain(new URL(app.redirectUri).origin)
  })
})

describe('the confirm page', () => {
  const asked = async () => {
    const { browser, page, sent } = await attempt(app, 'google', newcomer(setting, 'google'))
    expect(isConfirm(page)).toBe(true)
    return { browser, page, sent }
  }

  test('is not for another browser to agree on', async () => {
    const { page } = await asked()
    const stranger = await asked()
    const form = { decision: 'agree', adult: 'yes' }
    const answer = await changingNothing(setting, () => post(page.url, stranger.browser.jar, form))
    expectRefusal(setting, answer, 400, 'interaction_expired')
  })

  test.each([[{}], [{ decision: '' }], [{ decision: 'maybe' }], [{ adult: 'yes' }]])(
    'takes no post without a decision (%j), and waits on',
    async (form) => {
      const { browser, page, sent } = await asked()
      const answer = await changingNothing(setting, () => post(page.url, browser.jar, form))
      expectRefusal(setting, answer, 400, 'bad_request')
      expect((await claimsOf(app, await agree(browser, page), sent)).sub).toBeDefined()
    },
  )

  test('takes no agreement from another site', async () => {
    const { browser, page } = await asked()
    const form = { decision: 'agree', adult: 'yes' }
    const headers = { 'sec-fetch-site': 'cross-site', origin: setting.issuer }
    const answer = await changingNothing(setting, () => post(page.url, browser.jar, form, headers))
    expectRefusal(setting, answer, 403, 'cross_site')
  })

  test('agreed on twice makes one account', async () => {
    const { browser, page } = await asked()
    const form = { decision: 'agree', adult: 'yes' }
    const before = await sql<{ n: number }>(setting, 'select count(*)::int as n from account')
    const answers = await Promise.all([1, 2, 3].map(() => post(page.url, browser.jar, form)))
    expect(answers.every(({ status }) => status < 500)).toBe(true)
    const after = await sql<{ n: number }>(setting, 'select count(*)::int as n from account')
    expect((after[0]?.n ?? 0) - (before[0]?.n ?? 0)).toBe(1)
  })
})

test('an interaction that is over leads nowhere but to a clear page', async () => {
  const { browser, page } = await atUpstreamPage()
  await sql(setting, "delete from record where model = 'Interaction'")
  expectRefusal(setting, await browser.open(page.url), 400, 'interaction_expired')
})

async function atUpstreamPage() {
  const browser = testBrowser()
  return { browser, page: await browser.open((await app.request()).url) }
}

test('a real browser posts our forms and ends at the app', async () => {
  const chromium = await launchChromium()
  try {
    const page = await chromium.newPage()
    await page.route(`${app.redirectUri}**`, (route) => route.fulfill({ body: 'the app' }))
    const person = newcomer(setting, 'google')
    await page.goto((await app.request()).url.href)
    await page.click('button[value=google]')
    await page.click(`button[value=${person}]`)
    await page.check('#adult')
    await page.click('button[value=agree]')
    await page.waitForURL(`${app.redirectUri}**`)
    expect(new URL(page.url()).searchParams.get('code')).toBeTruthy()
    // Known to the upstream, the person passes from our form through it and us to the app without a stop.
    for (const isKnown of [false, true]) {
      await page.context().clearCookies({ name: 'narrowgate' })
      await page.goto((await app.request()).url.href)
      await page.click('button[value=oidc]')
      if (!isKnown) {
        await page.click('button[value=ola]')
        await page.check('#adult')
        await page.click('button[value=agree]')
      }
      await page.waitForURL(`${app.redirectUri}**`, { timeout: 10_000 })
    }
  } finally {
    await chromium.close()
  }
})

test('a person who leaves the upstream’s page can begin again in the same window', async () => {
  const browser = testBrowser()
  const { sent, page } = await atUpstream(app, browser, 'google')
  expect(page.html).toContain('name="person"')
  const again = await browser.press(await browser.open(sent.url), 'connector', 'oidc')
  expect(again.html).toContain('name="person"')
})
