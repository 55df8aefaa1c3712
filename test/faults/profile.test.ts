// Profile values and pictures as a careless or hostile upstream sends them: the sign-in succeeds with what is left of them, pages escape
// it, claims are clean, and nothing is fetched but from the upstreams' own hosts. attacks.md §3.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import type { Vendor } from '../../demo/upstreams/people.ts'
import type { PhotoTrap, PictureUrlTrap } from '../../demo/upstreams/traps.ts'
import { appYaml, testApp, testBrowser, testSetting, type TestApp, type TestSetting } from '../support/app.ts'
import {
  agree,
  attempt,
  claimsOf,
  expectLogged,
  expectRefusal,
  isConfirm,
  newcomer,
  signInFully,
  sql,
  VENDORS,
  type Claims,
} from './setting.ts'

let setting: TestSetting
let app: TestApp
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs') })
  app = await testApp(setting.issuer, 'docs')
})
afterAll(() => setting.close())
afterEach(() => {
  // Whatever was sent, we called nobody but the upstreams.
  const called = new Set(setting.upstreams.requests.map(({ url }) => new URL(url).origin))
  const known = new Set(Object.keys(setting.upstreams.originMap))
  expect([...called].filter((origin) => !known.has(origin))).toEqual([])
  setting.upstreams.requests.length = 0
  setting.upstreams.resetTraps()
  setting.lines.length = 0
})

/** A first sign-in to the end: the confirm page and the claims. */
async function firstSignIn(vendor: Vendor, person: string): Promise<{ html: string; claims: Claims }> {
  const { browser, sent, page } = await attempt(app, vendor, person)
  expect(isConfirm(page)).toBe(true)
  return { html: page.html, claims: await claimsOf(app, await agree(browser, page), sent) }
}

const CLAIMS = new Set(['sub', 'name', 'email', 'email_verified', 'picture', 'company', 'provider_id'])
const HOSTILE = /[\p{Cc}\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/u

function expectClean(claims: Claims): void {
  const { asked: _asked, ...given } = claims
  expect(Object.keys(given).filter((claim) => !CLAIMS.has(claim))).toEqual([])
  for (const claim of ['name', 'email', 'company', 'provider_id']) {
    const value = given[claim] ?? ''
    if (typeof value !== 'string') throw new Error(`${claim} is no text`)
    expect(value).not.toMatch(HOSTILE)
    expect(value.length).toBeLessThanOrEqual(300)
  }
}

describe.each(VENDORS)('from %s', (vendor: Vendor) => {
  test.each(['missing', 'wrongType', 'markup', 'bidi'] as const)(
    'profile values that are %s sign in with what is left of them',
    async (trap) => {
      setting.upstreams.traps[vendor].profile = trap
      const { html, claims } = await firstSignIn(vendor, newcomer(setting, vendor))
      expectClean(claims)
      expect(claims['provider_id']).toBeDefined()
      expect(html).not.toMatch(/<script|<img src="?x|onerror=alert\(1\)>/)
      expect(html.replace(/[\t\n\r]/g, '')).not.toMatch(HOSTILE)
      if (trap === 'bidi') expect(claims.name).toMatch(/^Rob.*Vale/)
      if (trap === 'markup') expect(claims.name).toContain('<script>')
      else if (trap !== 'bidi') expect(claims).not.toHaveProperty('name')
      if (trap !== 'bidi') expect(claims).not.toHaveProperty('email')
    },
  )

  test('a name of a megabyte is more than we read: nobody is signed in', async () => {
    setting.upstreams.traps[vendor].profile = 'oneMegabyteName'
    const { page } = await attempt(app, vendor, newcomer(setting, vendor))
    expectRefusal(setting, page, 502, 'upstream_invalid')
  })

  test('a name of twenty kilobytes is left out', async () => {
    const extra = { idToken: { name: 'A'.repeat(20_000) } }
    const { html, claims } = await firstSignIn(vendor, newcomer(setting, vendor, { extra }))
    expectClean(claims)
    expect(claims).not.toHaveProperty('name')
    expect(html).not.toContain('AAAAAAAA')
  })

  test('claims that nobody asked for end at the gate', async () => {
    const extra = {
      idToken: {
        birthdate: '1990-01-01',
        phone_number: '+44 20 7946 0000',
        groups: ['staff'],
        __proto__x: 1,
        constructor: { prototype: { isAdmin: true } },
        _claim_sources: { src: { endpoint: 'https://attacker.example/claims' } },
      },
    }
    const { html, claims } = await firstSignIn(vendor, newcomer(setting, vendor, { extra }))
    expectClean(claims)
    expect(html).not.toMatch(/1990|7946|isAdmin/)
  })
})

test.each([
  ['two signs', 'a@evil.example@widgets.example'],
  ['quotes', '"a b"@widgets.example'],
  ['a line break', 'dana@widgets.example\r\nBcc: all@widgets.example'],
  ['a comment', 'dana(x)@widgets .example'],
  ['three hundred characters', `${'d'.repeat(300)}@widgets.example`],
])('an e-mail address with %s is left out', async (_what, email) => {
  const { claims } = await firstSignIn(
    'google',
    newcomer(setting, 'google', { extra: { idToken: { email } } }),
  )
  expect(claims).not.toHaveProperty('email')
  expect(claims).not.toHaveProperty('email_verified')
})

describe('a picture', () => {
  const BAD = [
    ...(['missing', 'svg', 'svgAsPng', 'notAnImage', 'html', 'bomb', 'huge', 'truncated'] as const),
    ...(['throttled429', 'redirect302'] as const),
  ] satisfies PhotoTrap[]
  // The broker reads both alike: what takes long to make is made once.
  const CASES = [
    ...BAD.map((trap) => ['google', trap] as const),
    ...(['missing', 'svgAsPng', 'truncated', 'throttled429', 'redirect302'] as const).map(
      (trap) => ['microsoft', trap] as const,
    ),
  ]
  test.each(CASES)('of %s that is %s is left out, and the person is in', async (vendor, trap) => {
    setting.upstreams.traps[vendor].photo = trap
    const { html, claims } = await firstSignIn(vendor, newcomer(setting, vendor))
    expect(html).not.toContain('<img src="data:')
    expect(claims).not.toHaveProperty('picture')
    expect(claims.name).toBeDefined()
    if (trap !== 'missing') expectLogged(setting, 'optional_field_missing')
  })

  test('that never comes ends in time', async () => {
    setting.upstreams.traps.google.photo = 'slow'
    const { claims } = await firstSignIn('google', newcomer(setting, 'google'))
    expect(claims).not.toHaveProperty('picture')
  })

  const ADDRESSES = [
    ...(['metadata', 'loopback', 'otherHost', 'plainHttp', 'javascript', 'data'] as const),
  ] satisfies PictureUrlTrap[]
  test.each(ADDRESSES)('at an address that is %s is not asked for', async (trap) => {
    setting.upstreams.traps.google.pictureUrl = trap
    setting.upstreams.traps.oidc.pictureUrl = trap
    for (const vendor of ['google', 'oidc'] as const) {
      const { claims } = await firstSignIn(vendor, newcomer(setting, vendor))
      expect(claims).not.toHaveProperty('picture')
    }
    expect(setting.upstreams.requests.filter(({ url }) => /picture|photo|\/a\/|latest/.test(url))).toEqual([])
  })

  test('loses where it was taken, and is ours in form and address', async () => {
    setting.upstreams.traps.google.photo = 'gps'
    const { claims } = await firstSignIn('google', newcomer(setting, 'google'))
    expect(claims.picture).toMatch(new RegExp(`^${setting.issuer}/picture/`))
    const response = await fetch(String(claims.picture))
    expect(response.headers.get('content-type')).toBe('image/webp')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    const bytes = Buffer.from(await response.arrayBuffer())
    const { exif, format, width } = await sharp(bytes).metadata()
    expect({ exif, format, width }).toMatchObject({ exif: undefined, format: 'webp' })
    expect(bytes.includes('GPS')).toBe(false)
  })
})

describe('what is kept', () => {
  const kept = async (vendor: Vendor, person: string) => {
    const claims = await signInFully(app, vendor, person, { browser: testBrowser() })
    expectClean(claims)
    return claims
  }

  test.each(['google', 'microsoft'] as const)(
    'of a picture at %s stays while the answer is unknown, and goes when there is none',
    async (vendor) => {
      const person = newcomer(setting, vendor)
      const { picture } = await kept(vendor, person)
      expect(picture).toBeDefined()
      for (const trap of ['throttled429', 'slow'] as const) {
        setting.upstreams.traps[vendor].photo = trap
        expect(await kept(vendor, person)).toMatchObject({ picture, asked: false })
      }
      expect((await fetch(String(picture))).status).toBe(200)
      setting.upstreams.traps[vendor].photo = 'missing'
      const after = await kept(vendor, person)
      expect(after.asked).toBe(false)
      expect(after).not.toHaveProperty('picture')
      expect((await fetch(String(picture))).status).toBe(404)
      expect(
        await sql(setting, 'select 1 from subject where picture_digest is not null and subject = $1', [
          after.sub,
        ]),
      ).toEqual([])
    },
  )

  test('of a company stays while Graph is throttled or down, and follows what it says', async () => {
    const person = newcomer(setting, 'microsoft', { companyName: 'Old Name' })
    expect(await kept('microsoft', person)).toMatchObject({ company: 'Old Name' })
    for (const trap of ['throttled429', 'down', 'error500', 'html', 'forbidden'] as const) {
      setting.upstreams.traps.microsoft.graph = trap
      expect(await kept('microsoft', person)).toMatchObject({ company: 'Old Name', asked: false })
    }
    setting.upstreams.resetTraps()
    const { upstreams } = setting
    const model = {
      vendor: 'microsoft',
      tag: 'renamed',
      tenant: '3a1f9c52-7d11-4d0e-9a55-0c6f0f2f7a10',
    } as const
    const oid = '0b0b0b0b-0000-4000-8000-000000000001'
    const own = { ...model, id: 'renamed', oid, upn: 'renamed@larkspur.example', name: 'Re Named' }
    upstreams.addPerson({ ...own, companyName: 'First' })
    expect(await kept('microsoft', 'renamed')).toMatchObject({ company: 'First' })
    upstreams.addPerson(own)
    expect(await kept('microsoft', 'renamed')).toMatchObject({ company: 'Larkspur Legal', asked: false })
  })

  test('of a Workspace domain goes when the account leaves it', async () => {
    const person = newcomer(setting, 'google', { sub: '900000777' })
    expect(await kept('google', person)).toMatchObject({ company: 'widgets.example' })
    const gone = newcomer(setting, 'google', { sub: '900000777', hd: undefined })
    const after = await kept('google', gone)
    expect(after.asked).toBe(false)
    expect(after).not.toHaveProperty('company')
    expect(after).toMatchObject({ email_verified: false })
  })
})
