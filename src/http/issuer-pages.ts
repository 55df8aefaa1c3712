// The pages that oidc-provider asks for: sign-out, signed out, errors. After a failed client or redirect-URI check there is only a page,
// never a redirect.
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { pagePolicy } from './context.ts'
import { statusOf } from './errors.ts'
import { errorPageCode } from './pages/error-codes.ts'
import { errorPage } from './pages/error.ts'
import { chooseLocale, type Locale } from './pages/locale.ts'
import { logoutPage, signedOutPage } from './pages/logout.ts'

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What a page reads and sets of the library's context. `oidc` is missing where the request failed before it was made. */
export type PageContext = {
  type: string
  status: number
  body: unknown
  readonly query: Readonly<Record<string, unknown>>
  readonly res: { getHeader(name: string): unknown }
  readonly oidc: {
    readonly params?: Readonly<Record<string, unknown>> | undefined
    readonly session?: { readonly state?: Readonly<Record<string, unknown>> | undefined } | undefined
    readonly client?: { readonly clientName?: string | undefined } | undefined
    urlFor(route: string): string
  }
  get(header: string): string
  set(headers: Record<string, string>): void
}

export function createIssuerPages(log: Log) {
  const localeOf = (ctx: PageContext): Locale => {
    const oidc = ctx.oidc as PageContext['oidc'] | undefined
    const asked = oidc?.params?.['ui_locales'] ?? ctx.query['ui_locales']
    return chooseLocale(typeof asked === 'string' ? asked : undefined, ctx.get('accept-language'))
  }
  const show = (ctx: PageContext, page: string, formAction: readonly string[] = []): void => {
    ctx.type = 'html'
    ctx.set({ 'content-security-policy': pagePolicy(formAction), 'cache-control': 'no-store' })
    ctx.body = page
  }
  return {
    logout(ctx: PageContext): void {
      const { session, client } = ctx.oidc
      const returnTo = session?.state?.['postLogoutRedirectUri']
      const page = logoutPage({
        locale: localeOf(ctx),
        action: ctx.oidc.urlFor('end_session_confirm'),
        xsrf: textOf(session?.state?.['secret']),
        appName: client?.clientName,
      })
      show(ctx, page, typeof returnTo === 'string' ? [new URL(returnTo).origin] : [])
    },
    signedOut(ctx: PageContext): void {
      show(ctx, signedOutPage({ locale: localeOf(ctx), appName: ctx.oidc.client?.clientName }))
    },
    error(
      ctx: PageContext,
      out: { error: string; error_description?: string | undefined },
      error: Error,
    ): void {
      const id = textOf(ctx.res.getHeader('x-request-id'))
      if (error instanceof BrokerError) ctx.status = statusOf(error).status
      log.warn('authorization_refused', { requestId: id, reason: out.error, status: ctx.status })
      show(ctx, errorPage({ locale: localeOf(ctx), code: errorPageCode(out.error), requestId: id }))
    },
  }
}
