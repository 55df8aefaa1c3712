// The main job: a person signs in upstream, an app gets tokens, the database gets sealed fields.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as client from 'openid-client'
import {
  appYaml,
  signIn,
  testApp,
  testBrowser,
  testSetting,
  type TestApp,
  type TestSetting,
} from '../support/app.ts'

let setting: TestSetting
let app: TestApp
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs') })
  app = await testApp(setting.issuer, 'docs')
})
afterAll(() => setting.close())

describe('a sign-in', () => {
  test.each([
    ['google', 'dana', 'Dana Reyes', 'widgets.example'],
    ['microsoft', 'robin', 'Robin Vale', 'Larkspur Legal LLP'],
    ['oidc', 'ola', expect.any(String), undefined],
  ])('by %s gives the app the five fields and nothing else', async (connector, person, name, company) => {
    const sent = await app.request()
    const page = await signIn(testBrowser(), sent.url, connector, person)
    const tokens = await app.exchange(page, sent)
    const info = await client.fetchUserInfo(app.config, tokens.access_token, tokens.claims()?.sub ?? '')
    expect(info).toMatchObject({ name, ...(company === undefined ? {} : { company }) })
    const allowed = new Set(['sub', 'name', 'email', 'email_verified', 'picture', 'company', 'provider_id'])
    expect(Object.keys(info).filter((claim) => !allowed.has(claim))).toEqual([])
  })

  test('of a known person asks nothing and keeps the subject', async () => {
    const first = await app.request()
    const one = await app.exchange(await signIn(testBrowser(), first.url, 'google', 'theo'), first)
    const second = await app.request()
    const browser = testBrowser()
    let page = await browser.press(await browser.open(second.url), 'connector', 'google')
    page = await browser.press(page, 'person', 'theo')
    expect(page.url.href.startsWith(app.redirectUri)).toBe(true)
    const two = await app.exchange(page, second)
    expect(two.claims()?.sub).toBe(one.claims()?.sub)
  })

  test('that is declined keeps nothing and tells the app access_denied', async () => {
    const sent = await app.request()
    const browser = testBrowser()
    let page = await browser.press(await browser.open(sent.url), 'connector', 'google')
    page = await browser.press(page, 'person', 'ines')
    page = await browser.press(page, 'decision', 'decline')
    expect(page.url.searchParams.get('error')).toBe('access_denied')
    const again = await app.request()
    let retry = await browser.press(await browser.open(again.url), 'connector', 'google')
    retry = await browser.press(retry, 'person', 'ines')
    expect(retry.url.pathname).toMatch(/\/confirm$/)
  })

  test('in a second window of the same browser needs no click', async () => {
    const browser = testBrowser()
    const first = await app.request()
    await signIn(browser, first.url, 'google', 'dana')
    const second = await app.request({ prompt: 'none' })
    const page = await browser.open(second.url)
    const tokens = await app.exchange(page, second)
    expect(tokens.claims()?.sub).toBeDefined()
  })
})
