// An account that disappears under a live session: every endpoint says so in its own words, and none of them breaks.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { appYaml, signIn, testApp, testSetting, type TestSetting } from '../support/app.ts'
import {
  askSilently,
  codeOf,
  getCode,
  getTokens,
  isActive,
  postAs,
  redemption,
  sql,
  tally,
  userinfo,
} from './helpers.ts'

let setting: TestSetting
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs', '    refreshTokens: true') + appYaml('wiki') })
})
afterAll(() => setting.close())
afterEach(async () => {
  await sql(setting, 'delete from account')
  expect(setting.lines.filter(({ code }) => code === 'server_error' || code === 'issuer_failed')).toEqual([])
})

const LOSSES: [string, string][] = [
  ['is deleted', 'delete from account'],
  ['is suspended', "update account set state = 'suspended'"],
  ['is restricted', "update account set state = 'restricted'"],
  ['is closed', "update account set state = 'closed'"],
  ['loses its key', 'delete from account_key'],
  ['loses its identity', 'delete from identity'],
  ['has its identity disabled', "update identity set state = 'disabled'"],
]
const scope = 'openid profile offline_access'

describe.each(LOSSES)('an account that %s', (_how, statement) => {
  test('gets nothing more: no session, no refresh, no claims, no active token', async () => {
    const { tokens, browser, app } = await getTokens(setting, 'docs', { scope })
    const wiki = await testApp(setting.issuer, 'wiki')
    const open = await askSilently(app, browser)
    expect(open.code).not.toBeNull()
    await sql(setting, statement)

    const late = await postAs(
      setting.issuer,
      '/token',
      'docs',
      redemption('docs', open.code ?? '', open.sent),
    )
    expect(tally([late])).toEqual({ '400 invalid_grant': 1 })
    const refresh = { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }
    expect(tally([await postAs(setting.issuer, '/token', 'docs', refresh)])).toEqual({
      '400 invalid_grant': 1,
    })
    expect(await isActive(setting.issuer, 'docs', tokens['access_token'])).toBe(false)
    expect(await isActive(setting.issuer, 'docs', tokens['refresh_token'])).toBe(false)
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(401)
    for (const each of [app, wiki]) expect((await askSilently(each, browser)).error).toBe('login_required')
    const page = await browser.open((await wiki.request()).url)
    expect(page.status).toBe(200)
    expect(page.html).toContain('name="connector"')
    expect((await browser.open(`${setting.issuer}/session/end`)).status).toBeLessThan(500)
  })
})

test('a person whose account was deleted may come again, as somebody new', async () => {
  const { tokens, browser, app } = await getTokens(setting, 'docs', { scope })
  const before = await userinfo(setting.issuer, tokens['access_token'])
  await sql(setting, 'delete from account')
  const { code, sent } = await getCode(app, { browser })
  const answer = await postAs(setting.issuer, '/token', 'docs', redemption('docs', code, sent))
  const after = await userinfo(setting.issuer, answer.body['access_token'])
  expect(after.status).toBe(200)
  expect(after.body['sub']).not.toBe(before.body['sub'])
  expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(401)
})

test('an account that is deleted while its person is at the upstream starts anew', async () => {
  const { browser, app } = await getTokens(setting, 'docs')
  const sent = await app.request({ prompt: 'select_account' })
  const page = await browser.press(await browser.open(sent.url), 'connector', 'google')
  await sql(setting, 'delete from account')
  const confirm = await browser.press(page, 'person', 'dana')
  expect(confirm.url.pathname).toMatch(/\/confirm$/)
  const end = await browser.press(confirm, 'decision', 'agree', { adult: 'yes' })
  expect(codeOf(end)).toBeDefined()
  expect(codeOf(await signIn(browser, (await app.request()).url, 'google', 'dana'))).toBeDefined()
})
