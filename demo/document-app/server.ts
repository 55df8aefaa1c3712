/**
 * A document app: what a product team would write to have people sign in at the broker. It stands outside, as theirs would:
 * nothing but openid-client, jose and the issuer's published metadata, and nothing imported from the broker.
 */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import { documentsApi } from './api.ts'
import { createDocuments } from './documents.ts'
import type { Look } from './html.ts'
import { pageRoutes } from './routes.ts'
import { createSignIn } from './sign-in.ts'
import { stylesheetOf } from './stylesheet.ts'

export type DocumentAppOptions = {
  /** 0 takes any free port. */
  readonly port: number
  /** Of the broker, or of any other OpenID provider that signs with ES256. Asked at the first sign-in, not before. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** What people read: Paperwork, Signet … */
  readonly name: string
  /** The identifier of the app's API at the issuer (RFC 8707); access tokens are asked for it. */
  readonly resource: string
  /** The audience that the API demands: `resource`, unless the issuer maps it to something else. */
  readonly apiAudience: string
  /** Scopes of the API, separated by spaces: asked for, and demanded by the API. None unless told. */
  readonly apiScope?: string
  /** Where browsers see the app; `http://localhost:PORT` unless told. */
  readonly origin?: string
  /** `#rrggbb`, dark enough to carry white text. */
  readonly accent?: string
  /** The front page's headline. */
  readonly tagline?: string
  /** 127.0.0.1 unless told. */
  readonly host?: string
  /** Milliseconds since 1970; the machine's clock unless told. */
  readonly now?: () => number
}

/** A running app, with the addresses to register at the issuer. */
export type DocumentApp = {
  readonly origin: string
  readonly redirectUri: string
  readonly postLogoutRedirectUri: string
  /** Stops listening and cuts all connections; everything it remembered is gone. */
  close(): Promise<void>
}

/** Throws RangeError when the accent is not a colour of the form `#rrggbb`. */
export const startDocumentApp = async (options: DocumentAppOptions): Promise<DocumentApp> => {
  const { issuer, clientId, name, now = Date.now, accent = '#2f4bb8' } = options
  if (!/^#[0-9a-f]{6}$/i.test(accent)) throw new RangeError(`accent ${accent} is not of the form #rrggbb`)
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host ?? '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  const { origin } = new URL(options.origin ?? `http://localhost:${address.port}`)
  const redirectUri = `${origin}/callback`
  const postLogoutRedirectUri = `${origin}/`

  const css = stylesheetOf(accent)
  const look: Look = {
    name,
    tagline: options.tagline ?? 'Every document where it belongs.',
    issuerOrigin: new URL(issuer).origin,
    // Named after its bytes, so it may be cached for ever.
    stylesheet: `/${createHash('sha256').update(css).digest('hex').slice(0, 16)}.css`,
    accent,
  }
  const signIn = createSignIn(options, { redirect: redirectUri, postLogout: postLogoutRedirectUri })
  const api = documentsApi(
    {
      issuer,
      audience: options.apiAudience,
      now,
      ...(options.apiScope === undefined ? {} : { scope: options.apiScope }),
    },
    signIn,
    createDocuments(clientId, now),
  )

  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use((_req, res, next) => {
    // Not no-referrer: the app's own forms must say where they come from.
    res.set({ 'Referrer-Policy': 'same-origin', 'X-Content-Type-Options': 'nosniff' })
    next()
  })
  app.get(look.stylesheet, (_req, res) => {
    res.set('Cache-Control', 'public, max-age=31536000, immutable').type('css').send(css)
  })
  app.use('/api', api)
  app.use(
    pageRoutes({
      clientId,
      origin,
      // Past whatever stands between the browser and the app.
      api: `http://127.0.0.1:${address.port}/api`,
      audience: options.apiAudience,
      look,
      signIn,
      now,
    }),
  )
  server.on('request', app)

  return {
    origin,
    redirectUri,
    postLogoutRedirectUri,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
