// Signing and verifying JWTs, with every check a required argument: leaving one out does not compile.
// Invariant: the key and the algorithm come from us, never from the token; only asymmetric algorithms exist here.
// Follows RFC 7515, RFC 7519 and RFC 8725. The JOSE work itself is done by jose.
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  SignJWT,
  type CryptoKey,
  type JWK,
  type JWTPayload,
} from 'jose'
import type { KeyObject } from 'node:crypto'

const ALGORITHMS = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const),
] as const

/** What we sign with or accept. RFC 8725 §3.1, §3.2: no `none`, and no HS*, so a public key can't be passed off as an HMAC secret. */
export type JwtAlgorithm = (typeof ALGORITHMS)[number]

export type JwtKey = CryptoKey | KeyObject | JWK

/** All that a look-up of keys may learn from a header: never `jwk`, `jku`, `x5u` or `x5c`. Nothing of it is proved yet. */
export type JwtKeyQuery = { readonly alg: JwtAlgorithm; readonly kid: string | undefined }

export type JwtErrorCode =
  'jwt_malformed' | 'jwt_header' | 'jwt_algorithm' | 'jwt_key' | 'jwt_signature' | 'jwt_expired' | 'jwt_claim'

/** Thrown by this file. `claim` names the claim or header member that failed; the token itself is nowhere in it. */
export class JwtError extends Error {
  override readonly name = 'JwtError'
  readonly code: JwtErrorCode
  readonly claim: string | undefined
  constructor(code: JwtErrorCode, message: string, options: { claim?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.claim = options.claim
  }
}

const MAX_TOLERANCE_SECONDS = 60
const MAX_TOKEN_CHARACTERS = 64 * 1024
const OURS = ['iss', 'aud', 'iat', 'exp'] as const

/**
 * A compact JWT. `claims` may not hold iss, aud, iat or exp: those are arguments. `lifetime` is in seconds; 'none' leaves
 * `exp` out, which is right for a security event token only (RFC 8417 §2.2). Throws TypeError when misused.
 */
export async function signJwt(token: {
  key: JwtKey
  algorithm: JwtAlgorithm
  kid: string
  typ: string
  issuer: string
  audience: string | string[]
  claims: JWTPayload
  lifetime: number | 'none'
  now: Date
}): Promise<string> {
  const { key, algorithm, kid, typ, issuer, audience, claims, lifetime, now } = token
  checkAlgorithms([algorithm])
  checkTexts([kid, typ, issuer, ...[audience].flat()])
  const taken = OURS.find((claim) => Object.hasOwn(claims, claim))
  if (taken !== undefined) throw new TypeError(`the claim ${taken} is an argument of its own`)
  const iat = Math.floor(now.getTime() / 1000)
  const jwt = new SignJWT(claims).setIssuer(issuer).setAudience(audience).setIssuedAt(iat)
  if (lifetime !== 'none') {
    if (!Number.isInteger(lifetime) || lifetime < 1)
      throw new TypeError('a lifetime is a whole number of seconds')
    jwt.setExpirationTime(iat + lifetime)
  }
  return jwt.setProtectedHeader({ alg: algorithm, kid, typ }).sign(key)
}

/**
 * The claims of a JWT that passed every check below, and only then. `key` may look a key up by kid and alg; what it throws comes
 * through as it is, and `undefined` is `jwt_key`. Throws JwtError; TypeError when an argument would weaken a check.
 */
export async function verifyJwt(
  token: string,
  checks: {
    key: JwtKey | ((query: JwtKeyQuery) => Promise<JwtKey | undefined> | JwtKey | undefined)
    algorithms: readonly JwtAlgorithm[]
    /** Accepted header types; `undefined` among them accepts a token without one. RFC 8725 §3.11. */
    typ: readonly (string | undefined)[]
    issuer: string
    /** At least one of these has to be in `aud`. */
    audience: string | string[]
    /** Claims that must be there besides iss, aud and iat: `exp` for everything but security event tokens. */
    requiredClaims: readonly string[]
    /** Seconds since `iat`, at most. */
    maxAge: number
    /** Seconds by which clocks may differ: 0 to 60. */
    clockTolerance: number
    now: Date
  },
): Promise<{ claims: JWTPayload; alg: JwtAlgorithm; kid: string | undefined; typ: string | undefined }> {
  const { algorithms, typ: types, issuer, audience, requiredClaims, maxAge, clockTolerance, now } = checks
  checkAlgorithms(algorithms)
  checkTexts([issuer, ...[audience].flat()])
  if ([audience].flat().length === 0 || types.length === 0)
    throw new TypeError('an empty list accepts nothing')
  if (!(clockTolerance >= 0 && clockTolerance <= MAX_TOLERANCE_SECONDS))
    throw new TypeError('tolerance is 0 to 60 s')
  if (!(maxAge > 0 && Number.isFinite(maxAge))) throw new TypeError('a maximum age is positive')

  const { alg, kid, typ } = parseHeader(token, algorithms)
  const key = typeof checks.key === 'function' ? await checks.key({ alg, kid }) : checks.key
  if (key === undefined) throw new JwtError('jwt_key', 'no key is known for the token')
  const claims = await jwtVerify(token, key, {
    algorithms: [alg],
    issuer,
    audience,
    requiredClaims: [...requiredClaims],
    maxTokenAge: maxAge,
    clockTolerance,
    currentDate: now,
  }).then(({ payload }) => payload, rethrow)
  // RFC 8725 §3.11: one kind of token is not taken for another.
  if (!types.some((type) => mediaType(type) === mediaType(typ))) {
    throw new JwtError('jwt_claim', 'the token is of another type', { claim: 'typ' })
  }
  return { claims, alg, kid, typ }
}

function parseHeader(token: string, algorithms: readonly JwtAlgorithm[]) {
  if (token.length > MAX_TOKEN_CHARACTERS) throw new JwtError('jwt_malformed', 'the token is too long')
  let header: ReturnType<typeof decodeProtectedHeader>
  try {
    header = decodeProtectedHeader(token)
  } catch (cause) {
    throw new JwtError('jwt_malformed', 'the token is no compact JWS', { cause })
  }
  // RFC 8725 §3.1: compared exactly, so `None` and `nOnE` are as unknown as `none`.
  const alg = algorithms.find((allowed) => allowed === header.alg)
  if (alg === undefined)
    throw new JwtError('jwt_algorithm', 'the token is signed with an algorithm not accepted here')
  // RFC 7515 §4.1.11: we understand no extension, so we accept none.
  if (Object.hasOwn(header, 'crit'))
    throw new JwtError('jwt_header', 'the token asks for an extension', { claim: 'crit' })
  // The rest of the header, `jwk`, `jku`, `x5u` and `x5c` above all, is not read. RFC 8725 §3.10
  return { alg, kid: headerText(header.kid, 'kid'), typ: headerText(header.typ, 'typ') }
}

function headerText(value: unknown, claim: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value.length <= 512)) return value
  throw new JwtError('jwt_header', 'the token has a malformed header', { claim })
}

// RFC 7515 §4.1.9: `application/` may be left out, and case doesn't matter.
function mediaType(typ: string | undefined): string | undefined {
  const lower = typ?.toLowerCase()
  return lower === undefined || lower.includes('/') ? lower : `application/${lower}`
}

function rethrow(cause: unknown): never {
  if (cause instanceof errors.JWTExpired) {
    throw new JwtError('jwt_expired', 'the token is too old', { claim: cause.claim })
  }
  if (cause instanceof errors.JWTClaimValidationFailed) {
    // Without the cause, here and above: it carries the payload, and a log would keep it.
    throw new JwtError('jwt_claim', 'a claim of the token is missing or not as expected', {
      claim: cause.claim,
    })
  }
  if (cause instanceof errors.JWSSignatureVerificationFailed) {
    throw new JwtError('jwt_signature', "the token's signature is wrong", { cause })
  }
  if (cause instanceof errors.JWSInvalid || cause instanceof errors.JWTInvalid) {
    throw new JwtError('jwt_malformed', 'the token is malformed', { cause })
  }
  throw new JwtError('jwt_key', 'the key does not fit the algorithm', { cause })
}

function checkAlgorithms(algorithms: readonly string[]): void {
  const known: readonly string[] = ALGORITHMS
  if (algorithms.length === 0 || !algorithms.every((algorithm) => known.includes(algorithm))) {
    throw new TypeError('algorithms is a list of asymmetric algorithms, not empty')
  }
}

// To jose an undefined issuer or audience means "don't check", so types alone aren't trusted with it.
function checkTexts(texts: readonly unknown[]): void {
  if (!texts.every((text) => typeof text === 'string' && text !== ''))
    throw new TypeError('an argument is empty')
}

/** The claims of a JWT that we have just signed ourselves. Proves nothing: never for what comes from outside. */
export const readOwnClaims = (jwt: string): Record<string, unknown> => decodeJwt(jwt)
