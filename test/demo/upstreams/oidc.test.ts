/**
 * The generic provider is a well-behaved OpenID provider: openid-client signs in at it with every check turned on.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as client from 'openid-client'
import { createPlainApp } from '../../../demo/upstreams/plain-app.ts'
import type { PlainApp } from '../../../demo/upstreams/plain-app.ts'
import { startUpstreams } from '../../../demo/upstreams/server.ts'
import type { Upstreams } from '../../../demo/upstreams/server.ts'
import { createVisitor } from '../../../demo/upstreams/visitor.ts'

let upstreams: Upstreams
let app: PlainApp
let clock = Date.now()

beforeAll(async () => {
  upstreams = await startUpstreams({ now: () => clock, oidcIssuer: 'https://id.partner.example/realms/main' })
  app = createPlainApp(upstreams, 'oidc')
})

afterAll(() => upstreams.close())

describe('openid-client', () => {
  test('signs in with PKCE, nonce, state, max_age and iss, and verifies the signature', async () => {
    const config = await client.discovery(
      new URL(upstreams.oidcIssuer),
      app.client.id,
      undefined,
      client.ClientSecretBasic(app.client.secret),
      { [client.customFetch]: upstreams.fetch, execute: [client.enableNonRepudiationChecks] },
    )
    const verifier = client.randomPKCECodeVerifier()
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: 'http://localhost:9/callback',
      scope: 'openid profile email',
      state: 'state-1',
      nonce: 'nonce-1',
      max_age: '60',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const callback = await createVisitor(upstreams).signIn(url, 'ola')
    const tokens = await client.authorizationCodeGrant(config, callback, {
      pkceCodeVerifier: verifier,
      expectedState: 'state-1',
      expectedNonce: 'nonce-1',
      maxAge: 60,
      idTokenExpected: true,
    })
    expect(tokens.claims()).toMatchObject({
      iss: 'https://id.partner.example/realms/main',
      sub: 'user-0001',
      name: 'Ola Nordmann',
      email: 'ola@fjord.example',
      email_verified: true,
      picture: 'https://id.partner.example/realms/main/pictures/ola',
    })
    expect(await client.fetchUserInfo(config, tokens.access_token, 'user-0001')).toMatchObject({
      name: 'Ola Nordmann',
    })
  })
})

describe('sessions', () => {
  test('answer silently until max_age has passed', async () => {
    const visitor = createVisitor(upstreams)
    await visitor.signIn(app.authorizeUrl(), 'ola')
    expect((await visitor.open(app.authorizeUrl())).location).toContain('code=')
    clock += 120_000
    expect((await visitor.open(app.authorizeUrl({ max_age: '60' }))).status).toBe(200)
    const silent = app.authorizeUrl({ max_age: '60', prompt: 'none' })
    expect((await visitor.open(silent)).location).toContain('error=login_required')
  })

  test('keep auth_time, and prompt=login renews it', async () => {
    const visitor = createVisitor(upstreams)
    const read = async (more?: Record<string, string>) => {
      const { body } = await app.redeem(await visitor.signIn(app.authorizeUrl(more), 'yuki'))
      const [, payload = ''] = String(body['id_token']).split('.')
      return /"auth_time":(\d+)/.exec(Buffer.from(payload, 'base64url').toString())?.[1]
    }
    const first = await read()
    clock += 30_000
    expect(await read()).toBe(first)
    expect(Number(await read({ prompt: 'login' }))).toBe(Number(first) + 30)
  })

  test('end by signing out', async () => {
    const visitor = createVisitor(upstreams)
    await visitor.signIn(app.authorizeUrl(), 'ola')
    await visitor.open(`${upstreams.oidcIssuer}/logout`)
    expect((await visitor.open(app.authorizeUrl({ prompt: 'none' }))).location).toContain('login_required')
  })
})

test('a code that is used twice revokes what it gave', async () => {
  const callback = await app.signIn('ola')
  const { body } = await app.redeem(callback)
  expect(await app.redeem(callback)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  const answer = await upstreams.fetch(`${upstreams.oidcIssuer}/userinfo`, {
    headers: { authorization: `Bearer ${String(body['access_token'])}` },
  })
  expect(answer.status).toBe(401)
})

test('plain PKCE and requests without openid are refused', async () => {
  const visitor = createVisitor(upstreams)
  const plain = app.authorizeUrl({ code_challenge: 'x'.repeat(43) })
  expect((await visitor.open(plain)).location).toContain('error=invalid_request')
  expect((await visitor.open(app.authorizeUrl({ scope: 'email' }))).location).toContain('error=invalid_scope')
})

test('somebody may have nothing but a subject', async () => {
  expect(Object.keys(await app.claims('subject-only')).toSorted()).toEqual(
    ['at_hash', 'aud', 'auth_time', 'exp', 'iat', 'iss', 'nonce', 'sub'].toSorted(),
  )
})
