// The record of what left for which app: read off the answers themselves, field by field, first and last time.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { appYaml, secretOf, testSetting, type TestSetting } from '../support/app.ts'
import { getTokens, isActive, postAs, sql, userinfo } from './helpers.ts'

type Row = { account: string; client: string; field: string; first_at: Date; last_at: Date }

let setting: TestSetting
beforeEach(async () => {
  setting = await testSetting({
    clients:
      appYaml('docs', '    refreshTokens: true') +
      `
  - id: bare
    name: bare
    secret: ${secretOf('bare')}
    refreshTokens: true
    redirectUris: [http://localhost:4999/bare/callback]`,
  })
})
afterEach(() => setting.close())

const rows = (): Promise<Row[]> => sql<Row>(setting, 'select * from disclosure order by client, field')
const fieldsOf = (all: readonly Row[]): string[] => all.map(({ client, field }) => `${client} ${field}`)

describe('the record of disclosures', () => {
  test('has nothing until something leaves, then each field that did', async () => {
    const { tokens } = await getTokens(setting, 'docs')
    expect(await rows()).toEqual([])
    await userinfo(setting.issuer, tokens['access_token'])
    const all = await rows()
    expect(fieldsOf(all)).toEqual([
      'docs company',
      'docs email',
      'docs name',
      'docs picture',
      'docs providerUserId',
    ])
    const accounts = await sql<{ id: string }>(setting, 'select id from account')
    expect(new Set(all.map(({ account }) => account))).toEqual(new Set(accounts.map(({ id }) => id)))
  })

  test('keeps the first time and moves the last', async () => {
    const { tokens } = await getTokens(setting, 'docs')
    await userinfo(setting.issuer, tokens['access_token'])
    await sql(
      setting,
      "update disclosure set first_at = now() - interval '3 days', last_at = now() - interval '3 days'",
    )
    const [before] = await rows()
    await userinfo(setting.issuer, tokens['access_token'])
    const all = await rows()
    expect(all).toHaveLength(5)
    for (const { first_at: first, last_at: last } of all) {
      expect(first).toEqual(before?.first_at)
      expect(last.getTime() - first.getTime()).toBeGreaterThan(2 * 24 * 3600 * 1000)
    }
  })

  test.each([
    ['openid email', {}, ['docs email']],
    ['openid profile', {}, ['docs name', 'docs picture']],
    ['openid company provider_id', {}, ['docs company', 'docs providerUserId']],
    ['openid', { claims: JSON.stringify({ userinfo: { name: null } }) }, ['docs name']],
    ['openid', {}, []],
  ])('for %j %j has what was asked for and no more', async (scope, parameters, expected) => {
    const { tokens } = await getTokens(setting, 'docs', {
      scope,
      parameters,
    })
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(200)
    expect(fieldsOf(await rows())).toEqual(expected)
  })

  test('has what an ID token carries, as soon as it leaves', async () => {
    await getTokens(setting, 'docs', {
      scope: 'openid',
      parameters: { claims: JSON.stringify({ id_token: { email: null } }) },
    })
    expect(fieldsOf(await rows())).toEqual(['docs email'])
  })

  test('has no field that the person does not have', async () => {
    const { tokens } = await getTokens(setting, 'docs', { person: 'nameless' })
    await userinfo(setting.issuer, tokens['access_token'])
    expect(fieldsOf(await rows())).toEqual(['docs company', 'docs email', 'docs providerUserId'])
  })

  test('has nothing for an app that may only know the subject', async () => {
    const { tokens } = await getTokens(setting, 'bare', { scope: 'openid' })
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(200)
    expect(await isActive(setting.issuer, 'bare', tokens['access_token'])).toBe(true)
    const refresh = { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }
    expect((await postAs(setting.issuer, '/token', 'bare', refresh)).status).toBe(200)
    expect(await rows()).toEqual([])
  })

  test('has nothing of an answer that was refused', async () => {
    const { tokens } = await getTokens(setting, 'docs')
    await sql(setting, "delete from record where model = 'Grant'")
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(401)
    expect(await rows()).toEqual([])
  })

  test('goes with the account', async () => {
    const { tokens } = await getTokens(setting, 'docs')
    await userinfo(setting.issuer, tokens['access_token'])
    await sql(setting, 'delete from account')
    expect(await rows()).toEqual([])
  })
})
