// Signing and verifying: what passes, and one test for each way in which a token may not.
import { beforeAll, describe, expect, test } from '@jest/globals'
import { exportJWK, SignJWT } from 'jose'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { JwtError, signJwt, verifyJwt, type JwtAlgorithm } from '../../src/crypto/jwt.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const now = new Date('2026-11-24T12:00:00.500Z')
const seconds = Math.floor(now.getTime() / 1000)

const signing = {
  key: ec.privateKey,
  algorithm: 'ES256',
  kid: 'k1',
  typ: 'at+jwt',
  issuer: 'https://id.example',
  audience: 'app',
  claims: { sub: 'someone' },
  lifetime: 300,
  now,
} as const
const checks = {
  key: ec.publicKey,
  algorithms: ['ES256'],
  typ: ['at+jwt'],
  issuer: 'https://id.example',
  audience: 'app',
  requiredClaims: ['exp', 'sub'],
  maxAge: 600,
  clockTolerance: 5,
  now,
} as const

type Signing = Parameters<typeof signJwt>[0]
type Checks = Parameters<typeof verifyJwt>[1]

async function failure(token: string | Promise<string>, changed: Partial<Checks> = {}): Promise<unknown> {
  try {
    await verifyJwt(await token, { ...checks, ...changed })
  } catch (error) {
    if (!(error instanceof JwtError)) return error
    return error.claim === undefined ? error.code : `${error.code} ${error.claim}`
  }
  return 'accepted'
}

const signed = (changed: Partial<Signing> = {}) => signJwt({ ...signing, ...changed })
const later = (by: number) => new Date(now.getTime() + by * 1000)
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token with any header and payload, signed by hand with HMAC under `secret`. */
function forged(header: object, secret: string | Buffer): string {
  const payload = { iss: signing.issuer, aud: 'app', iat: seconds, exp: seconds + 300, sub: 'x' }
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

let good: string
beforeAll(async () => {
  good = await signed()
})

describe('signJwt()', () => {
  test('makes what verifyJwt() accepts', async () => {
    const { claims, ...header } = await verifyJwt(good, checks)
    expect(header).toEqual({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' })
    expect(claims).toEqual({
      iss: 'https://id.example',
      aud: 'app',
      sub: 'someone',
      iat: seconds,
      exp: seconds + 300,
    })
  })

  test.each<[JwtAlgorithm, () => { privateKey: KeyObject; publicKey: KeyObject }]>([
    ['RS256', () => rsa],
    ['RS384', () => rsa],
    ['RS512', () => rsa],
    ['PS256', () => rsa],
    ['PS384', () => rsa],
    ['PS512', () => rsa],
    ['ES384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['ES512', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
    ['Ed25519', () => generateKeyPairSync('ed25519')],
    ['EdDSA', () => generateKeyPairSync('ed25519')],
    ['ML-DSA-44', () => generateKeyPairSync('ml-dsa-44')],
    ['ML-DSA-65', () => generateKeyPairSync('ml-dsa-65')],
    ['ML-DSA-87', () => generateKeyPairSync('ml-dsa-87')],
  ])('makes it with %s too', async (algorithm, pair) => {
    const { privateKey, publicKey } = pair()
    const token = await signed({ algorithm, key: privateKey })
    expect(await failure(token, { algorithms: [algorithm], key: publicKey })).toBe('accepted')
  })

  test('leaves exp out only when told so', async () => {
    const token = await signed({ lifetime: 'none', typ: 'secevent+jwt' })
    expect(await failure(token, { typ: ['secevent+jwt'], requiredClaims: [] })).toBe('accepted')
    expect(await failure(token, { typ: ['secevent+jwt'] })).toBe('jwt_claim exp')
    await expect(signed({ lifetime: 0 })).rejects.toThrow(TypeError)
  })

  test('takes iss, aud, iat and exp as arguments only', async () => {
    for (const claims of [{ iss: 'x' }, { aud: 'x' }, { iat: 1 }, { exp: 1 }]) {
      await expect(signed({ claims })).rejects.toThrow(TypeError)
    }
  })

  test('signs with no symmetric algorithm', async () => {
    // @ts-expect-error: it doesn't compile either
    await expect(signed({ algorithm: 'HS256' })).rejects.toThrow(TypeError)
    // @ts-expect-error: nor does this
    await expect(signed({ algorithm: 'none' })).rejects.toThrow(TypeError)
  })
})

describe('verifyJwt() refuses', () => {
  test('another issuer, audience, type', async () => {
    expect(await failure(signed({ issuer: 'https://id.example/' }))).toBe('jwt_claim iss')
    expect(await failure(signed({ audience: ['app2', 'app3'] }))).toBe('jwt_claim aud')
    expect(await failure(signed({ typ: 'logout+jwt' }))).toBe('jwt_claim typ')
    expect(await failure(signed({ typ: 'application/AT+jwt' }))).toBe('accepted')
  })

  test('a token without a type, unless that is listed', async () => {
    const token = await new SignJWT({ sub: 'x' })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(signing.issuer)
      .setAudience('app')
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 300)
      .sign(ec.privateKey)
    expect(await failure(token)).toBe('jwt_claim typ')
    expect(await failure(token, { typ: [undefined, 'JWT'] })).toBe('accepted')
  })

  test('an expired token, with at most the tolerance beyond', async () => {
    expect(await failure(good, { now: later(304) })).toBe('accepted')
    expect(await failure(good, { now: later(305) })).toBe('jwt_expired exp')
  })

  test('a token older than the maximum age, whatever its exp, and one from the future', async () => {
    const long = await signed({ lifetime: 86_400 })
    expect(await failure(long, { now: later(605) })).toBe('accepted')
    expect(await failure(long, { now: later(606) })).toBe('jwt_expired iat')
    expect(await failure(long, { now: later(-5) })).toBe('accepted')
    expect(await failure(long, { now: later(-6) })).toBe('jwt_claim iat')
  })

  test('a token that is not valid yet', async () => {
    expect(await failure(signed({ claims: { sub: 'x', nbf: seconds + 60 } }))).toBe('jwt_claim nbf')
  })

  test('a token without a required claim', async () => {
    expect(await failure(good, { requiredClaims: ['jti'] })).toBe('jwt_claim jti')
    expect(await failure(good, { requiredClaims: ['toString'] })).toBe('jwt_claim toString')
  })

  test('another key, a changed payload, a cut signature', async () => {
    expect(await failure(good, { key: other.publicKey })).toBe('jwt_signature')
    const [header = '', , signature = ''] = good.split('.')
    expect(await failure(`${header}.${encode({ sub: 'root' })}.${signature}`)).toBe('jwt_signature')
    expect(await failure(good.slice(0, -4))).toBe('jwt_signature')
  })

  test.each(['none', 'None', 'nOnE', '', 'HS256', 'RS256', null, 7, ['ES256']])(
    'the algorithm %j',
    async (alg) => {
      expect(await failure(forged({ alg, typ: 'at+jwt' }, 'x'))).toBe('jwt_algorithm')
    },
  )

  // RFC 8725 §2.1: the public key, in any of its forms, used as an HMAC secret.
  test('an HMAC under the public key', async () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
    const der = rsa.publicKey.export({ type: 'spki', format: 'der' })
    const jwk = JSON.stringify(rsa.publicKey.export({ format: 'jwk' }))
    for (const secret of [pem, der, jwk]) {
      const token = forged({ alg: 'HS256', typ: 'at+jwt' }, secret)
      expect(await failure(token, { key: rsa.publicKey, algorithms: ['RS256'] })).toBe('jwt_algorithm')
      const posing = forged({ alg: 'RS256', typ: 'at+jwt' }, secret)
      expect(await failure(posing, { key: rsa.publicKey, algorithms: ['RS256'] })).toBe('jwt_signature')
    }
  })

  test('a key that does not fit the algorithm', async () => {
    expect(await failure(good, { key: rsa.publicKey })).toBe('jwt_key')
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const token = forged({ alg: 'RS256', typ: 'at+jwt' }, 'x')
    expect(await failure(token, { key: weak.publicKey, algorithms: ['RS256'] })).toBe('jwt_key')
  })

  test('a header that asks for an extension, or whose members are no text', async () => {
    expect(await failure(forged({ alg: 'ES256', crit: ['exp'], exp: 1 }, 'x'))).toBe('jwt_header crit')
    expect(await failure(forged({ alg: 'ES256', crit: [] }, 'x'))).toBe('jwt_header crit')
    expect(await failure(forged({ alg: 'ES256', kid: ['k1'] }, 'x'))).toBe('jwt_header kid')
    expect(await failure(forged({ alg: 'ES256', kid: 'x'.repeat(1000) }, 'x'))).toBe('jwt_header kid')
    expect(await failure(forged({ alg: 'ES256', typ: {} }, 'x'))).toBe('jwt_header typ')
  })

  test.each(['', '.', '..', 'a.b.c', 'a.b.c.d.e', `${encode({ alg: 'ES256' })}.e30`, 'x'.repeat(70_000)])(
    'what is no token (%#)',
    async (token) => {
      expect(await failure(token)).toBe('jwt_malformed')
    },
  )
})

describe('the key look-up of verifyJwt()', () => {
  test('learns kid and alg, and nothing of a key that the token brings along', async () => {
    const asked: unknown[] = []
    const token = await new SignJWT({ sub: 'x' })
      .setProtectedHeader({
        alg: 'ES256',
        kid: 'k1',
        typ: 'at+jwt',
        jwk: await exportJWK(other.publicKey),
        jku: 'https://evil.example/jwks',
        x5u: 'https://evil.example/x5u',
        x5c: ['MII'],
      })
      .setIssuer(signing.issuer)
      .setAudience('app')
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 300)
      .sign(other.privateKey)
    const key = (query: unknown): KeyObject => {
      asked.push(query)
      return ec.publicKey
    }
    expect(await failure(token, { key })).toBe('jwt_signature')
    expect(asked).toEqual([{ alg: 'ES256', kid: 'k1' }])
  })

  test('may know no key, and its own failure comes through', async () => {
    expect(await failure(good, { key: () => undefined })).toBe('jwt_key')
    const error = new Error('the key set could not be fetched')
    expect(await failure(good, { key: () => Promise.reject(error) })).toBe(error)
  })
})

describe('arguments that would weaken a check', () => {
  test.each<[string, Partial<Checks>]>([
    ['no algorithm', { algorithms: [] }],
    ['an empty issuer', { issuer: '' }],
    ['an empty list of audiences', { audience: [] }],
    ['an empty audience beside another', { audience: ['app', ''] }],
    ['no type', { typ: [] }],
    ['a tolerance of more than a minute', { clockTolerance: 61 }],
    ['a negative tolerance', { clockTolerance: -1 }],
    ['no maximum age', { maxAge: Infinity }],
  ])('stop it: %s', async (_name, changed) => {
    expect(await failure(good, changed)).toBeInstanceOf(TypeError)
  })

  test('stop it also where the compiler was overruled', async () => {
    // @ts-expect-error: a symmetric algorithm
    expect(await failure(good, { algorithms: ['ES256', 'HS256'] })).toBeInstanceOf(TypeError)
    // @ts-expect-error: no issuer, which jose would take for "any"
    expect(await failure(good, { issuer: undefined })).toBeInstanceOf(TypeError)
    // @ts-expect-error: no audience, likewise
    expect(await failure(good, { audience: undefined })).toBeInstanceOf(TypeError)
    // @ts-expect-error: no maximum age, likewise
    expect(await failure(good, { maxAge: undefined })).toBeInstanceOf(TypeError)
    // @ts-expect-error: no tolerance
    expect(await failure(good, { clockTolerance: undefined })).toBeInstanceOf(TypeError)
  })
})
