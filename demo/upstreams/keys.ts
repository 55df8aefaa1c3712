/**
 * The signing keys of one simulation, made when first needed: several per vendor, so that rotation, unpublished
 * keys and keys of another authority can be shown. RSA 2048, as both vendors use.
 */
import { createHash, generateKeyPair } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { selfSigned } from './certificate.ts'

const generate = promisify(generateKeyPair)

/** One signing key, with its certificate for `x5c`. */
export type SigningKey = {
  kid: string
  privateKey: KeyObject
  publicKey: KeyObject
  n: string
  e: string
  certificate: Buffer
}

/** Keys by name, e.g. `google-1`; the same name gives the same key for the life of the simulation. */
export type KeyRing = { get(name: string): Promise<SigningKey> }

const make = async (name: string): Promise<SigningKey> => {
  const pair = await generate('rsa', { modulusLength: 2048 })
  const { n = '', e = '' } = pair.publicKey.export({ format: 'jwk' })
  const certificate = selfSigned(pair, `Simulated signing key ${name}`, new Date())
  const thumbprint = createHash('sha1').update(certificate)
  // Google's key ids are 40 hex digits; Microsoft's are the base64url thumbprint of the certificate.
  const kid = thumbprint.digest(name.startsWith('google') ? 'hex' : 'base64url')
  return { kid, ...pair, n, e, certificate }
}

/** An empty key ring. */
export const createKeyRing = (): KeyRing => {
  const made = new Map<string, Promise<SigningKey>>()
  return {
    get(name) {
      const key = made.get(name) ?? make(name)
      made.set(name, key)
      return key
    },
  }
}
