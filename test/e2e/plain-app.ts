// An app as an app's author would write it: a page with a sign-in link, a callback, a page that greets, a sign-out at the broker. It
// keeps who signed in by a cookie of its own; apps on one host share cookies whatever their port.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { html } from 'hono/html'
import * as client from 'openid-client'

export type PlainApp = {
  /** The app's front page. */
  readonly url: string
  /** Takes up the broker and the app's registration; before that it answers 503. */
  connect(issuer: string, registration: { id: string; secret?: string; scope: string }): Promise<void>
  close(): Promise<void>
}

type Visit = {
  sent?: { verifier: string; state: string; nonce: string }
  person?: { claims: Record<string, unknown>; idToken: string }
}

export async function startPlainApp(host: 'localhost' | '127.0.0.1' = 'localhost'): Promise<PlainApp> {
  const visits = new Map<string, Visit>()
  let broker: { config: client.Configuration; id: string; scope: string } | undefined
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // What the broker said, for the person to read: access_denied and its like are no defects.
      const code = error instanceof client.AuthorizationResponseError ? error.error : 'failed'
      show(response, 200, `<h1>Not signed in</h1><p id="error">${code}</p><a href="/login">Sign in</a>`)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const origin = `http://${host}:${port}`
  const cookie = `app-${port}`

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (broker === undefined) {
      show(response, 503, 'not connected')
      return
    }
    const url = new URL(request.url ?? '/', origin)
    const key = new RegExp(`${cookie}=([^;]+)`).exec(request.headers.cookie ?? '')?.[1] ?? randomUUID()
    const visit = visits.get(key) ?? {}
    visits.set(key, visit)
    response.setHeader('set-cookie', `${cookie}=${key}; HttpOnly; SameSite=Lax; Path=/`)
    const { config, id, scope } = broker
    if (url.pathname === '/login') {
      const sent = {
        verifier: client.randomPKCECodeVerifier(),
        state: client.randomState(),
        nonce: client.randomNonce(),
      }
      visit.sent = sent
      const location = client.buildAuthorizationUrl(config, {
        redirect_uri: `${origin}/callback`,
        scope,
        state: sent.state,
        nonce: sent.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(sent.verifier),
        code_challenge_method: 'S256',
      })
      response.writeHead(302, { location: location.href }).end()
    } else if (url.pathname === '/callback') {
      const { sent = { verifier: '', state: '', nonce: '' } } = visit
      const tokens = await client.authorizationCodeGrant(config, url, {
        pkceCodeVerifier: sent.verifier,
        expectedState: sent.state,
        expectedNonce: sent.nonce,
        idTokenExpected: true,
      })
      const subject = tokens.claims()?.sub ?? ''
      const claims = await client.fetchUserInfo(config, tokens.access_token, subject)
      visit.person = { claims, idToken: tokens.id_token ?? '' }
      response.writeHead(303, { location: '/' }).end()
    } else if (url.pathname === '/logout') {
      const { person } = visit
      delete visit.person
      const location = client.buildEndSessionUrl(config, {
        post_logout_redirect_uri: `${origin}/`,
        ...(person === undefined ? {} : { id_token_hint: person.idToken }),
      })
      response.writeHead(303, { location: location.href }).end()
    } else {
      show(response, 200, await front(id, visit))
    }
  }

  return {
    url: `${origin}/`,
    async connect(issuer, { id, secret, scope }) {
      const config = await client.discovery(
        new URL(issuer),
        id,
        { id_token_signed_response_alg: 'ES256' },
        secret === undefined ? client.None() : client.ClientSecretBasic(secret),
        { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
      )
      broker = { config, id, scope }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

async function front(id: string, { person }: Visit): Promise<string> {
  if (person === undefined)
    return String(
      await html`<h1>${id}</h1>
        <a href="/login">Sign in</a>`,
    )
  return String(
    await html`<h1>${id}</h1>
      <p id="name">${person.claims['name']}</p>
      <a href="/logout">Sign out</a>`,
  )
}

function show(response: ServerResponse, status: number, body: string): void {
  response
    .writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    .end(
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>App</title><link rel="icon" href="data:,"></head><body>${body}</body></html>`,
    )
}
