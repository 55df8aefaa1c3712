// What every route needs, and the few things they do alike: pages with their policy, cookies, the language, who posted.
import { parseCookie } from 'cookie'
import type { Request, Response } from 'express'
import { BrokerError } from '../core/errors.ts'
import type { Interaction, SignInDeps } from '../core/interaction.ts'
import type { Log } from '../core/ports.ts'
import { interactionHandle } from '../core/record-seal.ts'
import { chooseLocale, type Locale } from './pages/locale.ts'

export type HttpDeps = {
  readonly issuer: string
  readonly signIn: SignInDeps
  readonly log: Log
  readonly controller: { name: string; contact: string; dpo: string; supervisoryAuthority: string }
  readonly notice: { version: string; url: string }
  readonly terms: { version: string; url: string }
  readonly interactionCookie: string
  readonly interactionSeconds: number
  /** Where a connector's button leads, for `form-action`: origins as the browser sees them. */
  readonly upstreamOrigins: (connectorId: string) => Promise<string | undefined>
  readonly isReady: () => Promise<boolean>
  readonly metrics: (() => Promise<string>) | undefined
}

export const requestId = (response: { locals?: Record<string, unknown> }): string =>
  textOf(response.locals?.['requestId'])

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

export function localeOf(request: Request, params: Readonly<Record<string, unknown>> = {}): Locale {
  const uiLocales = params['ui_locales']
  return chooseLocale(typeof uiLocales === 'string' ? uiLocales : undefined, request.get('accept-language'))
}

/** The policy of every page: nothing but our stylesheet and our pictures; forms go to us and to `formAction`. */
export const pagePolicy = (formAction: readonly string[] = []): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    ['form-action', "'self'", ...formAction].join(' '),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')

/** `formAction`: further origins that a post may end at; browsers check each redirect that follows it. */
export function sendPage(
  response: Response,
  status: number,
  page: string,
  formAction: readonly string[] = [],
): void {
  response
    .status(status)
    .set({ 'content-security-policy': pagePolicy(formAction), 'cache-control': 'no-store' })
    .type('html')
    .send(page)
}

/**
 * Where a form's redirects may end: at the address that the app asked to be called back at, which for a native app is any port of its
 * own (RFC 8252 §7.3). A policy can't name an IPv6 address; there the scheme stands for it.
 */
export function appSources({ params }: Pick<Interaction, 'params'>): string[] {
  const asked = params['redirect_uri']
  if (typeof asked !== 'string') return []
  const { origin, protocol, hostname } = new URL(asked)
  return [origin === 'null' || hostname.startsWith('[') ? protocol : origin]
}

export const cookieOf = (request: Request, name: string): string | undefined =>
  parseCookie(request.headers.cookie ?? '')[name]

/** The interaction that this browser's cookie names, if it is the one of the path. Throws `interaction_expired`. */
export function interactionUid(deps: HttpDeps, request: Request): string {
  const uid = cookieOf(request, deps.interactionCookie)
  // The path's handle leads nowhere without the cookie (attacks.md 41), and another tab's cookie doesn't fit it.
  if (uid === undefined || uid.length < 22 || interactionHandle(uid) !== request.params['handle']) {
    throw new BrokerError('interaction_expired')
  }
  return uid
}

/**
 * Refuses a post from another site. Cookies are SameSite=Lax already; this also covers sibling domains. Sec-Fetch-Site decides where
 * the browser sends it: no page can write it, while Origin is `null` wherever a referrer policy withholds it. Throws `cross_site`.
 */
export function checkSameOrigin(deps: HttpDeps, request: Request): void {
  const site = request.get('sec-fetch-site')
  const origin = request.get('origin')
  const isForeign =
    site === undefined
      ? origin !== undefined && origin !== new URL(deps.issuer).origin
      : site !== 'same-origin'
  if (isForeign) throw new BrokerError('cross_site')
}
