// Upstreams that lie, break and stall, seen from the person's side: a clear page, a line in the log, nothing kept; and the next one works.
// The connectors' own verdicts are tested with them (test/connectors); here the whole broker stands between. attacks.md 4, 8–11.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { messagesFor } from '../../src/http/pages/locale.ts'
import type { Vendor } from '../../demo/upstreams/people.ts'
import type { IdTokenTrap, Traps } from '../../demo/upstreams/traps.ts'
import { appYaml, testApp, testBrowser, testSetting, type TestApp, type TestSetting } from '../support/app.ts'
import {
  attempt,
  changingNothing,
  codeOn,
  EVERYTHING,
  expectLogged,
  expectRefusal,
  isConfirm,
  signInFully,
  VENDORS,
} from './setting.ts'

const ID_TOKENS = [
  ...(['wrongIss', 'wrongAud', 'extraAud', 'wrongNonce', 'missingNonce', 'missingSub', 'expired'] as const),
  ...(['missingExp', 'future', 'algNone', 'algHs256', 'algHs256PublicKey', 'badSignature'] as const),
  ...(['wrongAtHash', 'hasEventsClaim'] as const),
] satisfies IdTokenTrap[]

let setting: TestSetting
let app: TestApp
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs') })
  app = await testApp(setting.issuer, 'docs')
  // All are known: an answer that was taken would sign them in at once.
  await signInFully(app, 'google', 'dana')
  await signInFully(app, 'microsoft', 'robin')
  await signInFully(app, 'oidc', 'ola')
  setting.lines.length = 0
})
afterAll(() => setting.close())
afterEach(() => {
  setting.upstreams.resetTraps()
  setting.lines.length = 0
})

/** Holds that the person is back at the choice and told why. */
function expectBackAtChoice(of: TestSetting, page: { status: number; html: string; url: URL }, code: string) {
  const notices: Readonly<Record<string, string>> = messagesFor('en').notices
  expect(page.status).toBe(200)
  expect(page.html).toContain('name="connector"')
  expect(page.html).toContain(notices[code])
  expectLogged(of, code)
}

describe.each(VENDORS)('of %s', (vendor: Vendor) => {
  test.each(ID_TOKENS)('an ID token with the fault %s signs nobody in', async (trap) => {
    setting.upstreams.traps[vendor].idToken = trap
    const { page } = await changingNothing(setting, () => attempt(app, vendor))
    expectRefusal(setting, page, 502, 'upstream_invalid')
  })

  test('an ID token under a key that is in no key set signs nobody in', async () => {
    setting.upstreams.traps[vendor].keys = 'unknownKid'
    const { page } = await changingNothing(setting, () => attempt(app, vendor))
    expectRefusal(setting, page, 502, 'upstream_invalid')
  })

  test.each([
    ['dropState', 'sign_in_state_mismatch'],
    ['wrongState', 'sign_in_state_mismatch'],
    ['duplicateCode', 'bad_request'],
  ] as const)('an answer with %s is refused', async (trap, code) => {
    setting.upstreams.traps[vendor].authorize = trap
    const { page } = await changingNothing(setting, () => attempt(app, vendor))
    expectRefusal(setting, page, 400, code)
  })

  test.each([
    ['accessDenied', 'upstream_declined'],
    ['serverError', 'upstream_refused'],
  ] as const)('after %s the person chooses again', async (trap, code) => {
    setting.upstreams.traps[vendor].authorize = trap
    const { page } = await changingNothing(setting, () => attempt(app, vendor))
    expectBackAtChoice(setting, page, code)
  })

  test.each(['down', 'error500'] as const)(
    'a token endpoint with the fault %s leads back to the choice',
    async (trap) => {
      setting.upstreams.traps[vendor].token = trap
      const { page, browser } = await changingNothing(setting, () => attempt(app, vendor))
      expectBackAtChoice(setting, page, 'upstream_unavailable')
      setting.upstreams.resetTraps()
      let last = await browser.press(page, 'connector', vendor)
      if (last.html.includes('name="person"')) last = await browser.press(last, 'person', EVERYTHING[vendor])
      expect(last.url.href).toContain(app.redirectUri)
    },
  )

  test.each(['html', 'truncatedJson', 'hugeBody', 'redirect302', 'noIdToken'] as const)(
    'a token endpoint with the fault %s is refused',
    async (trap) => {
      setting.upstreams.traps[vendor].token = trap
      const { page } = await changingNothing(setting, () => attempt(app, vendor))
      expectRefusal(setting, page, 502, 'upstream_invalid')
      expect(setting.upstreams.requests.filter(({ url }) => url.includes('elsewhere'))).toEqual([])
    },
  )

  test('a secret of ours that has expired is an error in the log and a way out for the person', async () => {
    setting.upstreams.traps[vendor].token = 'expiredSecret'
    const { page } = await changingNothing(setting, () => attempt(app, vendor))
    const alarm = setting.lines.find(({ level }) => level === 'error')
    expect(alarm).toMatchObject({ code: 'connector_unavailable', fields: { connector: vendor } })
    expectBackAtChoice(setting, page, 'connector_unavailable')
  })
})

test.each([
  ['google', 'wrong'],
  ['oidc', 'wrong'],
  ['oidc', 'off'],
] as const)('of %s an iss parameter that is %s is refused', async (vendor, trap) => {
  setting.upstreams.traps[vendor].issParameter = trap
  const { page } = await changingNothing(setting, () => attempt(app, vendor))
  expectRefusal(setting, page, 502, 'upstream_invalid')
})

const MICROSOFT = [
  ...(['consumerKeySignsWorkToken', 'unpublishedKey', 'tidNotGuid', 'tidMissing'] as const),
  ...(['issTidMismatch', 'v1Token'] as const),
] satisfies (keyof Traps['microsoft'])[]
test.each(MICROSOFT)('of microsoft a token with %s signs nobody in', async (trap) => {
  setting.upstreams.traps.microsoft[trap] = 'on'
  const { page } = await changingNothing(setting, () => attempt(app, 'microsoft'))
  expectRefusal(setting, page, 502, 'upstream_invalid')
})

test('of google the historical issuer without https is refused', async () => {
  setting.upstreams.traps.google.bareIssuer = 'on'
  const { page } = await changingNothing(setting, () => attempt(app, 'google'))
  expectRefusal(setting, page, 502, 'upstream_invalid')
})

test('of oidc a userinfo answer about another person signs nobody in', async () => {
  setting.upstreams.addPerson({ vendor: 'oidc', id: 'bare', tag: 'bare', sub: 'user-bare' })
  setting.upstreams.traps.oidc.userinfo = 'otherSub'
  const { page } = await changingNothing(setting, () => attempt(app, 'oidc', 'bare'))
  expectRefusal(setting, page, 502, 'upstream_invalid')
})

test('an upstream that never answers ends in time, and holds nobody else up meanwhile', async () => {
  setting.upstreams.traps.google.token = 'slow'
  let isOver = false
  const stalled = attempt(app, 'google').then((result) => {
    isOver = true
    return result
  })
  const claims = await signInFully(app, 'microsoft', 'robin')
  expect(claims.asked).toBe(false)
  expect(isOver).toBe(false)
  expectBackAtChoice(setting, (await stalled).page, 'upstream_unavailable')
})

describe('an upstream that is broken when it is first needed', () => {
  let fresh: TestSetting
  let docs: TestApp
  let ahead = 0
  // To and fro, so that a remembered failure is over and ID tokens still fit.
  const skip = () => {
    ahead = ahead === 0 ? 61_000 : 0
  }
  beforeAll(async () => {
    fresh = await testSetting({ clients: appYaml('docs'), clock: () => Date.now() + ahead })
    docs = await testApp(fresh.issuer, 'docs')
  })
  afterAll(() => fresh.close())
  afterEach(() => {
    fresh.upstreams.resetTraps()
  })

  test.each(['google', 'microsoft'] as const)(
    '(%s) hurts no other and recovers by itself',
    async (vendor) => {
      const traps = fresh.upstreams.traps[vendor]
      const choose = async () => {
        skip()
        const browser = testBrowser()
        return browser.press(await browser.open((await docs.request()).url), 'connector', vendor)
      }
      for (const trap of ['down', 'html'] as const) {
        traps.discovery = trap
        expectBackAtChoice(fresh, await changingNothing(fresh, choose), 'upstream_unavailable')
      }
      for (const trap of ['otherIssuer', 'redirect302'] as const) {
        traps.discovery = trap
        const page = await changingNothing(fresh, choose)
        expectRefusal(fresh, page, 502, 'upstream_invalid')
        expect(page.html).toContain(`href="${page.url.pathname}"`)
      }
      expect((await signInFully(docs, 'oidc', 'yuki')).sub).toBeDefined()

      fresh.upstreams.resetTraps()
      for (const trap of ['down', 'empty'] as const) {
        traps.jwks = trap
        skip()
        const { page } = await changingNothing(fresh, () => attempt(docs, vendor))
        const code = trap === 'empty' ? 'upstream_invalid' : 'upstream_unavailable'
        expect([codeOn(page), page.url.searchParams.get('notice')]).toContain(code)
        expectLogged(fresh, code)
      }

      fresh.upstreams.resetTraps()
      skip()
      expect(isConfirm((await attempt(docs, vendor)).page)).toBe(true)
    },
  )
})
