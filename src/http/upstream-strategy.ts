// passport's part: a thin strategy at the edge of HTTP. It starts a round trip or finishes one by calling core/sign-in, and knows
// neither sessions nor profiles; `req.user` and `done()` never reach the core.
import type { CookieOptions, Request, Response } from 'express'
import { Strategy } from 'passport'
import { BrokerError } from '../core/errors.ts'
import type { Finished } from '../core/interaction.ts'
import { begin, finish } from '../core/sign-in.ts'
import { cookieOf, interactionUid, type HttpDeps } from './context.ts'

export type UpstreamOptions = { readonly connector: string }

const HANDLE = /^[0-9a-f]{16}$/

export class UpstreamStrategy extends Strategy {
  override readonly name = 'upstream'
  // Not #private: passport calls a strategy through an object that inherits from it.
  private readonly deps: HttpDeps
  constructor(deps: HttpDeps) {
    super()
    this.deps = deps
  }

  /** POST starts, GET finishes. `success` gets a Finished. */
  override authenticate(request: Request, { connector }: UpstreamOptions): void {
    const fail = (error: unknown): void => {
      this.error(error)
    }
    if (request.method === 'POST') {
      startRoundTrip(this.deps, request, connector).then((url) => {
        this.redirect(url.href, 303)
      }, fail)
    } else {
      finishRoundTrip(this.deps, request, connector).then((finished) => {
        this.success(finished)
      }, fail)
    }
  }
}

async function startRoundTrip(deps: HttpDeps, request: Request, connector: string): Promise<URL> {
  const { cookie, handle, url } = await begin(deps.signIn, connector, interactionUid(deps, request))
  const path = deps.signIn.connectors.get(connector)?.callbackPath ?? '/'
  responseOf(request).cookie(roundTripCookie(handle), cookie, cookieOptions(deps, path))
  return url
}

async function finishRoundTrip(deps: HttpDeps, request: Request, connector: string): Promise<Finished> {
  const query = new URLSearchParams(request.originalUrl.split('?')[1] ?? '')
  // RFC 6749 §3.1: parameters must not repeat.
  if (new Set(query.keys()).size !== [...query.keys()].length) throw new BrokerError('bad_request')
  const handle = handleOf(query)
  if (handle === undefined) throw new BrokerError('sign_in_state_mismatch')
  const name = roundTripCookie(handle)
  const forget = (): void => {
    responseOf(request).clearCookie(name, cookieOptions(deps, request.path))
  }
  try {
    const finished = await finish(deps.signIn, connector, cookieOf(request, name), query)
    forget()
    return finished
  } catch (error) {
    // While the database is away the round trip is not used up: the same address works again afterwards.
    if (!(error instanceof BrokerError) || error.code !== 'storage_unavailable') forget()
    throw error
  }
}

/** The interaction's handle, which our state begins with: it names the cookie and the page to go back to. */
export function handleOf(query: URLSearchParams): string | undefined {
  const handle = query.get('state')?.split('.')[0]
  return handle !== undefined && HANDLE.test(handle) ? handle : undefined
}

const roundTripCookie = (handle: string): string => `narrowgate-signin-${handle}`

const cookieOptions = (deps: HttpDeps, path: string): CookieOptions => ({
  path,
  httpOnly: true,
  sameSite: 'lax',
  secure: deps.issuer.startsWith('https:'),
  maxAge: deps.interactionSeconds * 1000,
})

function responseOf(request: Request): Response {
  if (request.res === undefined) throw new TypeError('a request without its response')
  return request.res
}
