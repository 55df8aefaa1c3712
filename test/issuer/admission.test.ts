// Who an app lets in, asked at every door: on the way back from upstream, at single sign-on, at refresh, at introspection.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { larkspur, quayside } from '../../demo/upstreams/cast.ts'
import { appYaml, signIn, testApp, testBrowser, testSetting, type TestSetting } from '../support/app.ts'
import {
  askSilently,
  getCode,
  getTokens,
  isActive,
  postAs,
  redemption,
  setClients,
  tally,
  userinfo,
} from './helpers.ts'

const scope = 'openid profile offline_access'
const app = (id: string, admission = '{}'): string =>
  appYaml(id, `    refreshTokens: true\n    admission: ${admission}`)
const CLIENTS =
  app('open') +
  app('google-only', '{ connectors: [google] }') +
  app('firm', `{ connectors: [microsoft], tenants: [${larkspur.id}] }`) +
  app('widgets', '{ connectors: [google], domains: [widgets.example] }') +
  app('tenants-only', `{ tenants: [${larkspur.id}] }`) +
  app('domains-only', '{ domains: [widgets.example] }')

let setting: TestSetting
beforeAll(async () => {
  setting = await testSetting({ clients: CLIENTS })
})
afterAll(() => setting.close())
beforeEach(() => setClients(setting, CLIENTS))

describe('on the way back from upstream', () => {
  test.each([
    ['firm', 'microsoft', 'mallory', 'another tenant'],
    ['firm', 'microsoft', 'kim', 'no work account'],
    ['widgets', 'google', 'theo', 'no Workspace account'],
    ['widgets', 'google', 'ines', 'no Workspace account, whatever the address says'],
    ['tenants-only', 'google', 'dana', 'no tenant'],
    ['domains-only', 'microsoft', 'kim', 'no domain'],
  ])('%s turns away by %s %s (%s), with a page and no session', async (id, connector, person) => {
    const browser = testBrowser()
    const page = await signIn(
      browser,
      (await (await testApp(setting.issuer, id)).request()).url,
      connector,
      person,
    )
    expect(page.status).toBe(403)
    expect(page.url.origin).toBe(setting.issuer)
    expect((await askSilently(await testApp(setting.issuer, 'open'), browser)).error).toBe('login_required')
  })

  test.each([
    ['firm', 'microsoft', 'robin'],
    ['widgets', 'google', 'dana'],
  ])('%s lets in by %s %s', async (id, connector, person) => {
    const { tokens } = await getTokens(setting, id, { connector, person })
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(200)
  })

  test('an upstream that the app does not take is neither offered nor accepted', async () => {
    const browser = testBrowser()
    const page = await browser.open((await (await testApp(setting.issuer, 'google-only')).request()).url)
    expect(page.html).toContain('value="google"')
    expect(page.html).not.toContain('value="microsoft"')
    const forced = await browser.press(page, 'connector', 'microsoft')
    expect(forced.url.origin).toBe(setting.issuer)
    expect(forced.status).toBe(400)
  })
})

describe('at single sign-on', () => {
  test.each(['firm', 'google-only', 'widgets'])('%s asks somebody else’s session to sign in', async (id) => {
    const person =
      id === 'firm' ? { connector: 'google', person: 'dana' } : { connector: 'microsoft', person: 'mallory' }
    const { browser } = await getTokens(setting, 'open', person)
    const refusing = await testApp(setting.issuer, id)
    expect((await askSilently(refusing, browser)).error).toBe('login_required')
    const page = await browser.open((await refusing.request()).url)
    expect(page.status).toBe(200)
    expect(page.html).toContain('name="connector"')
    // The session is as good as before for the app that takes it.
    expect((await askSilently(await testApp(setting.issuer, 'open'), browser)).code).not.toBeNull()
  })

  test('a refused person may come in as another, and the first session ends', async () => {
    const { tokens, browser } = await getTokens(setting, 'open', { person: 'theo' })
    const widgets = await testApp(setting.issuer, 'widgets')
    const { code, sent } = await getCode(widgets, { browser, person: 'dana' })
    const answer = await postAs(setting.issuer, '/token', 'widgets', redemption('widgets', code, sent))
    expect(answer.status).toBe(200)
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(401)
  })
})

describe('after the admission was tightened', () => {
  test.each([
    ['to another connector', '{ connectors: [microsoft] }', 'google', 'dana'],
    ['to another domain', '{ connectors: [google], domains: [orchard.example] }', 'google', 'dana'],
    ['to another tenant', `{ connectors: [microsoft], tenants: [${quayside.id}] }`, 'microsoft', 'robin'],
  ])('%s, nothing given before works', async (_how, admission, connector, person) => {
    const { tokens, browser, app: open } = await getTokens(setting, 'open', { scope, connector, person })
    const before = await askSilently(open, browser)
    const refresh = { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }
    expect((await postAs(setting.issuer, '/token', 'open', refresh)).status).toBe(200)
    expect(await isActive(setting.issuer, 'open', tokens['access_token'])).toBe(true)

    await setClients(setting, app('open', admission))
    expect(tally([await postAs(setting.issuer, '/token', 'open', refresh)])).toEqual({
      '400 invalid_grant': 1,
    })
    const late = await postAs(
      setting.issuer,
      '/token',
      'open',
      redemption('open', before.code ?? '', before.sent),
    )
    expect(tally([late])).toEqual({ '400 invalid_grant': 1 })
    expect(await isActive(setting.issuer, 'open', tokens['access_token'])).toBe(false)
    expect(await isActive(setting.issuer, 'open', tokens['refresh_token'])).toBe(false)
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(401)
    expect((await askSilently(open, browser)).error).toBe('login_required')
  })

  test('a person on the way upstream is turned away on the way back', async () => {
    const browser = testBrowser()
    const page = await browser.press(
      await browser.open((await (await testApp(setting.issuer, 'open')).request()).url),
      'connector',
      'google',
    )
    await setClients(setting, app('open', '{ connectors: [google], domains: [widgets.example] }'))
    expect((await browser.press(page, 'person', 'theo')).status).toBe(403)
  })
})

describe('an app that is disabled', () => {
  test('is unknown at every endpoint, and what it was given is dead', async () => {
    const { tokens, browser, app: open } = await getTokens(setting, 'open', { scope })
    const before = await askSilently(open, browser)
    await setClients(setting, appYaml('open', '    enabled: false') + appYaml('other'))
    const refresh = { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }
    const redeem = redemption('open', before.code ?? '', before.sent)
    for (const [path, form] of [
      ['/token', refresh],
      ['/token', redeem],
      ['/introspect', { token: String(tokens['access_token']) }],
      ['/revoke', { token: String(tokens['access_token']) }],
      ['/par', { response_type: 'code' }],
    ] as const)
      expect(tally([await postAs(setting.issuer, path, 'open', form)])).toEqual({ '401 invalid_client': 1 })
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(401)
    const page = await browser.open((await open.request()).url)
    expect(page.status).toBe(400)
    expect(page.url.origin).toBe(setting.issuer)
  })

  test('while its person is upstream takes nobody in', async () => {
    const browser = testBrowser()
    const open = await testApp(setting.issuer, 'open')
    const page = await browser.press(await browser.open((await open.request()).url), 'connector', 'google')
    await setClients(setting, appYaml('open', '    enabled: false'))
    const end = await browser.press(page, 'person', 'dana')
    expect(end.url.origin).toBe(setting.issuer)
    expect(end.status).toBeGreaterThanOrEqual(400)
    expect(end.status).toBeLessThan(500)
  })
})
