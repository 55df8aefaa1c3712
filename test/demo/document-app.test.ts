/**
 * The document app signs people in at any OpenID provider; here at a plain oidc-provider that knows nothing of the broker. Whoever
 * is named by login_hint is signed in without being asked; `deny` refuses.
 */
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose'
import Provider, { interactionPolicy, type ClientMetadata } from 'oidc-provider'
import { createBrowser, type Page } from '../../demo/browser.ts'
import { startDocumentApp, type DocumentApp } from '../../demo/document-app/server.ts'

const audience = 'https://documents.example/api'
const people: Readonly<Record<string, Record<string, unknown>>> = {
  dana: {
    name: 'Dana <b>Whitfield</b>',
    email: 'dana@example.com',
    email_verified: true,
    company: 'Hollis Ltd',
  },
  ravi: { email: 'ravi@example.com', email_verified: false },
}

let op: Server
let issuer: string
let key: CryptoKey
let app: DocumentApp
let other: DocumentApp
let clock = 0

beforeAll(async () => {
  op = createServer()
  await new Promise<void>((resolve) => {
    op.listen(0, '127.0.0.1', resolve)
  })
  const address = op.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  issuer = `http://localhost:${address.port}`
  const start = (clientId: string, name: string, accent: string): Promise<DocumentApp> =>
    startDocumentApp({
      port: 0,
      issuer,
      clientId,
      clientSecret: `the secret of ${clientId}`,
      name,
      accent,
      resource: audience,
      apiAudience: audience,
      apiScope: 'documents',
      now: () => Date.now() + clock,
    })
  app = await start('paperwork', 'Paperwork', '#0b6e4f')
  other = await start('signet', 'Signet', '#7a3e9d')
  const pair = await generateKeyPair('ES256', { extractable: true })
  key = pair.privateKey
  const jwk = { ...(await exportJWK(key)), kid: 'key-1', alg: 'ES256', use: 'sig' }
  const metadata = (clientId: string, own: DocumentApp): ClientMetadata => ({
    client_id: clientId,
    client_secret: `the secret of ${clientId}`,
    id_token_signed_response_alg: 'ES256',
    redirect_uris: [own.redirectUri],
    post_logout_redirect_uris: [own.postLogoutRedirectUri],
    application_type: 'native',
  })
  op.on('request', createProvider([metadata('paperwork', app), metadata('signet', other)], jwk))
})

afterAll(async () => {
  await Promise.all([app.close(), other.close()])
  op.closeAllConnections()
  op.close()
})

function createProvider(clients: ClientMetadata[], jwk: object) {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys: [jwk] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    scopes: ['openid', 'profile', 'email', 'company', 'provider_id'],
    claims: { profile: ['name', 'picture'], email: ['email', 'email_verified'], company: ['company'] },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: 'documents',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
      rpInitiatedLogout: {
        logoutSource: (ctx, form) => {
          ctx.body = form.replace('</form>', '<button name="logout" value="yes">Sign out</button></form>')
        },
      },
    },
    ttl: {
      AccessToken: 300,
      AuthorizationCode: 60,
      Grant: 600,
      IdToken: 300,
      Interaction: 600,
      Session: 600,
    },
    interactions: { policy, url: () => '/interaction' },
    cookies: { keys: ['only of this test'] },
    loadExistingGrant: async (ctx) => {
      const accountId = ctx.oidc.session?.accountId
      if (accountId === undefined || ctx.oidc.client === undefined) return undefined
      const grant = new provider.Grant({ accountId, clientId: ctx.oidc.client.clientId })
      grant.addOIDCScope('openid profile email company provider_id')
      grant.addResourceScope(audience, 'documents')
      await grant.save()
      return grant
    },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  })
  provider.use(async (ctx, next) => {
    if (ctx.path !== '/interaction') {
      await next()
      return
    }
    const { params } = await provider.interactionDetails(ctx.req, ctx.res)
    const hint = typeof params['login_hint'] === 'string' ? params['login_hint'] : 'dana'
    const result =
      hint === 'deny'
        ? { error: 'access_denied', error_description: 'the person <i>refused</i>' }
        : { login: { accountId: hint } }
    ctx.res.statusCode = 303
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
  })
  return (...request: Parameters<ReturnType<typeof provider.callback>>): void => {
    void provider.callback()(...request)
  }
}

const signIn = async (hint = 'dana'): Promise<{ browser: ReturnType<typeof createBrowser>; page: Page }> => {
  const browser = createBrowser()
  return { browser, page: await browser.open(`${app.origin}/login?login_hint=${hint}`) }
}

describe('the document app', () => {
  test('shows strangers one way in, and no documents', async () => {
    const page = await createBrowser().open(`${app.origin}/documents`)
    expect(page.url.href).toBe(`${app.origin}/`)
    expect(page.html.match(/href="\/login"/g)).toHaveLength(1)
  })

  test('signs a person in and shows their documents and all that it was told', async () => {
    const { page } = await signIn()
    expect([page.status, page.url.href]).toEqual([200, `${app.origin}/documents`])
    expect(page.html).toContain('Hello, <bdi>Dana &lt;b&gt;Whitfield&lt;/b&gt;</bdi>')
    expect(page.html.match(/class="number"/g)).toHaveLength(5)
    for (const told of [
      'dana@example.com',
      'verified',
      'Hollis Ltd',
      issuer,
      '<bdi>dana</bdi>',
      'key-1',
      audience,
    ])
      expect(page.html).toContain(told)
    expect(page.html).not.toContain('Something else')
  })

  test('says so when an e-mail address is not verified, and finds the same samples again', async () => {
    const numbers = ({ html }: Page): string[] => html.match(/(INV|CON|LET)-\d+/g) ?? []
    const first = await signIn('ravi')
    expect(first.page.html).toContain('not verified')
    expect(numbers((await signIn('ravi')).page)).toEqual(numbers(first.page))
    expect(numbers((await signIn()).page)).not.toEqual(numbers(first.page))
  })

  test('adds a document, and none without a title or from a form of another app', async () => {
    const { browser, page } = await signIn('adds')
    const added = await browser.press(page, 'title', 'Minutes <of May>', { kind: 'letter' })
    expect(added.html).toContain('Minutes &lt;of May&gt;')
    const refused = await browser.press(added, 'title', '   ', { kind: 'letter' })
    expect([refused.status, refused.html.includes('aria-invalid')]).toEqual([422, true])
    const foreign = await fetch(`${app.origin}/documents`, {
      method: 'POST',
      headers: { origin: other.origin, cookie: await browser.jar.getCookieString(app.origin) },
      body: new URLSearchParams({ title: 'Planted', kind: 'letter' }),
    })
    expect([foreign.status, (await browser.open(app.origin)).html.includes('Planted')]).toEqual([403, false])
  })

  test('lets a person who is signed in at one app into the other, each with a session of its own', async () => {
    const { browser } = await signIn('both')
    const page = await browser.open(`${other.origin}/login?prompt=none`)
    expect([page.status, page.url.href]).toEqual([200, `${other.origin}/documents`])
    expect((await browser.open(app.origin)).url.href).toBe(`${app.origin}/documents`)
  })

  test('refuses a state that it did not give out, that another browser was given, or that was used', async () => {
    const mine = createBrowser({ stopAt: [app.redirectUri] })
    const back = await mine.open(`${app.origin}/login`)
    const invented = new URL(back.url)
    invented.searchParams.set('state', 'invented')
    const own = createBrowser({ jar: mine.jar })
    for (const page of [await own.open(invented), await createBrowser().open(back.url)])
      expect([page.status, page.html.includes('state_mismatch')]).toEqual([400, true])
    expect((await own.open(back.url)).url.href).toBe(`${app.origin}/documents`)
    expect((await own.open(back.url)).status).toBe(400)
  })

  test('explains what went wrong at the issuer and offers another try', async () => {
    const denied = (await signIn('deny')).page
    expect([denied.status, denied.html.includes('access_denied'), denied.html.includes('Try again')]).toEqual(
      [403, true, true],
    )
    expect(denied.html).toContain('the person &lt;i&gt;refused&lt;/i&gt;')
    const silent = await createBrowser().open(`${app.origin}/login?prompt=none`)
    expect([silent.status, silent.html.includes('login_required')]).toEqual([401, true])
  })

  test('is up without its issuer, says so, and finds it later', async () => {
    const alone = await startDocumentApp({
      port: 0,
      issuer: 'http://localhost:9',
      clientId: 'alone',
      clientSecret: 'secret',
      name: 'Alone',
      resource: audience,
      apiAudience: audience,
    })
    const page = await createBrowser().open(`${alone.origin}/login`)
    expect([page.status, page.html.includes('unreachable')]).toEqual([502, true])
    await alone.close()
  })

  test('ends its own session and the issuer’s', async () => {
    const { browser, page } = await signIn('leaves')
    const asked = await browser.press(page, 'action', 'sign-out')
    expect(asked.url.origin).toBe(issuer)
    expect((await browser.open(`${app.origin}/documents`)).url.pathname).toBe('/')
    const home = await browser.press(asked, 'logout', 'yes')
    expect(`${home.url.origin}${home.url.pathname}`).toBe(app.postLogoutRedirectUri)
    expect(home.html).toContain('You are signed out of Paperwork and at')
    expect((await browser.open(`${app.origin}/login?prompt=none`)).status).toBe(401)
  })

  test('asks the issuer anew when its access token has ended, and keeps what was typed', async () => {
    const { browser, page } = await signIn('waits')
    clock = 301_000
    const stopped = createBrowser({ jar: browser.jar, stopAt: [`${app.origin}/login`] })
    expect((await stopped.press(page, 'title', 'Half written', { kind: 'contract' })).url.pathname).toBe(
      '/login',
    )
    clock = 0
    const renewed = await browser.open(`${app.origin}/login`)
    expect(renewed.html).toMatch(/value="Half written"[\s\S]*value="contract"\s+selected/)
  })

  test('sends a policy without scripts that lets forms end at the issuer', async () => {
    const policy = (await fetch(app.origin)).headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain(`form-action 'self' ${issuer}`)
    expect(policy).not.toContain('script-src')
  })
})

describe('its API', () => {
  const call = async (authorization?: string): Promise<[number, string | null]> => {
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await fetch(`${app.origin}/api/documents`, { headers })
    return [answer.status, answer.headers.get('www-authenticate')]
  }
  const invalid = [401, 'Bearer error="invalid_token"']

  type Change = {
    claims?: JWTPayload
    header?: Record<string, string>
    lifetime?: number
    signer?: CryptoKey
  }
  const mint = async ({
    claims = {},
    header = {},
    lifetime = 60,
    signer = key,
  }: Change = {}): Promise<string> => {
    const at = Math.floor(Date.now() / 1000)
    const usual = {
      sub: 'sub-of-api',
      client_id: 'paperwork',
      scope: 'documents',
      iss: issuer,
      aud: audience,
    }
    const token = await new SignJWT({ iat: at, exp: at + lifetime, ...usual, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'key-1', typ: 'at+jwt', ...header })
      .sign(signer)
    return `Bearer ${token}`
  }

  test('serves whoever shows an access token for it', async () => {
    expect(await call(await mint())).toEqual([200, null])
  })

  test('asks for a token where there is none, and takes no cookie instead', async () => {
    expect(await call()).toEqual([401, 'Bearer'])
    expect(await call('Basic YTpi')).toEqual([401, 'Bearer'])
    const { browser } = await signIn()
    const cookie = await browser.jar.getCookieString(app.origin)
    expect((await fetch(`${app.origin}/api/documents`, { headers: { cookie } })).status).toBe(401)
  })

  test.each<[string, Change]>([
    ['for another audience', { claims: { aud: 'https://other.example/api' } }],
    ['of another issuer', { claims: { iss: 'https://other.example' } }],
    ['that has expired', { lifetime: -1 }],
    ['that never expires', { claims: { exp: undefined } as never }],
    ['that is an ID token', { header: { typ: 'JWT' } }],
    ['signed with a key it does not know', { header: { kid: 'key-2' } }],
  ])('refuses a token %s', async (_name, change) => {
    expect(await call(await mint(change))).toEqual(invalid)
  })

  test('refuses a forged signature, no signature, and a text that is no token', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    expect(await call(await mint({ signer: privateKey }))).toEqual(invalid)
    const [, payload = ''] = (await mint()).split('.')
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')
    expect(await call(`Bearer ${none}.${payload}.`)).toEqual(invalid)
    expect(await call('Bearer nothing')).toEqual(invalid)
  })

  test('refuses a token without its scope', async () => {
    expect(await call(await mint({ claims: { scope: 'openid' } }))).toEqual([
      403,
      'Bearer error="insufficient_scope"',
    ])
  })
})
