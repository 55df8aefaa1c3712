// An app built with a middleware that we had no part in: Auth0's express-openid-connect, configured as its documentation says. Sign-in,
// profile, single sign-out.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import express from 'express'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBrowser } from '../../demo/browser.ts'
import { secretOf, testSetting, type TestSetting } from '../support/app.ts'

const ID = 'middleware'
let setting: TestSetting
let server: Server
let origin: string

beforeAll(async () => {
  // Only now: Jest can't require an ES module, as the middleware does, while it is still being imported.
  const { auth, requiresAuth } = await import('express-openid-connect').then(({ default: all }) => all)
  server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  origin = `http://localhost:${(server.address() as AddressInfo).port}`
  setting = await testSetting({
    clients: `
  - id: ${ID}
    name: ${ID}
    secret: ${secretOf(ID)}
    redirectUris: ['${origin}/callback']
    postLogoutRedirectUris: ['${origin}']
    scopes: [profile, email, company, provider_id]
`,
  })
  const app = express()
  app.use(
    auth({
      issuerBaseURL: setting.issuer,
      baseURL: origin,
      clientID: ID,
      clientSecret: secretOf(ID),
      secret: 'a long secret of the middleware for its own cookies',
      authRequired: false,
      idpLogout: true,
      idTokenSigningAlg: 'ES256',
      authorizationParams: { response_type: 'code', scope: 'openid profile email company provider_id' },
    }),
  )
  app.get('/', (request, response) => {
    response.send(request.oidc.isAuthenticated() ? 'signed in' : 'signed out')
  })
  app.get('/profile', requiresAuth(), async (request, response) => {
    response.json({ token: request.oidc.idTokenClaims, info: await request.oidc.fetchUserInfo() })
  })
  server.on('request', app)
})

afterAll(async () => {
  await setting?.close()
  server?.close()
  server?.closeAllConnections()
})

test('signs a person in, reads their profile and signs them out at both', async () => {
  const browser = createBrowser()
  expect((await browser.open(origin)).html).toBe('signed out')

  // The middleware guards the page, sends the person here, and brings them back to it.
  let page = await browser.press(await browser.open(`${origin}/profile`), 'connector', 'google')
  page = await browser.press(page, 'person', 'dana')
  page = await browser.press(page, 'decision', 'agree', { adult: 'yes', picture: 'yes', company: 'yes' })
  expect(page.url.href).toBe(`${origin}/profile`)
  const { token, info } = JSON.parse(page.html) as Record<'token' | 'info', Record<string, unknown>>
  expect(token).toMatchObject({ iss: setting.issuer, aud: ID, sub: info['sub'] })
  expect(info).toEqual({
    sub: expect.any(String),
    name: 'Dana Reyes',
    email: 'dana@widgets.example',
    email_verified: true,
    picture: expect.stringContaining(`${setting.issuer}/picture/`),
    company: 'widgets.example',
    provider_id: '108204268033311374519',
  })

  page = await browser.open(`${origin}/logout`)
  page = await browser.press(page, 'logout', 'yes')
  expect(page.url.origin).toBe(origin)
  expect(page.html).toBe('signed out')
  // Here too: the next visit asks for a sign-in.
  page = await browser.open(`${origin}/profile`)
  expect(page.url.origin).toBe(setting.issuer)
  expect(page.html).toContain('name="connector"')
})
