// Us as OpenID Provider, on oidc-provider. Every request is one unit of work; keys and clients are fixed when a Provider is built, so
// a change builds a new one and swaps the callback: sessions, grants and tokens are in the database, and nobody notices.
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Client } from '../core/model.ts'
import type { Subjects, UnitOutcome } from '../core/ports.ts'
import type { AdapterDeps } from './adapter.ts'
import { recordDisclosure } from './claims.ts'
import { flush } from './flush.ts'
import { buildProvider, ROUTES } from './provider.ts'
import { currentWork, inWork, noting } from './work.ts'

export type Lifetimes = {
  readonly sessionIdle: number
  readonly sessionAbsolute: number
  readonly refresh: number
  readonly code: number
  readonly interaction: number
  readonly accessToken: number
  readonly idToken: number
}

/** What the library hands to a page. The functions set status, type and body of `ctx`. */
export type IssuerPages = {
  logout(ctx: KoaContextWithOIDC): void
  signedOut(ctx: KoaContextWithOIDC): void
  error(
    ctx: KoaContextWithOIDC,
    out: { error: string; error_description?: string | undefined },
    error: Error,
  ): void
}

export type IssuerDeps = AdapterDeps & {
  readonly issuer: string
  readonly lifetimes: Lifetimes
  readonly subjects: Subjects
  readonly cookieKeys: () => readonly string[]
  readonly signingJwks: () => readonly Record<string, unknown>[]
  readonly clients: () => ReadonlyMap<string, Client>
  readonly replayDigest: (issuer: string, jti: string) => Uint8Array
  readonly pages: IssuerPages
  /** `error` undefined: the status and code of what could not be asked, for an answer (503) or undefined for a defect (500). */
  readonly statusOf: (error: unknown) => { status: number; code: string; retryAfter?: number }
  readonly failed: (error: unknown) => void
}

export type Issuer = ReturnType<typeof createIssuer>

/** Our paths at the issuer; everything else is express's. */
export const isIssuerPath = (path: string): boolean =>
  Object.values(ROUTES).some((route) => path === route) ||
  path.startsWith(`${ROUTES.authorization}/`) ||
  path.startsWith(`${ROUTES.end_session}/`) ||
  path === '/.well-known/openid-configuration' ||
  path === '/.well-known/oauth-authorization-server'

export function createIssuer(given: IssuerDeps) {
  const deps: IssuerDeps = {
    ...given,
    records: {
      find: (model, digest) => noting(() => given.records.find(model, digest)),
      findSessionByUid: (digest) => noting(() => given.records.findSessionByUid(digest)),
      apply: (unit) => noting(() => given.records.apply(unit)),
    },
    subjects: { getOrCreate: (...args) => noting(() => given.subjects.getOrCreate(...args)) },
    keyring: { ...given.keyring, openDataKey: (...args) => noting(() => given.keyring.openDataKey(...args)) },
  }
  const fixOrigin = originFixer(given.issuer)
  let callback = build()

  function build(): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
    const provider = buildProvider(deps)
    provider.use(async (ctx, next) => {
      await next()
      await leave(ctx as unknown as KoaContextWithOIDC)
    })
    provider.on('server_error', (_ctx, error) => given.failed(error))
    // Without a listener Koa writes what broke, with its stack, to standard error, past our log.
    ;(provider as unknown as EventEmitter).on('error', given.failed)
    return provider.callback()
  }

  /** The answer is ready: write, then let it go, or replace it. */
  async function leave(ctx: KoaContextWithOIDC): Promise<void> {
    const work = currentWork()
    const { status } = ctx
    // `ctx.oidc` is missing on paths that the library does not know.
    const oidc = ctx.oidc as KoaContextWithOIDC['oidc'] | undefined
    if (
      work.failure === undefined &&
      status === 200 &&
      (oidc?.route === 'token' || oidc?.route === 'userinfo')
    ) {
      const { account, client } = oidc
      if (account !== undefined && client !== undefined) {
        recordDisclosure(work.unit, account.accountId, client.clientId, ctx.body)
      }
    }
    let outcome: UnitOutcome = 'written'
    try {
      if (work.failure === undefined) outcome = await flush(deps, work)
    } catch (error) {
      work.failure = error
    }
    if (work.failure !== undefined) replaceAnswer(ctx, oidc, given.statusOf(work.failure))
    else if (outcome === 'session_stale' && ctx.method === 'GET') startOver(ctx)
    else if (outcome !== 'written') replaceAnswer(ctx, oidc, refusalOf(outcome, oidc))
  }

  /** Nothing was written: the browser asks the same once more, and finds the session as another of its tabs left it. */
  function startOver(ctx: KoaContextWithOIDC): void {
    ctx.remove('set-cookie')
    ctx.status = 303
    ctx.set({ location: ctx.url, 'cache-control': 'no-store' })
    ctx.body = ''
  }

  function replaceAnswer(
    ctx: KoaContextWithOIDC,
    oidc: KoaContextWithOIDC['oidc'] | undefined,
    { status, code, retryAfter }: { status: number; code: string; retryAfter?: number },
  ): void {
    for (const header of ['set-cookie', 'location', 'www-authenticate']) ctx.remove(header)
    ctx.status = status
    if (retryAfter !== undefined) ctx.set('retry-after', String(retryAfter))
    if (code === 'invalid_token')
      ctx.set('www-authenticate', `Bearer realm="${given.issuer}", error="invalid_token"`)
    const isPage =
      oidc?.route === 'authorization' ||
      oidc?.route === 'resume' ||
      oidc?.route?.startsWith('end_session') === true
    if (isPage) given.pages.error(ctx, { error: code }, new Error(code))
    else ctx.body = { error: code }
    ctx.status = status
  }

  return {
    /** Answers a request on one of our paths. */
    handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
      fixOrigin(request)
      return inWork(() => callback(request, response))
    },
    /** Swaps in a Provider with the keys and clients of now. */
    rebuild: (): void => {
      callback = build()
    },
  }
}

/**
 * The library builds links, and decides on Secure cookies, by the request's headers. They get our origin, whatever the request says:
 * links come from the configuration alone (attacks.md 49).
 */
function originFixer(issuer: string): (request: IncomingMessage) => void {
  const { host, protocol } = new URL(issuer)
  return ({ headers }) => {
    for (const name of Object.keys(headers)) if (name.startsWith('x-forwarded-')) delete headers[name]
    headers.host = host
    headers['x-forwarded-host'] = host
    headers['x-forwarded-proto'] = protocol.slice(0, -1)
  }
}

/** Which error a lost race is, by endpoint (oidc-provider.md §4). */
function refusalOf(
  outcome: UnitOutcome,
  oidc: KoaContextWithOIDC['oidc'] | undefined,
): { status: number; code: string } {
  const route = oidc?.route
  if (route === 'userinfo') return { status: 401, code: 'invalid_token' }
  if (outcome.startsWith('replayed')) {
    const isAssertion =
      oidc?.client?.tokenEndpointAuthMethod === 'private_key_jwt' && outcome === 'replayed:first'
    return isAssertion ? { status: 401, code: 'invalid_client' } : { status: 400, code: 'invalid_grant' }
  }
  if (route === 'token') return { status: 400, code: 'invalid_grant' }
  if (outcome === 'consumed') return { status: 400, code: 'invalid_request_uri' }
  return { status: 400, code: 'session_not_found' }
}
