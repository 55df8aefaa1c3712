// How long things live. Time passes by moving the process's clock and, in the database, every deadline: nothing here waits.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { appYaml, testApp, testSetting, type TestSetting } from '../support/app.ts'
import {
  askSilently,
  getTokens,
  isActive,
  postAs,
  postPublic,
  publicYaml,
  redemption,
  sql,
  tally,
  userinfo,
} from './helpers.ts'

const HOUR = 3600
const DAY = 24 * HOUR
const realNow = Date.now.bind(Date)

let setting: TestSetting
let passed = 0
beforeEach(async () => {
  passed = 0
  jest.spyOn(Date, 'now').mockImplementation(() => realNow() + passed * 1000)
  setting = await testSetting({
    clock: () => Date.now(),
    clients: appYaml('docs', '    refreshTokens: true') + appYaml('wiki') + publicYaml('phone'),
  })
})
afterEach(async () => {
  jest.restoreAllMocks()
  await setting.close()
})

async function pass(seconds: number): Promise<void> {
  passed += seconds
  for (const table of ['record', 'session_client', 'replay', 'sign_in'])
    await sql(setting, `update ${table} set expires_at = expires_at - make_interval(secs => $1)`, [seconds])
  await sql(setting, 'update record set consumed_at = consumed_at - make_interval(secs => $1)', [seconds])
}

describe('a session', () => {
  test('ends after eight hours of idleness', async () => {
    const { browser, app } = await getTokens(setting, 'docs')
    await pass(8 * HOUR - 60)
    expect((await askSilently(app, browser)).code).not.toBeNull()
    await pass(8 * HOUR + 60)
    expect((await askSilently(app, browser)).error).toBe('login_required')
  })

  test('ends twelve hours after it began, however busy, and its tokens with it', async () => {
    const { browser, app } = await getTokens(setting, 'docs')
    await pass(6 * HOUR)
    expect((await askSilently(app, browser)).code).not.toBeNull()
    await pass(5 * HOUR + 1800)
    const { code, sent } = await askSilently(app, browser)
    const answer = await postAs(setting.issuer, '/token', 'docs', redemption('docs', code ?? '', sent))
    expect(answer.status).toBe(200)
    expect((await userinfo(setting.issuer, answer.body['access_token'])).status).toBe(200)
    await pass(1860)
    expect((await askSilently(app, browser)).error).toBe('login_required')
    expect((await userinfo(setting.issuer, answer.body['access_token'])).status).toBe(401)
    expect(await isActive(setting.issuer, 'docs', answer.body['access_token'])).toBe(false)
  })
})

describe('a code', () => {
  test('is good for a minute', async () => {
    const { browser, app } = await getTokens(setting, 'docs')
    const { code, sent } = await askSilently(app, browser)
    await pass(61)
    const late = await postAs(setting.issuer, '/token', 'docs', redemption('docs', code ?? '', sent))
    expect(tally([late])).toEqual({ '400 invalid_grant': 1 })
  })
})

describe('a chain of refresh tokens', () => {
  const scope = 'openid profile offline_access'

  test('of a public app ends at an absolute age, though each use rotates it', async () => {
    const lifetime = setting.config.lifetimes.refresh
    const { tokens } = await getTokens(setting, 'phone', {
      isPublic: true,
      scope,
      parameters: { prompt: 'consent' },
    })
    let token = tokens['refresh_token']
    const use = async () =>
      postPublic(setting.issuer, '/token', 'phone', {
        grant_type: 'refresh_token',
        refresh_token: String(token),
      })
    for (let step = 0; step < 3; step += 1) {
      await pass(Math.floor(lifetime / 4))
      const answer = await use()
      expect(answer.status).toBe(200)
      expect(answer.body['refresh_token']).not.toBe(token)
      token = answer.body['refresh_token']
    }
    await pass(Math.ceil(lifetime / 4) + DAY)
    expect(tally([await use()])).toEqual({ '400 invalid_grant': 1 })
  })

  test('of a confidential app ends at the same age, without rotation', async () => {
    const lifetime = setting.config.lifetimes.refresh
    const { tokens } = await getTokens(setting, 'docs', { scope, parameters: { prompt: 'consent' } })
    const use = async () =>
      postAs(setting.issuer, '/token', 'docs', {
        grant_type: 'refresh_token',
        refresh_token: String(tokens['refresh_token']),
      })
    await pass(lifetime - HOUR)
    expect((await use()).status).toBe(200)
    await pass(HOUR + 60)
    expect(tally([await use()])).toEqual({ '400 invalid_grant': 1 })
  })

  test('that is not offline ends with its session', async () => {
    const { tokens } = await getTokens(setting, 'docs', { scope: 'openid profile' })
    expect(tokens['refresh_token']).toBeDefined()
    await pass(13 * HOUR)
    const late = await postAs(setting.issuer, '/token', 'docs', {
      grant_type: 'refresh_token',
      refresh_token: String(tokens['refresh_token']),
    })
    expect(tally([late])).toEqual({ '400 invalid_grant': 1 })
  })
})

describe('an interaction', () => {
  test('that is left lying is answered with a page', async () => {
    const app = await testApp(setting.issuer, 'docs')
    const { testBrowser } = await import('../support/app.ts')
    const browser = testBrowser()
    const page = await browser.open((await app.request()).url)
    await pass(setting.config.lifetimes.interaction + 60)
    const late = await browser.press(page, 'connector', 'google')
    expect(late.status).toBe(400)
    expect(late.url.origin).toBe(setting.issuer)
  })
})
