/**
 * The app's own API. It knows no cookie: whoever calls shows an access token, a JWT for exactly this API, and gets the documents
 * of the subject in it. Checked by the issuer's published keys, without asking the issuer. RFC 6750, RFC 9068 §4.
 */
import express from 'express'
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose'
import { z } from 'zod'
import { kinds, type Documents } from './documents.ts'
import type { SignIn } from './sign-in.ts'

const draft = z.strictObject({ title: z.string().trim().min(1).max(120), kind: z.enum(kinds) })

// Keys that can't be had are our trouble, not the token's. The first is jose's for an answer other than 200.
const keysUnavailable = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'])

export type ApiOptions = {
  readonly issuer: string
  readonly audience: string
  /** Scopes that a token must have, separated by spaces; none unless told. */
  readonly scope?: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export const documentsApi = (
  options: ApiOptions,
  signIn: Pick<SignIn, 'metadata'>,
  documents: Documents,
): express.Router => {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined

  const verify = async (token: string): Promise<JWTPayload & { sub: string }> => {
    // Keys are asked for again every minute: a key that the issuer withdraws is soon refused here too.
    keys ??= createRemoteJWKSet(new URL((await signIn.metadata()).jwks_uri ?? ''), {
      cacheMaxAge: 60_000,
      cooldownDuration: 5_000,
    })
    const { payload } = await jwtVerify(token, keys, {
      issuer: options.issuer,
      audience: options.audience,
      // RFC 9068 §2.1: an ID token is no access token.
      typ: 'at+jwt',
      algorithms: ['ES256'],
      requiredClaims: ['exp', 'iat', 'sub', 'client_id'],
      currentDate: new Date(options.now()),
    })
    return { ...payload, sub: payload.sub ?? '' }
  }

  /** The caller's subject, or undefined when the request has been refused already. */
  const subjectOf = async (req: express.Request, res: express.Response): Promise<string | undefined> => {
    const refuse = (status: number, error?: string): undefined => {
      const challenge = error === undefined ? 'Bearer' : `Bearer error="${error}"`
      res
        .status(status)
        .set('WWW-Authenticate', challenge)
        .json({ error: error ?? 'token_missing' })
    }
    const [, token] = /^Bearer ([\w.~+/-]+=*)$/i.exec(req.get('authorization') ?? '') ?? []
    // RFC 6750 §3.1: who shows no token is told no error.
    if (token === undefined) return refuse(401)
    try {
      const { sub, scope } = await verify(token)
      const has = typeof scope === 'string' ? scope.split(' ') : []
      const needed = options.scope?.split(' ') ?? []
      return needed.every((each) => has.includes(each)) ? sub : refuse(403, 'insufficient_scope')
    } catch (error) {
      if (error instanceof errors.JOSEError && !keysUnavailable.has(error.code))
        return refuse(401, 'invalid_token')
      res.status(503).json({ error: 'temporarily_unavailable' })
      return undefined
    }
  }

  const router = express.Router()
  router.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })
  router.get('/documents', async (req, res) => {
    const subject = await subjectOf(req, res)
    if (subject !== undefined) res.json({ documents: documents.list(subject) })
  })
  router.post('/documents', express.json({ limit: '10kb' }), async (req, res) => {
    const subject = await subjectOf(req, res)
    if (subject === undefined) return
    const parsed = draft.safeParse(req.body)
    if (parsed.success) res.status(201).json({ document: documents.add(subject, parsed.data) })
    else res.status(422).json({ error: 'invalid_document' })
  })
  router.use((_req, res) => void res.status(404).json({ error: 'not_found' }))
  router.use((error: unknown, _req: express.Request, res: express.Response, next: express.NextFunction) => {
    if (res.headersSent) next(error)
    else res.status(400).json({ error: 'invalid_request' })
  })
  return router
}
