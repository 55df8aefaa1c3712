// Whatever goes wrong upstream, as one of our codes. Invariant: nothing that the upstream wrote gets into the error or the log, but a
// name or a number of a known form: the library's errors carry bodies, claims and queries.
import * as client from 'openid-client'
import { BrokerError, type BrokerErrorCode } from '../core/errors.ts'
import { JwtError } from '../crypto/jwt.ts'

/** What a token endpoint refused with: the OAuth error, and Microsoft's number where there is one. */
export type Refusal = { readonly error: string; readonly aadsts: number | undefined }

/** Whether a refusal is a fault of our own configuration. */
export type IsOurFault = (refusal: Refusal) => boolean

// RFC 6749 §5.2, and what Google says to an address that isn't registered.
const OUR_FAULTS = new Set(['invalid_client', 'unauthorized_client', 'redirect_uri_mismatch'])
export const isOurFault: IsOurFault = ({ error }) => OUR_FAULTS.has(error)

/** What the log may say beside our code. */
export type FailureFields = {
  readonly reason?: string
  readonly upstreamError?: string
  readonly aadsts?: number
}
export type Failure = { readonly error: BrokerError; readonly fields: FailureFields }

/**
 * The failure as `upstream_declined` (the person said no), `upstream_refused`, `connector_unavailable` (we are set up wrongly),
 * `upstream_unavailable` or `upstream_invalid`; other codes of ours come through. `undefined` for what is none of these: our own bug.
 */
export function parseFailure(error: unknown, ourFault: IsOurFault = isOurFault): Failure | undefined {
  const own = findOwn(error)
  if (own !== undefined) {
    const reason = reasonOf(own)
    // What we refuse to fetch is what the upstream asked us to: a redirect, a strange host, an endless body.
    return { error: own.code === 'outbound_refused' ? invalid(reason) : own, fields: { reason } }
  }
  if (error instanceof client.AuthorizationResponseError) {
    const declined = error.error === 'access_denied'
    return failure(declined ? 'upstream_declined' : 'upstream_refused', { upstreamError: word(error.error) })
  }
  // RFC 6749 §5.2: a 401 of the token endpoint is about the client's authentication.
  if (error instanceof client.WWWAuthenticateChallengeError) {
    return failure('connector_unavailable', { upstreamError: 'invalid_client' })
  }
  if (error instanceof client.ResponseBodyError) {
    const aadsts = parseNumber(error.cause['error_codes'])
    return failure(ourFault({ error: error.error, aadsts }) ? 'connector_unavailable' : 'upstream_refused', {
      upstreamError: word(error.error),
      ...(aadsts === undefined ? {} : { aadsts }),
    })
  }
  if (error instanceof JwtError) {
    return failure('upstream_invalid', { reason: [error.code, error.claim ?? []].flat().join('.') })
  }
  if (error instanceof client.ClientError) {
    const reason = error.code ?? 'unknown'
    const late = ['OAUTH_TIMEOUT', 'OAUTH_ABORT', 'OAUTH_RESPONSE_IS_NOT_CONFORM'].includes(reason)
    return failure(late ? 'upstream_unavailable' : 'upstream_invalid', { reason })
  }
  return undefined
}

/** Why, in a word for the log. */
export const reasonOf = (error: BrokerError): string =>
  error.cause instanceof Error ? error.cause.message : error.code

export const invalid = (reason: string): BrokerError =>
  new BrokerError('upstream_invalid', { cause: new Error(reason) })
export const unavailable = (reason: string): BrokerError =>
  new BrokerError('upstream_unavailable', { cause: new Error(reason) })

const failure = (code: BrokerErrorCode, fields: FailureFields): Failure => ({
  error: new BrokerError(code, { cause: new Error(fields.reason ?? fields.upstreamError) }),
  fields,
})

function findOwn(error: unknown): BrokerError | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; depth += 1) {
    if (cause instanceof BrokerError) return cause
    cause = cause.cause
  }
  return undefined
}

// RFC 6749 §4.1.2.1 allows any printable text as an error; only what looks like a name is worth a log line.
const word = (text: string): string => (/^[a-z_]{1,40}$/.test(text) ? text : 'unknown')

function parseNumber(codes: unknown): number | undefined {
  const first: unknown = Array.isArray(codes) ? codes[0] : undefined
  return typeof first === 'number' && Number.isSafeInteger(first) ? first : undefined
}
