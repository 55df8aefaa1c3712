// Signing out, and one browser changing its person: what ends, what stays, and who may ask for it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Browser, Page } from '../../demo/browser.ts'
import { appYaml, signIn, testApp, testBrowser, testSetting, type TestSetting } from '../support/app.ts'
import {
  askSilently,
  codeOf,
  getTokens,
  isActive,
  postAs,
  publicYaml,
  redemption,
  sql,
  tally,
  userinfo,
} from './helpers.ts'

let setting: TestSetting
beforeAll(async () => {
  setting = await testSetting({
    clients: appYaml('docs', '    refreshTokens: true') + appYaml('wiki') + publicYaml('phone'),
  })
})
afterAll(() => setting.close())

function endUrl(parameters: Readonly<Record<string, unknown>>): URL {
  const url = new URL(`${setting.issuer}/session/end`)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value))
  return url
}
const bye = 'http://localhost:4999/docs/bye'

/** Opens the sign-out page and presses its button. */
async function signOut(browser: Browser, parameters: Readonly<Record<string, unknown>>): Promise<Page> {
  const page = await browser.open(endUrl(parameters))
  expect(page.status).toBe(200)
  return browser.press(page, 'logout', 'yes')
}

describe('signing out', () => {
  test('with the app’s own ID token ends the session, all that hangs on it, and returns to the app', async () => {
    const { tokens, browser, app } = await getTokens(setting, 'docs')
    const wiki = await testApp(setting.issuer, 'wiki')
    const silent = await askSilently(wiki, browser)
    const other = await postAs(
      setting.issuer,
      '/token',
      'wiki',
      redemption('wiki', silent.code ?? '', silent.sent),
    )
    const end = await signOut(browser, {
      id_token_hint: tokens['id_token'],
      post_logout_redirect_uri: bye,
      state: 'back-again',
    })
    expect(`${end.url.origin}${end.url.pathname}`).toBe(bye)
    expect(end.url.searchParams.get('state')).toBe('back-again')
    expect((await askSilently(app, browser)).error).toBe('login_required')
    for (const [id, token] of [
      ['docs', tokens['access_token']],
      ['docs', tokens['refresh_token']],
      ['wiki', other.body['access_token']],
    ] as const) {
      expect(await isActive(setting.issuer, id, token)).toBe(false)
    }
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(401)
    const refresh = { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }
    expect(tally([await postAs(setting.issuer, '/token', 'docs', refresh)])).toEqual({
      '400 invalid_grant': 1,
    })
  })

  test('kills a code that was not redeemed yet', async () => {
    const { browser, app } = await getTokens(setting, 'docs')
    const { code, sent } = await askSilently(app, browser)
    await signOut(browser, {})
    const late = await postAs(setting.issuer, '/token', 'docs', redemption('docs', code ?? '', sent))
    expect(tally([late])).toEqual({ '400 invalid_grant': 1 })
  })

  test('leaves nothing of the session in the database, and an old cookie is worth nothing', async () => {
    const { browser, app } = await getTokens(setting, 'docs', { person: 'theo' })
    const old = await browser.jar.serialize()
    const count = async (): Promise<string | undefined> =>
      (await sql<{ count: string }>(setting, "select count(*) from record where model = 'Session'"))[0]?.count
    const before = Number(await count())
    await signOut(browser, {})
    expect(Number(await count())).toBe(before - 1)
    const { CookieJar } = await import('tough-cookie')
    const thief = testBrowser({ jar: await CookieJar.deserialize(old) })
    expect((await askSilently(app, thief)).error).toBe('login_required')
  })

  test('with another person’s ID token is refused with a page, and the session lives', async () => {
    const { tokens: others } = await getTokens(setting, 'docs', { person: 'theo' })
    const { browser, app } = await getTokens(setting, 'docs', { person: 'dana' })
    const page = await browser.open(
      endUrl({ id_token_hint: others['id_token'], post_logout_redirect_uri: bye }),
    )
    expect(page.status).toBe(400)
    expect(page.url.origin).toBe(setting.issuer)
    expect(page.html).not.toContain('name="logout"')
    expect((await askSilently(app, browser)).code).not.toBeNull()
  })

  test.each([
    'http://localhost:4999/docs/byes',
    'http://localhost:4999/docs/bye/',
    'http://localhost:4999/wiki/bye',
    'https://evil.example/',
    'javascript:alert(1)',
    '//evil.example',
  ])('never leads to %s', async (uri) => {
    const { tokens, browser, app } = await getTokens(setting, 'docs')
    const page = await browser.open(
      endUrl({ id_token_hint: tokens['id_token'], post_logout_redirect_uri: uri }),
    )
    expect(page.status).toBe(400)
    expect(page.url.origin).toBe(setting.issuer)
    expect((await askSilently(app, browser)).code).not.toBeNull()
  })

  test('needs the page’s own button: a forged post ends nothing', async () => {
    const { browser, app } = await getTokens(setting, 'docs')
    await browser.open(endUrl({}))
    const forged = await fetch(`${setting.issuer}/session/end/confirm`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: await browser.jar.getCookieString(setting.issuer) },
      body: new URLSearchParams({ logout: 'yes', xsrf: 'x'.repeat(48) }),
    })
    expect(forged.status).toBe(400)
    expect((await askSilently(app, browser)).code).not.toBeNull()
  })

  test.each(['not a token', 'a.b.c', ''])('with the hint %j breaks nothing', async (hint) => {
    const page = await testBrowser().open(endUrl({ id_token_hint: hint }))
    expect(page.status).toBeLessThan(500)
    expect(page.url.origin).toBe(setting.issuer)
  })

  test('leaves an app its offline access; revoking that ends it, on every replica', async () => {
    const { tokens, browser } = await getTokens(setting, 'docs', {
      scope: 'openid offline_access',
      parameters: { prompt: 'consent' },
    })
    await signOut(browser, {})
    const refresh = { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }
    expect((await postAs(setting.issuer, '/token', 'docs', refresh)).status).toBe(200)
    const revoked = await postAs(setting.issuer, '/revoke', 'docs', {
      token: String(tokens['refresh_token']),
    })
    expect(revoked.status).toBe(200)
    expect(tally([await postAs(setting.issuer, '/token', 'docs', refresh)])).toEqual({
      '400 invalid_grant': 1,
    })
    const { origin } = await setting.replica()
    expect(tally([await postAs(origin, '/token', 'docs', refresh)])).toEqual({ '400 invalid_grant': 1 })
  })
})

describe('another person in the same browser', () => {
  test('gets a session of their own, and the first one’s is over', async () => {
    const { tokens: theos, browser, app } = await getTokens(setting, 'docs', { person: 'theo' })
    const before = await userinfo(setting.issuer, theos['access_token'])
    const unredeemed = await askSilently(app, browser)
    const cookie = await browser.jar.getCookieString(setting.issuer)

    const sent = await app.request({ prompt: 'select_account' })
    const code = codeOf(await signIn(browser, sent.url, 'google', 'dana'))
    const answer = await postAs(setting.issuer, '/token', 'docs', redemption('docs', code, sent))
    const after = await userinfo(setting.issuer, answer.body['access_token'])
    expect(after.body).toMatchObject({ name: 'Dana Reyes' })
    expect(after.body['sub']).not.toBe(before.body['sub'])

    expect(await browser.jar.getCookieString(setting.issuer)).not.toBe(cookie)
    expect((await userinfo(setting.issuer, theos['access_token'])).status).toBe(401)
    expect(await isActive(setting.issuer, 'docs', theos['access_token'])).toBe(false)
    const late = await postAs(
      setting.issuer,
      '/token',
      'docs',
      redemption('docs', unredeemed.code ?? '', unredeemed.sent),
    )
    expect(tally([late])).toEqual({ '400 invalid_grant': 1 })
    const again = await fetch((await app.request({ prompt: 'none' })).url, {
      redirect: 'manual',
      headers: { cookie },
    })
    expect(again.headers.get('location')).toContain('error=login_required')
    const wiki = await testApp(setting.issuer, 'wiki')
    const silent = await askSilently(wiki, browser)
    const wikis = await postAs(
      setting.issuer,
      '/token',
      'wiki',
      redemption('wiki', silent.code ?? '', silent.sent),
    )
    expect((await userinfo(setting.issuer, wikis.body['access_token'])).body).toMatchObject({
      name: 'Dana Reyes',
    })
  })

  test('the same person again keeps the session, under a new cookie value', async () => {
    const { tokens, browser, app } = await getTokens(setting, 'docs', { person: 'theo' })
    const cookie = await browser.jar.getCookieString(setting.issuer)
    const sent = await app.request({ prompt: 'select_account' })
    expect(codeOf(await signIn(browser, sent.url, 'google', 'theo'))).toBeDefined()
    expect(await browser.jar.getCookieString(setting.issuer)).not.toBe(cookie)
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(200)
    const old = await fetch((await app.request({ prompt: 'none' })).url, {
      redirect: 'manual',
      headers: { cookie },
    })
    expect(old.headers.get('location')).toContain('error=login_required')
  })
})
