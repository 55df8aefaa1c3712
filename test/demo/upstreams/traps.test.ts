/**
 * Every switch does what its line says: ID tokens, callbacks, keys, profile values and the vendors' own oddities.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, customFetch, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { z } from 'zod'
import { larkspur } from '../../../demo/upstreams/cast.ts'
import { leftHalfHash } from '../../../demo/upstreams/id-token.ts'
import { consumersTenant } from '../../../demo/upstreams/people.ts'
import { createPlainApp, jsonOf } from '../../../demo/upstreams/plain-app.ts'
import type { PlainApp } from '../../../demo/upstreams/plain-app.ts'
import { startUpstreams } from '../../../demo/upstreams/server.ts'
import type { Upstreams } from '../../../demo/upstreams/server.ts'
import { setTrap, trapFamilies } from '../../../demo/upstreams/traps.ts'
import { createVisitor } from '../../../demo/upstreams/visitor.ts'

const jwksOf = {
  google: 'https://www.googleapis.com/oauth2/v3/certs',
  microsoft: 'https://login.microsoftonline.com/common/discovery/v2.0/keys',
  oidc: 'https://oidc.example/jwks',
} as const
const personOf = { google: 'dana', microsoft: 'robin', oidc: 'ola' } as const
const vendors = ['google', 'microsoft', 'oidc'] as const

let upstreams: Upstreams
let apps: Record<(typeof vendors)[number], PlainApp>

beforeAll(async () => {
  upstreams = await startUpstreams()
  apps = {
    google: createPlainApp(upstreams, 'google'),
    microsoft: createPlainApp(upstreams, 'microsoft'),
    oidc: createPlainApp(upstreams, 'oidc'),
  }
})

afterEach(() => upstreams.resetTraps())

afterAll(() => upstreams.close())

const idToken = async (vendor: (typeof vendors)[number]): Promise<string> =>
  z.string().parse((await apps[vendor].tokens(personOf[vendor]))['id_token'])

const verifies = async (vendor: (typeof vendors)[number], token: string): Promise<boolean> => {
  const keys = createRemoteJWKSet(new URL(jwksOf[vendor]), { [customFetch]: upstreams.fetch })
  return jwtVerify(token, keys, { algorithms: ['RS256'], currentDate: new Date(0) }).then(
    () => true,
    (error: unknown) => error instanceof Error && error.message.includes('claim'),
  )
}

describe.each(vendors)('%s: ID token', (vendor) => {
  const now = Math.floor(Date.now() / 1000)
  test.each([
    ['wrongIss', { iss: 'https://attacker.example' }],
    ['wrongAud', { aud: 'another-client.apps.example' }],
    ['extraAud', { aud: [expect.any(String), 'another-client.apps.example'] }],
    ['wrongNonce', { nonce: expect.not.stringMatching(/^nonce-1$/) }],
    ['missingNonce', { nonce: undefined }],
    ['missingSub', { sub: undefined }],
    ['missingExp', { exp: undefined }],
    ['hasEventsClaim', { events: expect.anything() }],
  ] as const)('%s is in the claims, under a good signature', async (trap, claims) => {
    upstreams.traps[vendor].idToken = trap
    const token = await idToken(vendor)
    const decoded = decodeJwt(token)
    for (const [name, value] of Object.entries(claims)) expect(decoded[name]).toEqual(value)
    expect(await verifies(vendor, token)).toBe(true)
  })

  test('wrongAtHash is not the hash of the access token', async () => {
    upstreams.traps[vendor].idToken = 'wrongAtHash'
    const tokens = await apps[vendor].tokens(personOf[vendor])
    const hash = leftHalfHash(z.string().parse(tokens['access_token']))
    expect(decodeJwt(z.string().parse(tokens['id_token']))['at_hash']).toEqual(
      expect.not.stringMatching(hash),
    )
  })

  test('expired lies back, future lies ahead', async () => {
    upstreams.traps[vendor].idToken = 'expired'
    expect(decodeJwt(await idToken(vendor)).exp).toBeLessThan(now)
    upstreams.traps[vendor].idToken = 'future'
    expect(decodeJwt(await idToken(vendor)).iat).toBeGreaterThan(now + 3000)
  })

  test.each([
    ['algNone', 'none'],
    ['algHs256', 'HS256'],
    ['algHs256PublicKey', 'HS256'],
    ['badSignature', 'RS256'],
  ] as const)('%s does not verify', async (trap, alg) => {
    upstreams.traps[vendor].idToken = trap
    const token = await idToken(vendor)
    expect(decodeProtectedHeader(token).alg).toBe(alg)
    expect(await verifies(vendor, token)).toBe(false)
  })

  test('keys: a rotated key verifies after a new fetch, an unknown one never', async () => {
    const before = createRemoteJWKSet(new URL(jwksOf[vendor]), { [customFetch]: upstreams.fetch })
    await jwtVerify(await idToken(vendor), before)
    upstreams.traps[vendor].keys = 'rotated'
    const rotated = await idToken(vendor)
    await expect(jwtVerify(rotated, before)).rejects.toThrow('no applicable key')
    expect(await verifies(vendor, rotated)).toBe(true)
    upstreams.traps[vendor].keys = 'unknownKid'
    expect(await verifies(vendor, await idToken(vendor))).toBe(false)
  })

  test('token: noIdToken leaves it out', async () => {
    upstreams.traps[vendor].token = 'noIdToken'
    expect(await apps[vendor].tokens(personOf[vendor])).not.toHaveProperty('id_token')
  })

  test('token: expiredSecret looks like our own fault, not like revoked users', async () => {
    const callback = await apps[vendor].signIn(personOf[vendor])
    upstreams.traps[vendor].token = 'expiredSecret'
    expect(await apps[vendor].redeem(callback)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
  })
})

describe.each(vendors)('%s: callback', (vendor) => {
  const callback = async (): Promise<URLSearchParams> =>
    (await apps[vendor].signIn(personOf[vendor])).searchParams

  test('accessDenied and serverError come back as errors', async () => {
    upstreams.traps[vendor].authorize = 'accessDenied'
    expect((await callback()).get('error')).toBe('access_denied')
    upstreams.traps[vendor].authorize = 'serverError'
    expect((await callback()).get('error')).toBe('server_error')
  })

  test('state is dropped or replaced', async () => {
    upstreams.traps[vendor].authorize = 'dropState'
    expect((await callback()).has('state')).toBe(false)
    upstreams.traps[vendor].authorize = 'wrongState'
    expect((await callback()).get('state')).not.toBe('state-1')
  })

  test('the code comes twice', async () => {
    upstreams.traps[vendor].authorize = 'duplicateCode'
    expect((await callback()).getAll('code')).toHaveLength(2)
  })
})

test.each(['google', 'oidc'] as const)('%s: iss is on, off or wrong', async (vendor) => {
  const iss = async () => (await apps[vendor].signIn(personOf[vendor])).searchParams.get('iss')
  expect(await iss()).toBe(vendor === 'google' ? 'https://accounts.google.com' : 'https://oidc.example')
  upstreams.traps[vendor].issParameter = 'off'
  expect(await iss()).toBeNull()
  upstreams.traps[vendor].issParameter = 'wrong'
  expect(await iss()).toBe('https://attacker.example')
})

describe('profile values', () => {
  test.each(vendors)('%s: missing, of wrong type, huge, markup, bidi', async (vendor) => {
    const claims = async (trap: 'missing' | 'wrongType' | 'oneMegabyteName' | 'markup' | 'bidi') => {
      upstreams.traps[vendor].profile = trap
      return apps[vendor].claims(personOf[vendor])
    }
    expect(await claims('missing')).not.toHaveProperty('name')
    expect(await claims('wrongType')).toMatchObject({ name: { given: 'Robin' } })
    expect(await claims('oneMegabyteName')).toMatchObject({ name: 'A'.repeat(1024 * 1024) })
    expect(await claims('markup')).toMatchObject({ name: expect.stringContaining('<script>') })
    expect(await claims('bidi')).toMatchObject({ name: expect.stringContaining('\u202E') })
  })

  test('Graph answers are bent too', async () => {
    const { access_token: token } = await apps.microsoft.tokens('robin', { scope: 'openid User.Read' })
    upstreams.traps.microsoft.profile = 'wrongType'
    const me = await upstreams.fetch('https://graph.microsoft.com/v1.0/me?$select=companyName', {
      headers: { authorization: `Bearer ${String(token)}` },
    })
    expect(await jsonOf(me)).toMatchObject({ companyName: { name: 'Larkspur' } })
  })

  test.each([
    ['metadata', 'http://169.254.169.254/latest/meta-data/'],
    ['otherHost', 'https://attacker.example/picture.png'],
    ['javascript', 'javascript:alert(1)'],
    ['plainHttp', expect.stringMatching(/^http:\/\/(lh3|oidc)/)],
  ] as const)('pictureUrl %s stands in picture', async (trap, picture) => {
    for (const vendor of ['google', 'oidc'] as const) {
      upstreams.traps[vendor].pictureUrl = trap
      expect(await apps[vendor].claims(personOf[vendor])).toMatchObject({ picture })
    }
  })
})

describe('Google alone', () => {
  test('bareIssuer, emailVerifiedAsString, subChangedForSameEmail', async () => {
    const { google } = upstreams.traps
    google.bareIssuer = 'on'
    google.emailVerifiedAsString = 'on'
    google.subChangedForSameEmail = 'on'
    const claims = await apps.google.claims('dana')
    expect(claims).toMatchObject({
      iss: 'accounts.google.com',
      email: 'dana@widgets.example',
      email_verified: 'true',
      sub: expect.stringMatching(/^\d{21}$/),
    })
    expect(claims['sub']).not.toBe('108204268033311374519')
  })

  test.each(['access_denied', 'immediate_failed'] as const)('prompt=none may fail by %s', async (error) => {
    upstreams.traps.google.promptNoneError = error
    const page = await createVisitor(upstreams).open(apps.google.authorizeUrl({ prompt: 'none' }))
    expect(page.location).toContain(`error=${error}`)
  })
})

describe('Microsoft alone', () => {
  test.each([
    ['tidNotGuid', { tid: 'evil', iss: 'https://login.microsoftonline.com/evil/v2.0' }],
    ['tidMissing', { tid: undefined, iss: 'https://login.microsoftonline.com/undefined/v2.0' }],
    [
      'issTidMismatch',
      { tid: expect.not.stringMatching(larkspur.id), iss: expect.stringContaining(larkspur.id) },
    ],
    ['v1Token', { ver: '1.0', iss: `https://sts.windows.net/${larkspur.id}/` }],
  ] as const)('%s is in the claims, under a good signature', async (trap, claims) => {
    upstreams.traps.microsoft[trap] = 'on'
    const token = await idToken('microsoft')
    const decoded = decodeJwt(token)
    for (const [name, value] of Object.entries(claims)) expect(decoded[name]).toEqual(value)
    expect(await verifies('microsoft', token)).toBe(true)
  })

  test("consumerKeySignsWorkToken: the key's own issuer is another", async () => {
    upstreams.traps.microsoft.consumerKeySignsWorkToken = 'on'
    const token = await idToken('microsoft')
    const { keys } = z
      .object({ keys: z.array(z.object({ kid: z.string(), issuer: z.string() })) })
      .parse(await (await upstreams.fetch(jwksOf.microsoft)).json())
    const key = keys.find(({ kid }) => kid === decodeProtectedHeader(token).kid)
    expect(key?.issuer).toContain(consumersTenant)
    expect(decodeJwt(token).iss).toContain(larkspur.id)
  })

  test('unpublishedKey: no published key verifies it', async () => {
    upstreams.traps.microsoft.unpublishedKey = 'on'
    expect(await verifies('microsoft', await idToken('microsoft'))).toBe(false)
  })

  test('removeUnverifiedEmail keeps the attacker’s address out', async () => {
    upstreams.traps.microsoft.removeUnverifiedEmail = 'on'
    expect(await apps.microsoft.claims('mallory')).not.toHaveProperty('email')
    expect(await apps.microsoft.claims('robin')).toHaveProperty('email')
  })

  test.each([
    ['number', 1, 0],
    ['text', 'true', 'false'],
    ['textNumber', '1', '0'],
  ] as const)('xms_edov may be a %s', async (trap, verified, unverified) => {
    upstreams.traps.microsoft.xmsEdov = trap
    expect(await apps.microsoft.claims('robin')).toMatchObject({ xms_edov: verified })
    expect(await apps.microsoft.claims('mallory')).toMatchObject({ xms_edov: unverified })
  })

  const refusals = trapFamilies.find(({ family }) => family === 'refuse')?.values ?? {}
  test.each(Object.keys(refusals).filter((code) => code !== 'off'))(
    'refuse %s answers by it',
    async (code) => {
      const callback = await apps.microsoft.signIn('robin')
      setTrap(upstreams.traps, 'microsoft', 'refuse', code)
      const { body } = await apps.microsoft.redeem(callback)
      expect(body).toMatchObject({ error_codes: [Number(code.replace('AADSTS', ''))] })
      expect(body['error_description']).toMatch(new RegExp(`^${code}: `))
    },
  )
})

test('oidc: auth_time is missing or old', async () => {
  upstreams.traps.oidc.authTime = 'off'
  expect(await apps.oidc.claims('ola', { max_age: '10' })).not.toHaveProperty('auth_time')
  upstreams.traps.oidc.authTime = 'old'
  expect((await apps.oidc.claims('ola', { prompt: 'login' }))['auth_time']).toBeLessThan(
    Date.now() / 1000 - 80_000,
  )
})

test('a person who was removed can redeem nothing any more', async () => {
  upstreams.addPerson({
    vendor: 'google',
    id: 'leaver',
    tag: 'leaves',
    sub: '100000000000000000077',
    email: 'leaver@widgets.example',
    emailVerified: true,
  })
  const callback = await apps.google.signIn('leaver')
  upstreams.removePerson('leaver')
  expect(await apps.google.redeem(callback)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
})
