// What an upstream's ID token needs beyond verifyJwt(): which key it names, before anything is proved, and whether it was made for the
// access token it came with. OIDC Core §3.1.3.6, §3.1.3.8
import { decodeProtectedHeader, type JWK, type JWTPayload } from 'jose'
import { createHash } from 'node:crypto'
import { equal } from './secrets.ts'

/** One entry of an upstream's key set. `issuer` is Microsoft's: the one issuer that the key may sign for. */
export type UpstreamKey = JWK & { readonly issuer?: unknown }
export type UpstreamClaims = JWTPayload

/** The `kid` of a token that proves nothing yet: good for choosing what to fetch, and for nothing else. */
export function peekKeyId(token: unknown): string | undefined {
  if (typeof token !== 'string') return undefined
  try {
    const { kid } = decodeProtectedHeader(token)
    return typeof kid === 'string' && kid.length <= 512 ? kid : undefined
  } catch {
    return undefined
  }
}

/** Whether `at_hash` is the left half of the access token's hash, by the hash that the ID token's algorithm uses. */
export function accessTokenFits(atHash: unknown, alg: string, accessToken: string): boolean {
  if (typeof atHash !== 'string') return false
  const bits = /(256|384|512)$/.exec(alg)?.[1] ?? '512'
  const hash = createHash(`sha${bits}`).update(accessToken, 'ascii').digest()
  return equal(Buffer.from(atHash, 'base64url'), hash.subarray(0, hash.length / 2))
}
