// Secrets and what is kept of them: random tokens, digests, blind indexes, constant-time equality.
// Invariant: a plain digest is only ever taken of a high-entropy secret; a value that could be guessed goes through a keyed index.
// Follows RFC 2104 (HMAC) and FIPS 180-4 (SHA-256).
import {
  createHmac,
  createSecretKey,
  hash,
  randomBytes,
  randomUUID,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'

/** A key for `blindIndex`, held so that it neither prints nor serialises. */
export type SecretKey = KeyObject

/** A fresh secret of `bytes` random bytes (16 to 1024, 32 unless told), as base64url without padding: 43 characters for 32. */
export function mint(bytes = 32): string {
  if (!Number.isInteger(bytes) || bytes < 16 || bytes > 1024)
    throw new RangeError('a secret has 16 to 1024 bytes')
  return randomBytes(bytes).toString('base64url')
}

/** 32 fresh uniformly random bytes: a key. The caller overwrites them when it has wrapped them. */
export function mintKey(): Uint8Array {
  return randomBytes(32)
}

/** 16 fresh random bytes: the id that a sealing key carries. */
export function mintKeyId(): Uint8Array {
  return randomBytes(16)
}

/** A fresh random UUID (version 4) for a row. It names; it is no secret and opens nothing. */
export function randomId(): string {
  return randomUUID()
}

/** A key of 32 bytes for `blindIndex`. Throws RangeError on another length. The bytes are copied. */
export function secretKey(rawKey: Uint8Array): SecretKey {
  if (rawKey.length !== 32) throw new RangeError('a secret key has 32 bytes')
  return createSecretKey(rawKey)
}

/**
 * SHA-256 of a high-entropy secret or of public bytes: 32 bytes. With a label, `digest('record', value)`, the digest is
 * over length(label, u32 big-endian) ‖ label ‖ value, so that equal values of two kinds have different digests.
 * Strings count as UTF-8. Never for e-mail addresses, subjects or anything else that can be guessed: see `blindIndex`. Throws TypeError on ill-formed Unicode.
 */
export function digest(value: string | Uint8Array): Uint8Array
export function digest(label: string, value: string | Uint8Array): Uint8Array
export function digest(first: string | Uint8Array, second?: string | Uint8Array): Uint8Array {
  if (second === undefined) return hash('sha256', toBytes(first), 'buffer')
  return hash('sha256', Buffer.concat([...lengthPrefixed(first), toBytes(second)]), 'buffer')
}

/**
 * HMAC-SHA-256 under an index key over kind and value: 32 bytes, equal for equal inputs, useless without the key.
 * `value` may be several parts, such as [connector, issuer, subject]; kind and every part stand behind their length.
 * Nothing is normalised here: a subject is compared as the upstream wrote it; an e-mail address goes through `normaliseEmail` first.
 * Throws TypeError on ill-formed Unicode.
 */
export function blindIndex(key: SecretKey, kind: string, value: string | readonly string[]): Uint8Array {
  const hmac = createHmac('sha256', key)
  for (const part of [kind, ...(typeof value === 'string' ? [value] : value)]) {
    for (const bytes of lengthPrefixed(part)) hmac.update(bytes)
  }
  return hmac.digest()
}

/**
 * The form of an e-mail address under which support looks it up: NFC, trimmed, lower-case by Unicode's rules without a locale, NFC again.
 * Version 1; another rule is another index kind. It finds rows for a person to judge and never decides who somebody is.
 */
export function normaliseEmail(email: string): string {
  return email.normalize('NFC').trim().toLowerCase().normalize('NFC')
}

/**
 * Whether a and b are the same bytes (strings as UTF-8), in time that depends on their lengths only.
 * Different lengths are unequal, no error; ill-formed Unicode equals nothing.
 */
export function equal(a: string | Uint8Array, b: string | Uint8Array): boolean {
  if (![a, b].every((side) => typeof side !== 'string' || side.isWellFormed())) return false
  // Both sides become 32 bytes, so different lengths neither throw nor return early.
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'))
}

function lengthPrefixed(part: string | Uint8Array): [Uint8Array, Uint8Array] {
  const bytes = toBytes(part)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return [length, bytes]
}

// A lone surrogate becomes U+FFFD in UTF-8, so two different values would get one digest.
function toBytes(value: string | Uint8Array): Uint8Array {
  if (typeof value !== 'string') return value
  if (!value.isWellFormed()) throw new TypeError('the text is not well-formed Unicode')
  return Buffer.from(value, 'utf8')
}
