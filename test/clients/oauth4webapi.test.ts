// An app on oauth4webapi, which checks every answer by the letter of the specifications: code flow with PKCE, userinfo, introspection,
// refresh, revocation.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import * as oauth from 'oauth4webapi'
import {
  appYaml,
  redirectUriOf,
  secretOf,
  signIn,
  testBrowser,
  testSetting,
  type TestSetting,
} from '../support/app.ts'

const ID = 'letter'
const PLAIN_HTTP = { [oauth.allowInsecureRequests]: true }

let setting: TestSetting
let server: oauth.AuthorizationServer
const app: oauth.Client = { client_id: ID, id_token_signed_response_alg: 'ES256' }
const proof = oauth.ClientSecretBasic(secretOf(ID))

beforeAll(async () => {
  setting = await testSetting({
    clients: appYaml(ID, '    refreshTokens: true\n    rotateRefreshTokens: true\n'),
  })
  const issuer = new URL(setting.issuer)
  server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, PLAIN_HTTP))
})
afterAll(() => setting?.close())

test('signs a person in and uses, inspects, renews and revokes what it got', async () => {
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const url = new URL(server.authorization_endpoint ?? '')
  url.search = new URLSearchParams({
    client_id: ID,
    redirect_uri: redirectUriOf(ID),
    response_type: 'code',
    scope: 'openid offline_access profile email',
    // OIDC Core §11: offline access is asked for with consent.
    prompt: 'consent',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }).toString()
  const page = await signIn(testBrowser(), url, 'microsoft', 'robin')

  // iss in the answer included (RFC 9207).
  const callback = oauth.validateAuthResponse(server, app, page.url, state)
  const answer = await oauth.processAuthorizationCodeResponse(
    server,
    app,
    await oauth.authorizationCodeGrantRequest(
      server,
      app,
      proof,
      callback,
      redirectUriOf(ID),
      verifier,
      PLAIN_HTTP,
    ),
    { expectedNonce: nonce, requireIdToken: true },
  )
  const claims = oauth.getValidatedIdTokenClaims(answer)
  const subject = claims?.sub ?? ''
  expect(subject).not.toBe('')

  const info = await oauth.processUserInfoResponse(
    server,
    app,
    subject,
    await oauth.userInfoRequest(server, app, answer.access_token, PLAIN_HTTP),
  )
  expect(info).toMatchObject({ name: 'Robin Vale', email: 'robin@larkspur.example', email_verified: true })
  expect(info).not.toHaveProperty('provider_id')

  const inspect = async (token: string): Promise<oauth.IntrospectionResponse> =>
    oauth.processIntrospectionResponse(
      server,
      app,
      await oauth.introspectionRequest(server, app, proof, token, PLAIN_HTTP),
    )
  expect(await inspect(answer.access_token)).toMatchObject({ active: true, client_id: ID, sub: subject })

  const renew = async (token: string): Promise<oauth.TokenEndpointResponse> =>
    oauth.processRefreshTokenResponse(
      server,
      app,
      await oauth.refreshTokenGrantRequest(server, app, proof, token, PLAIN_HTTP),
    )
  const old = answer.refresh_token ?? ''
  const renewed = await renew(old)
  expect(renewed.refresh_token).not.toBe(old)
  expect(oauth.getValidatedIdTokenClaims(renewed)?.sub).toBe(subject)
  expect(await inspect(renewed.access_token)).toMatchObject({ active: true })

  const revoked = await oauth.revocationRequest(server, app, proof, renewed.refresh_token ?? '', PLAIN_HTTP)
  await oauth.processRevocationResponse(revoked)
  await expect(renew(renewed.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
  // What came of the grant ends with it.
  expect(await inspect(renewed.access_token)).toMatchObject({ active: false })
})
