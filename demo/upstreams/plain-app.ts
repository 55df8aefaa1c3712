/**
 * An app as simple as they come, at any of the simulated upstreams: sends people there and redeems codes.
 * It checks nothing of what comes back, so that tests and drills see exactly what an upstream sent.
 */
import { decodeJwt } from 'jose'
import { z } from 'zod'
import type { Vendor } from './people.ts'
import type { Upstreams } from './server.ts'
import { createVisitor } from './visitor.ts'
import type { Client } from './world.ts'

/** What the token endpoint answered. */
export type TokenAnswer = { status: number; headers: Headers; body: Record<string, unknown> }

export type PlainApp = {
  client: Client
  /** The authorization address, with `more` laid over the usual parameters. */
  authorizeUrl(more?: Record<string, string>): URL
  /** Signs a person in with a fresh browser; the address that the app is called back on. */
  signIn(person: string, more?: Record<string, string>): Promise<URL>
  /** Redeems the code of a callback, with `more` laid over the form. */
  redeem(callback: URL, more?: Record<string, string>): Promise<TokenAnswer>
  /** Signs in and redeems. */
  tokens(person: string, more?: Record<string, string>): Promise<Record<string, unknown>>
  /** The ID token's claims of a person who signs in; not verified. */
  claims(person: string, more?: Record<string, string>): Promise<Record<string, unknown>>
}

const redirectUri = 'http://localhost:9/callback'

/** A JSON object out of an answer. */
export const jsonOf = async (answer: Response): Promise<Record<string, unknown>> =>
  z.record(z.string(), z.unknown()).parse(await answer.json())

/** Registers the app at the upstream. `authority` is Microsoft's first path segment. */
export const createPlainApp = (
  upstreams: Upstreams,
  vendor: Vendor,
  options: { authority?: string; client?: Partial<Client> } = {},
): PlainApp => {
  const client = {
    id: `plain-${vendor}`,
    secret: 'a simulated secret, with spaces',
    redirectUris: [redirectUri],
    ...options.client,
  }
  upstreams.addClient(vendor, client)
  const login = `https://login.microsoftonline.com/${options.authority ?? 'common'}/oauth2/v2.0`
  const endpoints = {
    google: ['https://accounts.google.com/o/oauth2/v2/auth', 'https://oauth2.googleapis.com/token'],
    microsoft: [`${login}/authorize`, `${login}/token`],
    oidc: [`${upstreams.oidcIssuer}/authorize`, `${upstreams.oidcIssuer}/token`],
  } as const
  const [authorize, token] = endpoints[vendor]
  const app: PlainApp = {
    client,
    authorizeUrl(more) {
      const url = new URL(authorize)
      const parameters = {
        client_id: client.id,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: 'openid email profile',
        state: 'state-1',
        nonce: 'nonce-1',
        ...more,
      }
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
      return url
    },
    signIn: (person, more) => createVisitor(upstreams).signIn(app.authorizeUrl(more), person),
    async redeem(callback, more) {
      const answer = await upstreams.fetch(token, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: callback.searchParams.get('code') ?? '',
          redirect_uri: redirectUri,
          client_id: client.id,
          client_secret: client.secret,
          ...more,
        }),
      })
      return { status: answer.status, headers: answer.headers, body: await jsonOf(answer) }
    },
    tokens: async (person, more) => (await app.redeem(await app.signIn(person, more))).body,
    async claims(person, more) {
      const { id_token: idToken } = await app.tokens(person, more)
      return decodeJwt(z.string().parse(idToken))
    },
  }
  return app
}
