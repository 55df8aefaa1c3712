/**
 * The simulated Microsoft keeps to what Microsoft documents: authorities, keys, claims, and errors in AADSTS codes.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, customFetch, decodeProtectedHeader, jwtVerify } from 'jose'
import { z } from 'zod'
import { larkspur, quayside } from '../../../demo/upstreams/cast.ts'
import { consumersTenant } from '../../../demo/upstreams/people.ts'
import { createPlainApp, jsonOf } from '../../../demo/upstreams/plain-app.ts'
import type { PlainApp } from '../../../demo/upstreams/plain-app.ts'
import { startUpstreams } from '../../../demo/upstreams/server.ts'
import type { Upstreams } from '../../../demo/upstreams/server.ts'
import { createVisitor } from '../../../demo/upstreams/visitor.ts'

const login = 'https://login.microsoftonline.com'
const jwks = z.object({ keys: z.array(z.record(z.string(), z.unknown())) })

let upstreams: Upstreams
let app: PlainApp
let clock = Date.now()

beforeAll(async () => {
  upstreams = await startUpstreams({ now: () => clock })
  app = createPlainApp(upstreams, 'microsoft')
})

afterAll(() => upstreams.close())

const at = (authority: string): PlainApp => createPlainApp(upstreams, 'microsoft', { authority })

describe('authorities', () => {
  test.each([
    ['common', `${login}/{tenantid}/v2.0`],
    ['organizations', `${login}/{tenantid}/v2.0`],
    ['consumers', `${login}/${consumersTenant}/v2.0`],
    [larkspur.id, `${login}/${larkspur.id}/v2.0`],
    [larkspur.domain, `${login}/${larkspur.id}/v2.0`],
  ])('%s names the issuer %s and no PKCE methods', async (authority, issuer) => {
    const document = await jsonOf(
      await upstreams.fetch(`${login}/${authority}/v2.0/.well-known/openid-configuration`),
    )
    expect(document).toMatchObject({ issuer, token_endpoint: `${login}/${authority}/oauth2/v2.0/token` })
    for (const absent of [
      'code_challenge_methods_supported',
      'revocation_endpoint',
      'authorization_response_iss_parameter_supported',
    ]) {
      expect(document).not.toHaveProperty(absent)
    }
  })

  test('an unknown tenant is AADSTS90002', async () => {
    const answer = await upstreams.fetch(`${login}/nowhere.example/v2.0/.well-known/openid-configuration`)
    expect(await jsonOf(answer)).toMatchObject({ error: 'invalid_tenant', error_codes: [90002] })
  })

  test.each([
    ['consumers', 'robin'],
    ['organizations', 'kim'],
    [larkspur.id, 'kim'],
    [larkspur.id, 'mallory'],
  ])('%s turns %s away on its own page, AADSTS50020', async (authority, person) => {
    const visitor = createVisitor(upstreams)
    const page = await visitor.choose(await visitor.open(at(authority).authorizeUrl()), person)
    expect(page).toMatchObject({
      status: 400,
      location: undefined,
      html: expect.stringContaining('AADSTS50020'),
    })
  })

  test('a code of one authority is refused at another', async () => {
    const callback = await at('organizations').signIn('robin')
    expect((await at('common').redeem(callback)).body).toMatchObject({ error_codes: [700005] })
  })
})

describe('keys', () => {
  test('are three, each with the issuer it may sign for and a certificate of its own', async () => {
    const answer = await upstreams.fetch(`${login}/common/discovery/v2.0/keys`)
    const { keys } = jwks.parse(await answer.json())
    expect(keys.map(({ issuer }) => issuer)).toEqual([
      `${login}/{tenantid}/v2.0`,
      `${login}/{tenantid}/v2.0`,
      `${login}/${consumersTenant}/v2.0`,
    ])
    for (const key of keys) {
      const [x5c = ''] = z.array(z.string()).parse(key['x5c'])
      const certificate = new X509Certificate(Buffer.from(x5c, 'base64'))
      expect(certificate.verify(certificate.publicKey)).toBe(true)
      expect(certificate.publicKey.export({ format: 'jwk' })).toMatchObject({ n: key['n'] })
      expect(key['x5t']).toBe(createHash('sha1').update(certificate.raw).digest('base64url'))
      expect(key).not.toHaveProperty('alg')
    }
  })

  test.each([
    ['robin', 0],
    ['kim', 2],
  ])('%s has a token under key %i that verifies', async (person, index) => {
    const address = new URL(`${login}/common/discovery/v2.0/keys`)
    const token = z.string().parse((await app.tokens(person))['id_token'])
    await jwtVerify(token, createRemoteJWKSet(address, { [customFetch]: upstreams.fetch }), {
      audience: app.client.id,
      currentDate: new Date(clock),
    })
    const { keys } = jwks.parse(await (await upstreams.fetch(address)).json())
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'RS256', kid: keys[index]?.['kid'] })
  })
})

describe('ID tokens', () => {
  test('of a work account have tid and oid, and date five minutes back', async () => {
    const claims = await app.claims('robin')
    expect(claims).toMatchObject({
      iss: `${login}/${larkspur.id}/v2.0`,
      tid: larkspur.id,
      oid: 'c1d2e3f4-1111-4222-8333-444455556666',
      preferred_username: 'robin@larkspur.example',
      email: 'robin@larkspur.example',
      xms_edov: true,
      ver: '2.0',
      nonce: 'nonce-1',
      iat: Math.floor(clock / 1000) - 300,
    })
    for (const absent of ['email_verified', 'picture', 'at_hash', 'auth_time', 'companyName']) {
      expect(claims).not.toHaveProperty(absent)
    }
  })

  test('of a personal account have the consumers tenant and an oid of sixteen digits', async () => {
    expect(await app.claims('kim')).toMatchObject({
      iss: `${login}/${consumersTenant}/v2.0`,
      tid: consumersTenant,
      oid: '00000000-0000-0000-1ee2-a7991dc5b56b',
      email: 'kim@outlook.example',
    })
  })

  test('of a guest belong to the inviting tenant, under another oid and sub than at home', async () => {
    const home = await app.claims('priya')
    const guest = await at(larkspur.id).claims('priya')
    expect(home).toMatchObject({ tid: quayside.id, oid: '29d6b8f0-3e41-47ca-8a07-c5f21e9d4b36' })
    expect(guest).toMatchObject({
      tid: larkspur.id,
      oid: '7fa5c203-18be-4d69-a3c4-60e2d9b1f857',
      idp: `https://sts.windows.net/${quayside.id}/`,
    })
    expect(guest['sub']).not.toBe(home['sub'])
  })

  test('have no e-mail for an account without mail', async () => {
    expect(await app.claims('jonas')).not.toHaveProperty('email')
  })

  test("carry a stranger's e-mail for the nOAuth attacker, whose tenant never proved the domain", async () => {
    expect(await app.claims('mallory')).toMatchObject({
      tid: quayside.id,
      email: 'robin@larkspur.example',
      xms_edov: false,
    })
  })

  test('have another sub for every app and the same oid', async () => {
    const other = createPlainApp(upstreams, 'microsoft', { client: { id: 'other-app' } })
    const [here, there] = [await app.claims('robin'), await other.claims('robin')]
    expect(there['oid']).toBe(here['oid'])
    expect(there['sub']).not.toBe(here['sub'])
  })

  test('have auth_time only where the app registration asks for it', async () => {
    const client = { id: 'auth-time-app', optionalClaims: ['auth_time' as const] }
    const claims = await createPlainApp(upstreams, 'microsoft', { client }).claims('robin')
    expect(claims['auth_time']).toBe(Math.floor(clock / 1000))
    expect(claims).not.toHaveProperty('sid')
  })
})

describe('the authorization endpoint', () => {
  test.each([
    ['an unknown client', { client_id: 'stranger' }, 'AADSTS700016'],
    ['a redirect URI that is not registered', { redirect_uri: 'https://attacker.example/' }, 'AADSTS50011'],
  ])('answers %s by its own page', async (_what, more, code) => {
    const page = await createVisitor(upstreams).open(app.authorizeUrl(more))
    expect(page).toMatchObject({ status: 400, location: undefined, html: expect.stringContaining(code) })
  })

  test.each([
    ['two prompts at once', { prompt: 'login consent' }, 'invalid_request'],
    [
      'select_account with a hint',
      { prompt: 'select_account', login_hint: 'robin@larkspur.example' },
      'invalid_request',
    ],
    ['prompt=none without a session', { prompt: 'none' }, 'login_required'],
  ])('sends %s back as an error', async (_what, more, error) => {
    const { location = '' } = await createVisitor(upstreams).open(app.authorizeUrl(more))
    const parameters = new URL(location).searchParams
    expect(parameters.get('error')).toBe(error)
    expect(parameters.get('error_description')).toMatch(/^AADSTS\d+/)
    expect(parameters.get('error_uri')).toMatch(/^https:\/\/login\.microsoftonline\.com\/error\?code=/)
    expect(parameters.get('state')).toBe('state-1')
  })

  test('answers prompt=none silently for a session', async () => {
    const visitor = createVisitor(upstreams)
    await visitor.signIn(app.authorizeUrl(), 'robin')
    const { location } = await visitor.open(app.authorizeUrl({ prompt: 'none' }))
    expect(location).toContain('code=1.AX0A')
  })

  test('sends a declined consent back as AADSTS65004', async () => {
    const visitor = createVisitor(upstreams)
    const { location = '' } = await visitor.cancel(await visitor.open(app.authorizeUrl()))
    expect(location).toContain('error=access_denied')
    expect(location).toContain('AADSTS65004')
  })

  test('can answer by a form that posts to the app', async () => {
    const visitor = createVisitor(upstreams)
    const page = await visitor.choose(
      await visitor.open(app.authorizeUrl({ response_mode: 'form_post' })),
      'robin',
    )
    expect(page).toMatchObject({ status: 200, location: undefined })
    expect(page.html).toContain('action="http://localhost:9/callback"')
    expect(page.html).toContain('name="code"')
  })
})

describe('the token endpoint', () => {
  test('redeems a code once: then AADSTS54005', async () => {
    const callback = await app.signIn('robin')
    expect((await app.redeem(callback)).status).toBe(200)
    expect(await app.redeem(callback)).toMatchObject({
      status: 400,
      body: {
        error: 'invalid_grant',
        error_codes: [54005],
        error_uri: `${login}/error?code=54005`,
        error_description: expect.stringMatching(/^AADSTS54005: .*\r\nTrace ID: /),
      },
    })
  })

  test.each([
    ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
    ['a wrong code', { code: 'wrong' }, 400, 'invalid_grant', 70000],
    ['a verifier nobody asked for', { code_verifier: 'x'.repeat(43) }, 400, 'invalid_grant', 501481],
    ['an unknown app', { client_id: 'stranger' }, 400, 'unauthorized_client', 700016],
    ['another grant type', { grant_type: 'password' }, 400, 'invalid_request', 9001023],
  ])('answers %s by its code', async (_what, more, status, error, code) => {
    const answer = await app.redeem(await app.signIn('robin'), more)
    expect(answer).toMatchObject({ status, body: { error, error_codes: [code] } })
  })

  test('finds a code of eleven minutes too old', async () => {
    const callback = await app.signIn('robin')
    clock += 660_000
    expect((await app.redeem(callback)).body).toMatchObject({ error_codes: [70008] })
  })

  test('gives a refresh token for offline_access, which works more than once', async () => {
    expect(await app.tokens('robin')).not.toHaveProperty('refresh_token')
    const callback = await app.signIn('robin', { scope: 'openid offline_access' })
    const first = await app.redeem(callback)
    const refresh = {
      grant_type: 'refresh_token',
      refresh_token: z.string().parse(first.body['refresh_token']),
    }
    for (let round = 0; round < 2; round += 1) {
      expect((await app.redeem(callback, refresh)).body).toHaveProperty('refresh_token')
    }
  })
})
