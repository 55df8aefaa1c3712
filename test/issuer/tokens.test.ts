// What is in a token, whom it is for, and who else may not use it.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import * as client from 'openid-client'
import {
  appYaml,
  secretOf,
  signIn,
  testApp,
  testBrowser,
  testSetting,
  type TestSetting,
} from '../support/app.ts'
import {
  askSilently,
  basicOf,
  codeOf,
  getCode,
  getTokens,
  isActive,
  keyOf,
  post,
  postAs,
  postPublic,
  publicYaml,
  read,
  redemption,
  tally,
  userinfo,
  type Answer,
  type OwnKey,
} from './helpers.ts'

const api = 'https://api.example.com/documents'
const vault = 'https://api.example.com/vault'
const resources = `    resources:
      ${api}: { scopes: documents.read documents.write }
      ${vault}: { scopes: vault.read, format: opaque, ttl: 1h }`

let setting: TestSetting
let key: OwnKey
let otherKey: OwnKey
beforeAll(async () => {
  ;[key, otherKey] = await Promise.all([keyOf('a'), keyOf('b')])
  setting = await testSetting({
    clients:
      appYaml('docs', '    refreshTokens: true') +
      appYaml('wiki', '    refreshTokens: true') +
      appYaml('sheet', '    sector: office') +
      appYaml('slides', '    sector: office') +
      appYaml('old', '    idTokenAlg: RS256') +
      appYaml('api', `    refreshTokens: true\n${resources}`) +
      publicYaml('bound', '    dpop: true') +
      publicYaml('phone') +
      `
  - id: bare
    name: bare
    secret: ${secretOf('bare')}
    redirectUris: [http://localhost:4999/bare/callback]
  - id: mailer
    name: mailer
    secret: ${secretOf('mailer')}
    redirectUris: [http://localhost:4999/mailer/callback]
    scopes: [email]`,
  })
})
afterAll(() => setting.close())

const refreshing = (token: unknown, more: Record<string, string> = {}): Record<string, string> => ({
  grant_type: 'refresh_token',
  refresh_token: String(token),
  ...more,
})
const jwks = () => createRemoteJWKSet(new URL(`${setting.issuer}/jwks`))
const claimsOf = (jwt: unknown): Record<string, unknown> =>
  JSON.parse(Buffer.from(String(jwt).split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

describe('a code', () => {
  test('of one app is nothing in another’s hands, and still good in its own', async () => {
    const { code, sent } = await getCode(await testApp(setting.issuer, 'docs'))
    for (const form of [redemption('docs', code, sent), redemption('wiki', code, sent)])
      expect(tally([await postAs(setting.issuer, '/token', 'wiki', form)])).toEqual({
        '400 invalid_grant': 1,
      })
    const asPublic = await postPublic(setting.issuer, '/token', 'phone', redemption('docs', code, sent))
    expect(tally([asPublic])).toEqual({ '400 invalid_grant': 1 })
    const own = await postAs(setting.issuer, '/token', 'docs', redemption('docs', code, sent))
    expect(own.status).toBe(200)
  })

  test('needs the app’s secret', async () => {
    const { code, sent } = await getCode(await testApp(setting.issuer, 'docs'))
    const form = redemption('docs', code, sent)
    const attempts: [Record<string, string>, Record<string, string>][] = [
      [{ ...form, client_id: 'docs' }, {}],
      [form, { authorization: basicOf('wiki').replace(/.$/, 'A') }],
      [{ ...form, client_id: 'docs', client_secret: secretOf('wiki') }, {}],
      [form, { authorization: `Basic ${Buffer.from('docs:').toString('base64')}` }],
      [form, { authorization: `Bearer ${secretOf('docs')}` }],
    ]
    for (const [body, headers] of attempts) {
      const answer = await post(`${setting.issuer}/token`, body, headers)
      expect([400, 401]).toContain(answer.status)
      expect(answer.body['error']).toMatch(/^invalid_(client|request|grant)$/)
      expect(answer.body['access_token']).toBeUndefined()
    }
  })

  test('and every bearer value carries 256 random bits', async () => {
    const { code } = await getCode(await testApp(setting.issuer, 'docs'))
    const { tokens } = await getTokens(setting, 'docs')
    for (const value of [code, tokens['access_token'], tokens['refresh_token']])
      expect(String(value)).toMatch(/^[\w-]{43}$/)
  })
})

describe('a refresh token', () => {
  test('of one app is nothing in another’s hands', async () => {
    const { tokens } = await getTokens(setting, 'docs')
    const stolen = await postAs(setting.issuer, '/token', 'wiki', refreshing(tokens['refresh_token']))
    expect(tally([stolen])).toEqual({ '400 invalid_grant': 1 })
    const revoked = await postAs(setting.issuer, '/revoke', 'wiki', {
      token: String(tokens['refresh_token']),
    })
    expect(tally([revoked])).toEqual({ '400 invalid_request': 1 })
    expect((await postAs(setting.issuer, '/token', 'docs', refreshing(tokens['refresh_token']))).status).toBe(
      200,
    )
  })

  test('never widens its scope', async () => {
    const { tokens } = await getTokens(setting, 'docs', { scope: 'openid email' })
    const wider = await postAs(
      setting.issuer,
      '/token',
      'docs',
      refreshing(tokens['refresh_token'], { scope: 'openid email profile' }),
    )
    expect(tally([wider])).toEqual({ '400 invalid_scope': 1 })
    const narrower = await postAs(
      setting.issuer,
      '/token',
      'docs',
      refreshing(tokens['refresh_token'], { scope: 'openid' }),
    )
    expect(Object.keys((await userinfo(setting.issuer, narrower.body['access_token'])).body)).toEqual(['sub'])
  })

  test('of a public app is new after each use, and reuse ends the chain', async () => {
    const { tokens } = await getTokens(setting, 'phone', { isPublic: true, scope: 'openid profile' })
    const next = await postPublic(setting.issuer, '/token', 'phone', refreshing(tokens['refresh_token']))
    expect(next.status).toBe(200)
    expect(next.body['refresh_token']).not.toBe(tokens['refresh_token'])
    const reuse = await postPublic(setting.issuer, '/token', 'phone', refreshing(tokens['refresh_token']))
    expect(tally([reuse])).toEqual({ '400 invalid_grant': 1 })
    const after = await postPublic(setting.issuer, '/token', 'phone', refreshing(next.body['refresh_token']))
    expect(tally([after])).toEqual({ '400 invalid_grant': 1 })
    expect((await userinfo(setting.issuer, next.body['access_token'])).status).toBe(401)
  })
})

describe('an ID token', () => {
  test.each([
    ['docs', 'ES256'],
    ['old', 'RS256'],
  ])('of %s is signed by %s and tells nothing but who and when', async (id, alg) => {
    const { tokens } = await getTokens(setting, id)
    const { payload, protectedHeader } = await jwtVerify(String(tokens['id_token']), jwks(), {
      issuer: setting.issuer,
      audience: id,
    })
    expect(protectedHeader.alg).toBe(alg)
    expect(payload['sid']).toBeDefined()
    const allowed = new Set(['sub', 'aud', 'iss', 'iat', 'exp', 'nonce', 'sid', 'auth_time', 'at_hash'])
    expect(Object.keys(payload).filter((claim) => !allowed.has(claim))).toEqual([])
  })

  test('names a person differently in each sector, and alike within one', async () => {
    const subs = new Map<string, unknown>()
    for (const id of ['docs', 'wiki', 'sheet', 'slides'])
      subs.set(id, claimsOf((await getTokens(setting, id)).tokens['id_token'])['sub'])
    expect(subs.get('sheet')).toBe(subs.get('slides'))
    expect(new Set([subs.get('docs'), subs.get('wiki'), subs.get('sheet')]).size).toBe(3)
  })

  test.each(['access_token', 'refresh_token'])('is no %s, nor the other way round', async (name) => {
    const { tokens } = await getTokens(setting, 'docs')
    const jwt = String(tokens['id_token'])
    expect((await userinfo(setting.issuer, jwt)).status).toBe(401)
    expect(await isActive(setting.issuer, 'docs', jwt)).toBe(false)
    expect(tally([await postAs(setting.issuer, '/token', 'docs', refreshing(jwt))])).toEqual({
      '400 invalid_grant': 1,
    })
    const url = new URL(`${setting.issuer}/session/end`)
    url.searchParams.set('id_token_hint', String(tokens[name]))
    expect((await fetch(url)).status).toBe(400)
  })
})

describe('an access token', () => {
  test('for a resource is a JWT of RFC 9068, five minutes at most', async () => {
    const { tokens } = await getTokens(setting, 'api', {
      scope: 'openid documents.read',
      parameters: { resource: api },
    })
    const { payload, protectedHeader } = await jwtVerify(String(tokens['access_token']), jwks(), {
      issuer: setting.issuer,
      audience: api,
      typ: 'at+jwt',
    })
    expect(protectedHeader.alg).toBe('ES256')
    expect(payload).toMatchObject({ client_id: 'api', scope: 'documents.read' })
    const id = claimsOf(tokens['id_token'])
    expect(payload['sub']).toBe(id['sub'])
    expect(payload['sid']).toBe(id['sid'])
    expect((payload.exp ?? Infinity) - (payload.iat ?? 0)).toBeLessThanOrEqual(300)
    expect(payload.jti).toBeDefined()
    expect((await userinfo(setting.issuer, tokens['access_token'])).status).toBe(401)
  })

  test('for an opaque resource lives an hour at most and is asked about', async () => {
    const { tokens } = await getTokens(setting, 'api', {
      scope: 'openid vault.read',
      parameters: { resource: vault },
    })
    const answer = await postAs(setting.issuer, '/introspect', 'api', {
      token: String(tokens['access_token']),
    })
    expect(answer.body).toMatchObject({ active: true, aud: vault, scope: 'vault.read' })
    expect(Number(answer.body['exp']) - Number(answer.body['iat'])).toBeLessThanOrEqual(3600)
  })

  test('is never given for a resource that the app was not granted', async () => {
    for (const [id, resource] of [
      ['api', 'https://api.example.com/other'],
      ['api', `${api}/`],
      ['docs', api],
    ] as const) {
      const app = await testApp(setting.issuer, id)
      const { url } = await testBrowser().open((await app.request({ resource })).url)
      expect(url.searchParams.get('error')).toBe('invalid_target')
    }
    const { tokens } = await getTokens(setting, 'api', {
      scope: 'openid documents.read',
      parameters: { resource: api },
    })
    for (const resource of ['https://api.example.com/other', vault]) {
      const answer = await postAs(
        setting.issuer,
        '/token',
        'api',
        refreshing(tokens['refresh_token'], { resource }),
      )
      expect(answer.status === 400 || claimsOf(answer.body['access_token'])['aud'] === api).toBe(true)
    }
  })

  test('is introspected by its own app and its sector, and looks dead to all others', async () => {
    const { tokens } = await getTokens(setting, 'sheet')
    expect(await isActive(setting.issuer, 'sheet', tokens['access_token'])).toBe(true)
    expect(await isActive(setting.issuer, 'slides', tokens['access_token'])).toBe(true)
    expect(await isActive(setting.issuer, 'docs', tokens['access_token'])).toBe(false)
    const asPublic = await postPublic(setting.issuer, '/introspect', 'phone', {
      token: String(tokens['access_token']),
    })
    expect(asPublic.body['active']).not.toBe(true)
  })

  test('is not taken from the query, nor from two places', async () => {
    const { tokens } = await getTokens(setting, 'docs')
    const token = String(tokens['access_token'])
    expect((await fetch(`${setting.issuer}/userinfo?access_token=${token}`)).status).toBeGreaterThanOrEqual(
      400,
    )
    const twice = await post(
      `${setting.issuer}/userinfo`,
      { access_token: token },
      { authorization: `Bearer ${token}` },
    )
    expect(twice.status).toBe(400)
  })
})

describe('a token bound to a key', () => {
  const call = async (token: unknown, headers: Record<string, string>): Promise<Answer> =>
    read(
      await fetch(`${setting.issuer}/userinfo`, {
        headers: { authorization: `DPoP ${String(token)}`, ...headers },
      }),
    )
  const tokenUrl = () => `${setting.issuer}/token`
  const ath = (token: unknown): string => createHash('sha256').update(String(token)).digest('base64url')

  test('works with that key alone, at userinfo and at refresh', async () => {
    const app = await testApp(setting.issuer, 'bound', { isPublic: true, scope: 'openid profile' })
    const { code, sent } = await getCode(app)
    const form = redemption('bound', code, sent)
    const { body } = await postPublic(setting.issuer, '/token', 'bound', form, {
      dpop: await key.proof('POST', tokenUrl()),
    })
    expect(body['token_type']).toBe('DPoP')
    const token = body['access_token']
    const url = `${setting.issuer}/userinfo`
    const proof = (by: OwnKey, method = 'GET', to = url, claims = { ath: ath(token) }) =>
      by.proof(method, to, claims)
    expect((await call(token, { dpop: await proof(key) })).status).toBe(200)
    expect((await userinfo(setting.issuer, token)).status).toBe(401)
    for (const dpop of [
      await proof(otherKey),
      await proof(key, 'POST'),
      await proof(key, 'GET', tokenUrl()),
      await proof(key, 'GET', url, { ath: ath('another') }),
      await key.proof('GET', url),
      await key.proof('GET', url, { ath: ath(token), iat: Math.floor(Date.now() / 1000) - 3600 }),
      'garbage',
    ])
      expect([400, 401]).toContain((await call(token, { dpop })).status)
    expect([400, 401]).toContain((await call(token, {})).status)

    const use = refreshing(body['refresh_token'])
    for (const headers of [{}, { dpop: await otherKey.proof('POST', tokenUrl()) }]) {
      const refused = await postPublic(setting.issuer, '/token', 'bound', use, headers)
      expect(refused.status).toBe(400)
    }
    const next = await postPublic(setting.issuer, '/token', 'bound', use, {
      dpop: await key.proof('POST', tokenUrl()),
    })
    expect(next.status).toBe(200)
  })

  test('is all that such an app is given', async () => {
    const app = await testApp(setting.issuer, 'bound', { isPublic: true, scope: 'openid profile' })
    const { code, sent } = await getCode(app)
    const answer = await postPublic(setting.issuer, '/token', 'bound', redemption('bound', code, sent))
    expect(answer.status).toBe(400)
    expect(answer.body['access_token']).toBeUndefined()
  })

  test('pinned in the request is redeemed with that key alone', async () => {
    const app = await testApp(setting.issuer, 'bound', { isPublic: true, scope: 'openid profile' })
    const { code, sent } = await getCode(app, { parameters: { dpop_jkt: key.thumbprint } })
    const stolen = await postPublic(setting.issuer, '/token', 'bound', redemption('bound', code, sent), {
      dpop: await otherKey.proof('POST', tokenUrl()),
    })
    expect(tally([stolen])).toEqual({ '400 invalid_grant': 1 })
  })
})

describe('scopes and claims', () => {
  test('beyond what an app is granted give nothing more', async () => {
    const app = await testApp(setting.issuer, 'mailer', { scope: 'openid email' })
    const { tokens } = await getTokens(setting, 'mailer', { scope: 'openid email' })
    const info = await userinfo(setting.issuer, tokens['access_token'])
    expect(Object.keys(info.body).toSorted()).toEqual(['email', 'email_verified', 'sub'])
    const { url } = await testBrowser().open((await app.request({ scope: 'openid profile email' })).url)
    expect(url.searchParams.get('error')).toBe('invalid_scope')
  })

  test('by the claims parameter reach as far as the grant, and no further', async () => {
    const claims = JSON.stringify({
      userinfo: {
        email: null,
        name: { essential: true },
        picture: null,
        company: null,
        provider_id: null,
        phone: null,
      },
      id_token: { email: { essential: true }, name: null },
    })
    const { tokens } = await getTokens(setting, 'mailer', { scope: 'openid', parameters: { claims } })
    const info = await userinfo(setting.issuer, tokens['access_token'])
    expect(Object.keys(info.body).toSorted()).toEqual(['email', 'sub'])
    expect(claimsOf(tokens['id_token'])).toMatchObject({ email: 'dana@widgets.example' })
    expect(claimsOf(tokens['id_token'])['name']).toBeUndefined()

    const bare = await getTokens(setting, 'bare', { scope: 'openid', parameters: { claims } })
    expect(Object.keys((await userinfo(setting.issuer, bare.tokens['access_token'])).body)).toEqual(['sub'])
    expect(claimsOf(bare.tokens['id_token'])['email']).toBeUndefined()
  })

  test('asked for less give less, even after a fuller grant', async () => {
    const { tokens, browser } = await getTokens(setting, 'docs')
    expect((await userinfo(setting.issuer, tokens['access_token'])).body).toHaveProperty('email')
    const less = await testApp(setting.issuer, 'docs', { scope: 'openid' })
    const { code, sent } = await askSilently(less, browser)
    const { body } = await postAs(setting.issuer, '/token', 'docs', redemption('docs', code ?? '', sent))
    expect(Object.keys((await userinfo(setting.issuer, body['access_token'])).body)).toEqual(['sub'])
  })

  test('can’t be had without a person', async () => {
    for (const grant of [
      'client_credentials',
      'password',
      'implicit',
      'urn:ietf:params:oauth:grant-type:device_code',
    ]) {
      const answer = await postAs(setting.issuer, '/token', 'docs', { grant_type: grant, scope: 'openid' })
      expect(answer.status).toBe(400)
      expect(answer.body['error']).toMatch(/^(unsupported_grant_type|unauthorized_client)$/)
    }
  })
})

test('the sub of another person is noticed by the app', async () => {
  const app = await testApp(setting.issuer, 'docs')
  const sent = await app.request()
  const page = await signIn(testBrowser(), sent.url, 'google', 'dana')
  expect(codeOf(page)).toBeDefined()
  const tokens = await app.exchange(page, sent)
  expect(decodeProtectedHeader(tokens.id_token ?? '')).toHaveProperty('kid')
  await expect(client.fetchUserInfo(app.config, tokens.access_token, 'somebody-else')).rejects.toThrow()
})
