// Whose account it is: by the upstream's own id and nothing else, and never for someone who is shut out. attacks.md 1–8, 15–17.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { appYaml, testApp, testBrowser, testSetting, type TestApp, type TestSetting } from '../support/app.ts'
import {
  agree,
  attempt,
  changingNothing,
  claimsOf,
  comeBack,
  expectRefusal,
  isConfirm,
  newcomer,
  signInFully,
  sql,
  VENDORS,
} from './setting.ts'

let setting: TestSetting
let app: TestApp
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs') })
  app = await testApp(setting.issuer, 'docs')
})
afterAll(() => setting.close())

const accounts = async (): Promise<number> =>
  (await sql<{ n: number }>(setting, 'select count(*)::int as n from account'))[0]?.n ?? 0

const accountOf = async (subject: string): Promise<string> =>
  (await sql<{ account: string }>(setting, 'select account from subject where subject = $1', [subject]))[0]
    ?.account ?? ''

describe('another id upstream is another person', () => {
  test('though e-mail and Workspace domain are the same (a lapsed domain was bought)', async () => {
    const before = await signInFully(app, 'google', 'dana')
    setting.upstreams.traps.google.subChangedForSameEmail = 'on'
    const after = await signInFully(app, 'google', 'dana')
    setting.upstreams.resetTraps()
    expect(after).toMatchObject({ email: before['email'], asked: true })
    expect(after.sub).not.toBe(before.sub)
    expect(await signInFully(app, 'google', 'dana')).toMatchObject({ sub: before.sub, asked: false })
  })

  test('though a tenant wrote the same e-mail address (nOAuth)', async () => {
    const robin = await signInFully(app, 'microsoft', 'robin')
    const mallory = await signInFully(app, 'microsoft', 'mallory')
    expect(mallory['email']).toBe(robin['email'])
    expect(mallory.sub).not.toBe(robin.sub)
    expect(robin).toMatchObject({ email_verified: true })
    expect(mallory).toMatchObject({ email_verified: false, asked: true })
    expect(mallory['provider_id']).not.toBe(robin['provider_id'])
    expect(await accountOf(mallory.sub)).not.toBe(await accountOf(robin.sub))
  })

  test('though someone with that address signed in before the owner did', async () => {
    const email = 'shared@harbour.example'
    const squatter = newcomer(setting, 'oidc', { email, emailVerified: true })
    const owner = newcomer(setting, 'google', { email, emailVerified: true, hd: 'harbour.example' })
    const one = await signInFully(app, 'oidc', squatter)
    const other = await signInFully(app, 'google', owner)
    expect(other).toMatchObject({ asked: true, email })
    expect(other.sub).not.toBe(one.sub)
  })

  test('though its subject reads like another connector’s', async () => {
    const dana = await signInFully(app, 'google', 'dana')
    const twin = newcomer(setting, 'oidc', { sub: '108204268033311374519' })
    const claims = await signInFully(app, 'oidc', twin)
    expect(claims['provider_id']).toBe(dana['provider_id'])
    expect(claims.sub).not.toBe(dana.sub)
  })

  test('at home in another tenant', async () => {
    const before = await accounts()
    const priya = await signInFully(app, 'microsoft', 'priya')
    expect(await accounts()).toBe(before + 1)
    expect(priya['provider_id']).toContain('b7e4d0a1-52c8-4b6f-8f0e-6a1d9c3e7b42:')
    // The same person as a guest has another object id: another tenant's administrator speaks for it.
    const guest = newcomer(setting, 'microsoft', {
      oid: '7fa5c203-18be-4d69-a3c4-60e2d9b1f857',
      name: 'Priya Nair',
      mail: 'priya@quayside.example',
    })
    expect((await signInFully(app, 'microsoft', guest)).sub).not.toBe(priya.sub)
  })
})

describe('who is shut out', () => {
  test.each(VENDORS)('by a disabled identity at %s is told so and not signed in', async (vendor) => {
    const person = newcomer(setting, vendor)
    const { sub } = await signInFully(app, vendor, person)
    await sql(setting, "update identity set state = 'disabled' where account = $1", [await accountOf(sub)])
    const { page } = await changingNothing(setting, () => attempt(app, vendor, person))
    expectRefusal(setting, page, 403, 'identity_revoked')
  })

  test.each(['suspended', 'closed', 'restricted'])('by an account that is %s is told so', async (state) => {
    const person = newcomer(setting, 'google')
    const { sub } = await signInFully(app, 'google', person)
    const account = await accountOf(sub)
    await sql(setting, 'update account set state = $2 where id = $1', [account, state])
    const { page } = await changingNothing(setting, () => attempt(app, 'google', person))
    expectRefusal(setting, page, 403, 'account_unavailable')
    await sql(setting, "update account set state = 'active' where id = $1", [account])
    expect(await signInFully(app, 'google', person)).toMatchObject({ sub, asked: false })
  })

  test('while the upstream was asked is refused on return', async () => {
    const person = newcomer(setting, 'google')
    const { sub } = await signInFully(app, 'google', person)
    const { browser, callback } = await comeBack(setting, app, 'google', person)
    await sql(setting, 'update identity set valid_from = now() where account = $1', [await accountOf(sub)])
    const page = await changingNothing(setting, () => browser.open(callback))
    expectRefusal(setting, page, 403, 'identity_revoked')
    // A sign-in begun afterwards is proof again.
    expect(await signInFully(app, 'google', person)).toMatchObject({ sub, asked: false })
  })

  test('while the confirm page was open is refused on agreeing', async () => {
    const person = newcomer(setting, 'google')
    const { sub } = await signInFully(app, 'google', person)
    const account = await accountOf(sub)
    await sql(setting, "update acceptance set notice_version = 'older' where account = $1", [account])
    for (const [statement, code] of [
      ["update account set state = 'suspended' where id = $1", 'account_unavailable'],
      ["update identity set state = 'disabled' where account = $1", 'identity_revoked'],
      ['update identity set valid_from = now() where account = $1', 'identity_revoked'],
    ] as const) {
      const { browser, page } = await attempt(app, 'google', person)
      expect(isConfirm(page)).toBe(true)
      await sql(setting, statement, [account])
      const last = await changingNothing(setting, () => agree(browser, page))
      expectRefusal(setting, last, 403, code)
      await sql(setting, "update account set state = 'active' where id = $1", [account])
      await sql(setting, "update identity set state = 'active' where account = $1", [account])
    }
  })

  test('who no app knew before is not made an account of when the app goes away', async () => {
    const { browser, callback } = await comeBack(setting, app, 'google', newcomer(setting, 'google'))
    await sql(setting, "delete from record where model = 'Interaction'")
    const page = await changingNothing(setting, () => browser.open(callback))
    expectRefusal(setting, page, 400, 'interaction_expired')
  })
})

describe('one person’s first sign-in in two tabs', () => {
  const twoTabs = async () => {
    const person = newcomer(setting, 'google')
    const one = await comeBack(setting, app, 'google', person)
    const other = await comeBack(setting, app, 'google', person, one.browser.jar)
    return [one, other] as const
  }

  test('makes one account when both agree at once, and both finish', async () => {
    const before = await accounts()
    const tabs = await twoTabs()
    const pages = await Promise.all(tabs.map(({ browser, callback }) => browser.open(callback)))
    expect(pages.map(isConfirm)).toEqual([true, true])
    const last = await Promise.all(pages.map((page, at) => agree(tabs[at]?.browser ?? testBrowser(), page)))
    expect(await accounts()).toBe(before + 1)
    const claims = await Promise.all(
      tabs.map(async ({ sent }, at) => claimsOf(app, last[at] ?? fail(), sent)),
    )
    expect(claims[0]?.sub).toBe(claims[1]?.sub)
  })

  test('finishes in the second tab after the first has agreed', async () => {
    const [one, other] = await twoTabs()
    const first = await claimsOf(
      app,
      await agree(one.browser, await one.browser.open(one.callback)),
      one.sent,
    )
    const second = await claimsOf(app, await other.browser.open(other.callback), other.sent)
    expect(second.sub).toBe(first.sub)
  })
})

function fail(): never {
  throw new Error('a tab without its page')
}
