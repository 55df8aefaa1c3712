// Keys that sign tokens: made here, their private half sealed at once under the signing server key, opened at start.
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { openJson, sealJson, type Sealed, type SealContext, type SealingKey } from './envelope.ts'

export type SigningAlgorithm = 'ES256' | 'RS256'
export type NewSigningKey = {
  kid: string
  alg: SigningAlgorithm
  publicJwk: Record<string, unknown>
  privateSealed: Sealed
}

/** A fresh key pair: P-256, or RSA of 2048 bits. Its kid is the JWK thumbprint (RFC 7638). */
export async function newSigningKey(alg: SigningAlgorithm, sealWith: SealingKey): Promise<NewSigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
  const publicJwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(publicJwk)
  const common = { kid, alg, use: 'sig' }
  const privateJwk = { ...(await exportJWK(privateKey)), ...common }
  return {
    kid,
    alg,
    publicJwk: { ...publicJwk, ...common },
    privateSealed: sealJson(sealWith, context(kid), privateJwk),
  }
}

/** The private JWK. Throws EnvelopeError. */
export function openSigningKey(key: SealingKey, kid: string, sealed: Sealed): Record<string, unknown> {
  return openJson(key, context(kid), sealed) as Record<string, unknown>
}

const context = (kid: string): SealContext => ({
  purpose: 'signing-key',
  account: '',
  table: 'signing_key',
  column: 'private_sealed',
  row: kid,
  keyVersion: 1,
})
