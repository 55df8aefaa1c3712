/**
 * Mints an ID token for a vendor and lets that vendor's `idToken` and `keys` traps have their way with it.
 * Without a trap it is RS256 under the key it is given, claims as they are. OIDC Core §2
 */
import { createHash, createSecretKey } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import type { SigningKey } from './keys.ts'
import { withExtra } from './people.ts'
import type { Vendor } from './people.ts'
import type { IdTokenTrap } from './traps.ts'
import { random } from './world.ts'
import type { Client, World } from './world.ts'

/** The left half of a token's SHA-256. OIDC Core §3.1.3.6 */
export const leftHalfHash = (token: string): string =>
  createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')

const otherClient = 'another-client.apps.example'

type Bend = (claims: Record<string, unknown>, client: Client, now: number) => Record<string, unknown>

/** What a trap lays over the claims; `undefined` removes one. Traps of the signature change no claim. */
const bends: Partial<Record<IdTokenTrap, Bend>> = {
  wrongIss: () => ({ iss: 'https://attacker.example' }),
  wrongAud: (claims) => ({ aud: otherClient, ...('azp' in claims && { azp: otherClient }) }),
  extraAud: (_claims, client) => ({ aud: [client.id, otherClient], azp: otherClient }),
  wrongNonce: () => ({ nonce: random() }),
  missingNonce: () => ({ nonce: undefined }),
  missingSub: () => ({ sub: undefined }),
  expired: (claims, _client, now) => ({
    iat: now - 7200,
    exp: now - 3600,
    ...('nbf' in claims && { nbf: now - 7200 }),
  }),
  missingExp: () => ({ exp: undefined }),
  future: (_claims, _client, now) => ({ iat: now + 3600, nbf: now + 3600, exp: now + 7200 }),
  wrongAtHash: () => ({ at_hash: leftHalfHash(random()) }),
  hasEventsClaim: () => ({
    events: { 'https://schemas.openid.net/secevent/risc/event-type/sessions-revoked': {} },
  }),
}

const flipped = (jwt: string): string => {
  const [header = '', payload = '', signature = ''] = jwt.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  bytes[0] = (bytes[0] ?? 0) ^ 1
  return [header, payload, bytes.toString('base64url')].join('.')
}

/** The compact ID token for `client`; `key` is the vendor's usual key for this person. */
export const mintIdToken = async (
  world: World,
  vendor: Vendor,
  client: Client,
  claims: Record<string, unknown>,
  key: SigningKey,
): Promise<string> => {
  const trap = world.traps[vendor].idToken
  const payload = withExtra(claims, bends[trap]?.(claims, client, world.now()))
  if (trap === 'algNone') return new UnsecuredJWT(payload).encode()
  if (trap === 'algHs256' || trap === 'algHs256PublicKey') {
    const secret = trap === 'algHs256' ? client.secret : key.publicKey.export({ type: 'spki', format: 'pem' })
    return new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256', kid: key.kid, typ: 'JWT' })
      .sign(createSecretKey(Buffer.from(secret)))
  }
  const jwt = await new SignJWT(payload)
    .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'JWT' })
    .sign(key.privateKey)
  return trap === 'badSignature' ? flipped(jwt) : jwt
}
