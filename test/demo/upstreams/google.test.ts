/**
 * The simulated Google keeps to what Google documents: discovery, authorization, callback, tokens, keys, revocation.
 */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import { z } from 'zod'
import { createPlainApp, jsonOf } from '../../../demo/upstreams/plain-app.ts'
import type { PlainApp } from '../../../demo/upstreams/plain-app.ts'
import { startUpstreams } from '../../../demo/upstreams/server.ts'
import type { Upstreams } from '../../../demo/upstreams/server.ts'
import { createVisitor } from '../../../demo/upstreams/visitor.ts'

let upstreams: Upstreams
let app: PlainApp
let clock = Date.now()

beforeAll(async () => {
  upstreams = await startUpstreams({ now: () => clock })
  app = createPlainApp(upstreams, 'google')
})

afterAll(() => upstreams.close())

describe('discovery', () => {
  test('names real addresses on four hosts and says nothing of iss', async () => {
    const answer = await upstreams.fetch('https://accounts.google.com/.well-known/openid-configuration')
    const document = await jsonOf(answer)
    expect(document).toMatchObject({
      issuer: 'https://accounts.google.com',
      authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
      token_endpoint: 'https://oauth2.googleapis.com/token',
      userinfo_endpoint: 'https://openidconnect.googleapis.com/v1/userinfo',
      jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
      code_challenge_methods_supported: ['plain', 'S256'],
    })
    expect(document).not.toHaveProperty('authorization_response_iss_parameter_supported')
    expect(document).not.toHaveProperty('end_session_endpoint')
  })

  test('publishes two keys with a cache lifetime', async () => {
    const answer = await upstreams.fetch('https://www.googleapis.com/oauth2/v3/certs')
    expect(answer.headers.get('cache-control')).toBe('public, max-age=19800, must-revalidate, no-transform')
    expect((await jsonOf(answer))['keys']).toHaveLength(2)
  })
})

describe('the authorization endpoint', () => {
  test.each([
    ['an unknown client', { client_id: 'stranger' }, 401, 'invalid_client'],
    [
      'a redirect URI that is not registered',
      { redirect_uri: 'http://localhost:9/callback/' },
      400,
      'redirect_uri_mismatch',
    ],
    ['prompt=login, which Google does not have', { prompt: 'login' }, 400, 'invalid_request'],
    ['prompt=none together with another', { prompt: 'none consent' }, 400, 'invalid_request'],
  ])('answers %s by its own page and no redirect', async (_what, more, status, code) => {
    const page = await createVisitor(upstreams).open(app.authorizeUrl(more))
    expect(page).toMatchObject({ status, location: undefined, html: expect.stringContaining(code) })
  })

  test('calls back with iss, an escaped code and long scope names', async () => {
    const callback = await app.signIn('dana')
    expect(callback.search).toContain('code=4%2F0A')
    expect(Object.fromEntries(callback.searchParams)).toMatchObject({
      state: 'state-1',
      iss: 'https://accounts.google.com',
      scope:
        'email profile https://www.googleapis.com/auth/userinfo.profile https://www.googleapis.com/auth/userinfo.email openid',
      authuser: '0',
      hd: 'widgets.example',
      prompt: 'consent',
    })
  })

  test('calls back with access_denied when the person cancels', async () => {
    const visitor = createVisitor(upstreams)
    const page = await visitor.cancel(await visitor.open(app.authorizeUrl()))
    expect(page.location).toBe('http://localhost:9/callback?error=access_denied&state=state-1')
  })

  test('answers prompt=none by an error without a session, and silently with one', async () => {
    const visitor = createVisitor(upstreams)
    const silent = app.authorizeUrl({ prompt: 'none', login_hint: 'ines@harbour.example' })
    expect((await visitor.open(silent)).location).toContain('error=interaction_required')
    await visitor.signIn(app.authorizeUrl(), 'ines')
    expect((await visitor.open(silent)).location).toContain('code=4%2F0A')
  })

  test('puts the hinted person first and picks nobody', async () => {
    const page = await createVisitor(upstreams).open(
      app.authorizeUrl({ login_hint: '106518830274459911206' }),
    )
    expect(page.status).toBe(200)
    expect(/name="person"\s+value="([^"]*)"/.exec(page.html)?.[1]).toBe('noor')
  })
})

describe('the token endpoint', () => {
  test('gives an ID token that the published keys verify', async () => {
    const answer = await app.tokens('dana')
    const keys = createRemoteJWKSet(new URL('https://www.googleapis.com/oauth2/v3/certs'), {
      [customFetch]: upstreams.fetch,
    })
    const { payload, protectedHeader } = await jwtVerify(z.string().parse(answer['id_token']), keys, {
      issuer: 'https://accounts.google.com',
      audience: app.client.id,
      algorithms: ['RS256'],
      currentDate: new Date(clock),
    })
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'JWT' })
    const hash = createHash('sha256').update(z.string().parse(answer['access_token'])).digest()
    expect(payload).toMatchObject({
      azp: app.client.id,
      sub: '108204268033311374519',
      hd: 'widgets.example',
      nonce: 'nonce-1',
      at_hash: hash.subarray(0, 16).toString('base64url'),
      picture: expect.stringMatching(/^https:\/\/lh3\.googleusercontent\.com\/a\/ACg8oc[\w-]+=s96-c$/),
    })
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600)
  })

  test('accepts the client by HTTP Basic too', async () => {
    const callback = await app.signIn('theo')
    const answer = await upstreams.fetch('https://oauth2.googleapis.com/token', {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${app.client.id}:${encodeURIComponent(app.client.secret)}`).toString('base64')}`,
      },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: callback.searchParams.get('code') ?? '',
        redirect_uri: 'http://localhost:9/callback',
      }),
    })
    expect(answer.status).toBe(200)
  })

  test('takes a code once', async () => {
    const callback = await app.signIn('theo')
    expect((await app.redeem(callback)).status).toBe(200)
    expect(await app.redeem(callback)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  test('takes a code for ten minutes', async () => {
    const callback = await app.signIn('theo')
    clock += 601_000
    expect(await app.redeem(callback)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  test('refuses a wrong secret', async () => {
    const answer = await app.redeem(await app.signIn('theo'), { client_secret: 'wrong' })
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })

  test.each([
    ['the S256 verifier', 'S256', 'a-verifier-of-some-length-that-nobody-guesses', 200],
    ['the plain verifier', 'plain', 'a-verifier-of-some-length-that-nobody-guesses', 200],
    ['another verifier', 'S256', 'something-else-entirely-but-as-long-as-the-first', 400],
  ])('answers %s as PKCE says', async (_what, method, presented, status) => {
    const verifier = 'a-verifier-of-some-length-that-nobody-guesses'
    const challenge =
      method === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url')
    const callback = await app.signIn('theo', { code_challenge: challenge, code_challenge_method: method })
    expect((await app.redeem(callback, { code_verifier: presented })).status).toBe(status)
  })

  test('misses the verifier when a challenge was sent', async () => {
    const callback = await app.signIn('theo', {
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    })
    expect((await app.redeem(callback)).body).toMatchObject({ error_description: 'Missing code verifier.' })
  })

  test('gives a refresh token for offline access at the first consent, and again for prompt=consent', async () => {
    expect(await app.tokens('noor')).not.toHaveProperty('refresh_token')
    const offline = { access_type: 'offline' }
    expect(await app.tokens('noor', offline)).not.toHaveProperty('refresh_token')
    expect(await app.tokens('nameless', offline)).toHaveProperty('refresh_token')
    expect(await app.tokens('noor', { ...offline, prompt: 'consent' })).toHaveProperty('refresh_token')
  })
})

describe('what Google says about people', () => {
  test('a consumer has no hd', async () => {
    expect(await app.claims('theo')).not.toHaveProperty('hd')
  })

  test('an address that was never verified says so, as a boolean', async () => {
    expect(await app.claims('amara')).toMatchObject({ email: 'amara@orchard.example', email_verified: false })
  })

  test('names and pictures may be missing', async () => {
    expect(await app.claims('noor')).not.toHaveProperty('picture')
    const nameless = await app.claims('nameless')
    for (const claim of ['name', 'given_name', 'picture']) expect(nameless).not.toHaveProperty(claim)
  })

  test('e-mail and profile come with their scopes only', async () => {
    const claims = await app.claims('dana', { scope: 'openid' })
    for (const claim of ['name', 'email', 'email_verified', 'picture'])
      expect(claims).not.toHaveProperty(claim)
  })

  test('userinfo repeats the profile for a living token, until it is revoked', async () => {
    const token = z.string().parse((await app.tokens('dana'))['access_token'])
    const ask = () =>
      upstreams.fetch('https://openidconnect.googleapis.com/v1/userinfo', {
        headers: { authorization: `Bearer ${token}` },
      })
    expect(await jsonOf(await ask())).toMatchObject({ sub: '108204268033311374519', name: 'Dana Reyes' })
    await upstreams.fetch('https://oauth2.googleapis.com/revoke', {
      method: 'POST',
      body: new URLSearchParams({ token }),
    })
    expect((await ask()).status).toBe(401)
  })

  test('added people may carry a hundred further claims, and lack the usual ones', async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`extra_${index}`, index]))
    upstreams.addPerson({
      vendor: 'google',
      id: 'chatty',
      tag: 'a hundred further claims',
      sub: '100000000000000000042',
      name: 'Chatty Person',
      email: 'chatty@widgets.example',
      emailVerified: true,
      extra: { idToken: { ...many, name: undefined } },
    })
    const claims = await app.claims('chatty')
    expect(claims).toMatchObject({ extra_0: 0, extra_99: 99 })
    expect(claims).not.toHaveProperty('name')
  })
})
