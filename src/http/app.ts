// The front door: one request handler for node:http. Issuer paths go straight to the issuer, ahead of express (inside it they lose a
// third of their speed); all else is express: pages, callbacks, pictures, health.
import type { IncomingMessage, ServerResponse } from 'node:http'
import express, { type NextFunction, type Request, type Response } from 'express'
import helmet from 'helmet'
import { randomId } from '../crypto/secrets.ts'
import { EnvelopeError } from '../crypto/envelope.ts'
import { BrokerError } from '../core/errors.ts'
import type { Keyring } from '../crypto/keyring.ts'
import type { Identities } from '../core/ports.ts'
import { localeOf, requestId, sendPage, type HttpDeps } from './context.ts'
import { statusOf } from './errors.ts'
import { errorPageCode } from './pages/error-codes.ts'
import { errorPage } from './pages/error.ts'
import { STYLESHEET } from './pages/stylesheet.ts'
import { pictureRoute } from './picture.ts'
import { signInRoutes } from './sign-in.ts'

export type AppDeps = HttpDeps & {
  readonly identities: Identities
  readonly keyring: Keyring
  readonly isIssuerPath: (path: string) => boolean
  readonly issue: (request: IncomingMessage, response: ServerResponse) => Promise<void>
}

const LONGEST_FORM = 64 * 1024

export function createApp(deps: AppDeps): (request: IncomingMessage, response: ServerResponse) => void {
  const protect = helmet({
    // Pages set their own policy (context.ts); what is no page gets this one.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    // Not no-referrer: with it browsers post our own forms with `Origin: null` (Fetch, “append a request Origin header”).
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: deps.issuer.startsWith('https:')
      ? { maxAge: 63_072_000, includeSubDomains: false }
      : false,
    crossOriginResourcePolicy: false,
  })
  const app = createExpress(deps)
  const callbackPaths = new Set([...deps.signIn.connectors.values()].map(({ callbackPath }) => callbackPath))
  return (request, response) => {
    const id = randomId()
    const started = performance.now()
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    response.setHeader('x-request-id', id)
    response.once('finish', () => {
      deps.log.info('request', {
        requestId: id,
        method: request.method,
        route: routeOf(path, callbackPaths),
        status: response.statusCode,
        durationMs: Math.round(performance.now() - started),
      })
    })
    protect(request, response, () => {
      Object.assign(request, { narrowgateRequestId: id })
      if (!deps.isIssuerPath(path)) {
        app(request as Request, response as Response)
        return
      }
      if (path === '/authorize' && request.method === 'POST') {
        redirectPost(request, response)
        return
      }
      deps.issue(request, response).catch((error: unknown) => {
        deps.log.error('issuer_failed', { requestId: id, error })
        if (!response.headersSent) response.writeHead(500).end()
      })
    })
  }
}

// The first segment, and only of paths that we know: what follows may be a handle or a picture's token, and a stranger's path may be
// anything.
const KNOWN = new Set([
  'assets',
  'authorize',
  'health',
  'introspect',
  'jwks',
  'metrics',
  'par',
  'picture',
  'revoke',
  'session',
  'sign-in',
  'token',
  'userinfo',
  '.well-known',
])
function routeOf(path: string, callbackPaths: ReadonlySet<string>): string {
  if (callbackPaths.has(path)) return path
  const first = path.split('/')[1] ?? ''
  return KNOWN.has(first) ? `/${first}` : '/unknown'
}

function createExpress(deps: AppDeps) {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use((request, response, next) => {
    response.locals['requestId'] = (request as unknown as { narrowgateRequestId: string }).narrowgateRequestId
    next()
  })
  app.get(STYLESHEET.path, (_request, response) => {
    response.set('cache-control', 'public, max-age=31536000, immutable').type('css').send(STYLESHEET.body)
  })
  app.get('/health/live', (_request, response) => {
    response.json({ status: 'up' })
  })
  app.get('/health/ready', async (_request, response) => {
    const isReady = await deps.isReady()
    response.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'not ready' })
  })
  const { metrics } = deps
  if (metrics !== undefined) {
    app.get('/metrics', async (_request, response) => {
      response.type('text/plain').send(await metrics())
    })
  }
  app.get('/picture/:token', pictureRoute(deps))
  app.use(signInRoutes(deps))
  app.use(() => {
    throw new BrokerError('not_found')
  })
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) {
      next(error)
      return
    }
    const known = statusOf(isClientFault(error) ? new BrokerError('bad_request') : error)
    const fields = {
      requestId: requestId(response),
      reason: known.code,
      error: error instanceof BrokerError ? (error.cause ?? error) : error,
    }
    if (fields.error instanceof EnvelopeError) deps.log.error('sealed_value_refused', fields)
    if (known.status >= 500) deps.log.error('request_failed', fields)
    else deps.log.warn('request_refused', fields)
    if (known.retryAfter !== undefined) response.set('retry-after', String(known.retryAfter))
    const retryUrl: unknown = response.locals['retryUrl']
    const page = errorPage({
      locale: localeOf(request),
      code: errorPageCode(known.code),
      requestId: requestId(response),
      detail: error instanceof BrokerError ? error.detail : undefined,
      retryUrl: typeof retryUrl === 'string' ? retryUrl : undefined,
    })
    sendPage(response, known.status, page)
  })
  return app
}

// body-parser and the router mark what the sender did wrong with a 4xx status.
function isClientFault(error: unknown): boolean {
  const { status } = error as { status?: unknown }
  return typeof status === 'number' && status >= 400 && status < 500
}

/** OIDC Core §3.1.2.1 allows POST; answered by 303 to the same request by GET, so that our cookies stay SameSite=Lax. */
function redirectPost(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  let size = 0
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > LONGEST_FORM) {
      response.writeHead(413, { connection: 'close' }).end()
      request.destroy()
      return
    }
    chunks.push(chunk)
  })
  request.on('end', () => {
    if (response.headersSent) return
    if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '')) {
      response.writeHead(415).end()
      return
    }
    const query = new URLSearchParams(Buffer.concat(chunks).toString('utf8')).toString()
    response.writeHead(303, { location: `/authorize?${query}`, 'cache-control': 'no-store' }).end()
  })
}
