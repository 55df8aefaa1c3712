/**
 * Holds the simulation against the vendors' own client libraries: what they accept from the real thing, they accept
 * from here. Their calls reach the simulation by rewriting addresses and nothing else.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ConfidentialClientApplication } from '@azure/msal-node'
import type { INetworkModule, NetworkRequestOptions } from '@azure/msal-node'
import { CodeChallengeMethod, OAuth2Client } from 'google-auth-library'
import { larkspur } from '../../../demo/upstreams/cast.ts'
import { startUpstreams } from '../../../demo/upstreams/server.ts'
import type { Upstreams } from '../../../demo/upstreams/server.ts'
import { createVisitor } from '../../../demo/upstreams/visitor.ts'

const redirectUri = 'http://localhost:9/callback'
const google = {
  id: '4210-broker.apps.googleusercontent.com',
  secret: 'google-secret',
  redirectUris: [redirectUri],
}
const microsoft = {
  id: '6f0c0b7e-0000-4000-8000-00000000b20c',
  secret: 'microsoft~secret+/&=',
  redirectUris: [redirectUri],
}

let upstreams: Upstreams

beforeAll(async () => {
  upstreams = await startUpstreams({ clients: { google: [google], microsoft: [microsoft] } })
})

afterAll(() => upstreams.close())

const googleClient = (): OAuth2Client =>
  new OAuth2Client({
    clientId: google.id,
    clientSecret: google.secret,
    redirectUri,
    transporterOptions: { fetchImplementation: upstreams.fetch },
  })

test('google-auth-library signs Dana in with PKCE and verifies her ID token', async () => {
  const client = googleClient()
  const { codeVerifier, codeChallenge = '' } = await client.generateCodeVerifierAsync()
  const url = client.generateAuthUrl({
    scope: ['openid', 'email', 'profile'],
    access_type: 'offline',
    state: 'state-1',
    code_challenge: codeChallenge,
    code_challenge_method: CodeChallengeMethod.S256,
  })
  const callback = await createVisitor(upstreams).signIn(url, 'dana')
  const { tokens } = await client.getToken({ code: callback.searchParams.get('code') ?? '', codeVerifier })
  const ticket = await client.verifyIdToken({ idToken: tokens.id_token ?? '', audience: google.id })
  expect(ticket.getPayload()).toMatchObject({
    sub: '108204268033311374519',
    email: 'dana@widgets.example',
    email_verified: true,
    hd: 'widgets.example',
    name: 'Dana Reyes',
  })
  expect(tokens.refresh_token).toMatch(/^1\/\//)
})

test('google-auth-library revokes what it was given, once', async () => {
  const client = googleClient()
  const callback = await createVisitor(upstreams).signIn(client.generateAuthUrl({ scope: 'openid' }), 'theo')
  const { tokens } = await client.getToken(callback.searchParams.get('code') ?? '')
  const token = tokens.access_token ?? ''
  expect((await client.revokeToken(token)).status).toBe(200)
  await expect(client.revokeToken(token)).rejects.toThrow()
})

test('google-auth-library refuses a token that a trap has bent', async () => {
  const client = googleClient()
  upstreams.traps.google.idToken = 'badSignature'
  const callback = await createVisitor(upstreams).signIn(client.generateAuthUrl({ scope: 'openid' }), 'theo')
  const { tokens } = await client.getToken(callback.searchParams.get('code') ?? '')
  upstreams.resetTraps()
  await expect(client.verifyIdToken({ idToken: tokens.id_token ?? '', audience: google.id })).rejects.toThrow(
    'Invalid token signature',
  )
})

/** What the library calls as its network: rewrites the address and passes the answer on. */
const network: INetworkModule = {
  sendGetRequestAsync: (url, options) => send('GET', url, options),
  sendPostRequestAsync: (url, options) => send('POST', url, options),
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the library's own signature
const send = async <T>(method: string, url: string, options: NetworkRequestOptions = {}) => {
  const answer = await upstreams.fetch(url, {
    method,
    headers: options.headers ?? {},
    ...(options.body !== undefined && { body: options.body }),
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the library names the type and checks the shape
  const body = (await answer.json()) as T
  return { headers: Object.fromEntries(answer.headers), body, status: answer.status }
}

const msalClient = (authority: string): ConfidentialClientApplication =>
  new ConfidentialClientApplication({
    auth: {
      clientId: microsoft.id,
      clientSecret: microsoft.secret,
      authority: `https://login.microsoftonline.com/${authority}`,
    },
    system: { networkClient: network },
  })

const signInByMsal = async (authority: string, person: string) => {
  const client = msalClient(authority)
  const scopes = ['User.Read']
  const url = await client.getAuthCodeUrl({ scopes, redirectUri, nonce: 'nonce-1', state: 'state-1' })
  const callback = await createVisitor(upstreams).signIn(url, person)
  const code = callback.searchParams.get('code') ?? ''
  return client.acquireTokenByCode({ code, scopes, redirectUri, nonce: 'nonce-1' })
}

test('msal-node signs Robin in at common and names the work account', async () => {
  const { account, idTokenClaims } = await signInByMsal('common', 'robin')
  expect(account).toMatchObject({
    homeAccountId: `c1d2e3f4-1111-4222-8333-444455556666.${larkspur.id}`,
    tenantId: larkspur.id,
    username: 'robin@larkspur.example',
    name: 'Robin Vale',
  })
  expect(idTokenClaims).toMatchObject({ nonce: 'nonce-1', oid: 'c1d2e3f4-1111-4222-8333-444455556666' })
})

test('msal-node signs Kim in at consumers and names the personal account', async () => {
  const { account } = await signInByMsal('consumers', 'kim')
  expect(account).toMatchObject({
    localAccountId: '00000000-0000-0000-1ee2-a7991dc5b56b',
    tenantId: '9188040d-6c67-4c5b-b112-36a304b66dad',
  })
})

test('msal-node signs a guest in at the tenant that invited her', async () => {
  const { account } = await signInByMsal(larkspur.id, 'priya')
  expect(account).toMatchObject({
    tenantId: larkspur.id,
    localAccountId: '7fa5c203-18be-4d69-a3c4-60e2d9b1f857',
  })
})

test('msal-node reads the error of a code that is redeemed twice', async () => {
  const client = msalClient('common')
  const url = await client.getAuthCodeUrl({ scopes: [], redirectUri })
  const callback = await createVisitor(upstreams).signIn(url, 'robin')
  const request = { code: callback.searchParams.get('code') ?? '', scopes: [], redirectUri }
  await client.acquireTokenByCode(request)
  await expect(client.acquireTokenByCode(request)).rejects.toMatchObject({
    errorCode: 'invalid_grant',
    errorMessage: expect.stringContaining('AADSTS54005'),
  })
})

test('the libraries called nothing but simulated upstreams', () => {
  const hosts = new Set(upstreams.requests.map(({ url }) => new URL(url).host))
  const simulated = Object.keys(upstreams.originMap).map((origin) => new URL(origin).host)
  expect(simulated).toEqual(expect.arrayContaining([...hosts]))
})
