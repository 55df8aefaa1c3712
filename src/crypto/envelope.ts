// The envelope: the one format in which anything is kept sealed.
//   version(1) · key id(16, zero under a bearer) · salt(32) · commitment(32) · ciphertext · tag(16)
// Invariant: a value opens under exactly one key and only in the place it was sealed for; a wrong key is an error, never
// "try the next". Follows RFC 5869 (HKDF-SHA-512) and NIST SP 800-38D (AES-256-GCM). Byte by byte: docs/envelope.md.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'

declare const sealedBrand: unique symbol
const keyBrand = Symbol('sealing key')

/** Bytes in the envelope format. Made by `seal` and `sealedFromStorage`, and by storage of what a `*_sealed` column holds; those columns take nothing else. */
export type Sealed = Uint8Array & { readonly [sealedBrand]: true }

/** A key that seals. Opaque: made by `sealingKey` or `bearerKey`; prints and serialises without its secret. */
export type SealingKey = { readonly id: Uint8Array; readonly prk: KeyObject; readonly [keyBrand]: true }

/**
 * The place a value belongs to. A value opens only where all six members are those it was sealed with.
 * `account` is '' where there is none. A number and its decimal string are the same `keyVersion`.
 */
export type SealContext = {
  readonly purpose: string
  readonly account: string
  readonly table: string
  readonly column: string
  readonly row: string
  readonly keyVersion: number | string
}

/** Why an envelope did not open. `envelope_refused` doesn't say whether key, place or bytes were wrong: nobody can know. */
export type EnvelopeErrorCode =
  'envelope_malformed' | 'envelope_unknown_version' | 'envelope_wrong_key' | 'envelope_refused'

/** Thrown by this file only. The message is fixed per code and holds no value. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError'
  readonly code: EnvelopeErrorCode
  constructor(code: EnvelopeErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

const VERSION = 0x01
const ID_BYTES = 16
const SALT_BYTES = 32
const COMMITMENT_BYTES = 32
const TAG_BYTES = 16
const HEADER_BYTES = 1 + ID_BYTES
const SALT_END = HEADER_BYTES + SALT_BYTES
const BODY_START = SALT_END + COMMITMENT_BYTES
const MIN_BYTES = BODY_START + TAG_BYTES
const KEY_BYTES = 32
const MIN_BEARER_CHARACTERS = 22

// Every message has a key of its own, so the nonce may be constant: it is used once per key.
const NONCE = new Uint8Array(12)
const LAST_BLOCK = Uint8Array.of(0x01)

/**
 * A key from 32 uniformly random bytes and the 16-byte id that stands in each header.
 * Throws RangeError on other lengths and on the all-zero id, which means "bearer". The bytes are copied.
 */
export function sealingKey(id: Uint8Array, rawKey: Uint8Array): SealingKey {
  if (id.length !== ID_BYTES) throw new RangeError('a key id has 16 bytes')
  if (id.every((byte) => byte === 0)) throw new RangeError('the all-zero key id stands for a bearer value')
  if (rawKey.length !== KEY_BYTES) throw new RangeError('a sealing key has 32 bytes')
  // RFC 5869 §3.3: a uniform key may serve as PRK as it is, so it is only expanded.
  return { id: Uint8Array.from(id), prk: createSecretKey(rawKey), [keyBrand]: true }
}

/**
 * A key from a bearer value (code, token, cookie): at least 22 characters (128 bits in base64url) from a random source, taken as UTF-8.
 * Throws RangeError when shorter. Never give it a password or anything else a person chose.
 */
export function bearerKey(bearerValue: string): SealingKey {
  if (bearerValue.length < MIN_BEARER_CHARACTERS)
    throw new RangeError('a bearer value has at least 22 characters')
  // RFC 5869 §2.2: HKDF-Extract with an empty salt.
  const prk = createHmac('sha512', new Uint8Array(0)).update(utf8(bearerValue)).digest()
  const key: SealingKey = { id: new Uint8Array(ID_BYTES), prk: createSecretKey(prk), [keyBrand]: true }
  prk.fill(0)
  return key
}

/** Seals `plaintext` (any length, also none) for `context`. Two calls never give the same bytes. */
export function seal(key: SealingKey, context: SealContext, plaintext: Uint8Array): Sealed {
  const salt = randomBytes(SALT_BYTES)
  const { messageKey, commitment } = schedule(key, context, salt)
  const header = Uint8Array.of(VERSION, ...key.id)
  const cipher = createCipheriv('aes-256-gcm', messageKey, NONCE, { authTagLength: TAG_BYTES })
  cipher.setAAD(header)
  const body = cipher.update(plaintext)
  cipher.final()
  return sealedFromStorage(Buffer.concat([header, salt, commitment, body, cipher.getAuthTag()]))
}

/**
 * The plaintext of `sealed`. Throws EnvelopeError: `envelope_malformed`, `envelope_unknown_version`, `envelope_wrong_key`
 * (the header names another key than `key`), `envelope_refused` (commitment or tag differ: other key bytes, other place, changed bytes).
 */
export function open(key: SealingKey, context: SealContext, sealed: Sealed): Uint8Array {
  const bytes = sealedFromStorage(sealed)
  if (!timingSafeEqual(bytes.subarray(1, HEADER_BYTES), key.id)) {
    throw new EnvelopeError('envelope_wrong_key', 'the value was sealed under another key')
  }
  const { messageKey, commitment } = schedule(key, context, bytes.subarray(HEADER_BYTES, SALT_END))
  // Compared before GCM runs: GCM alone lets one ciphertext open under two keys (invisible salamanders).
  if (!timingSafeEqual(bytes.subarray(SALT_END, BODY_START), commitment)) {
    throw new EnvelopeError('envelope_refused', 'the value does not open under this key in this place')
  }
  const decipher = createDecipheriv('aes-256-gcm', messageKey, NONCE, { authTagLength: TAG_BYTES })
  decipher.setAAD(bytes.subarray(0, HEADER_BYTES))
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
  const plaintext = decipher.update(bytes.subarray(BODY_START, bytes.length - TAG_BYTES))
  try {
    decipher.final()
  } catch (cause) {
    throw new EnvelopeError('envelope_refused', 'the value does not open under this key in this place', cause)
  }
  return plaintext
}

/** Seals `value` as JSON; with `padTo`, padded first to a multiple of so many bytes, so that lengths tell less. */
export function sealJson(key: SealingKey, context: SealContext, value: unknown, padTo?: number): Sealed {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError('the value has no JSON form')
  return seal(key, context, padTo === undefined ? Buffer.from(text) : pad(Buffer.from(text), padTo))
}

/**
 * What `sealJson` sealed, to be parsed by the caller. Needs the same `padTo`. Throws as `open` does, and
 * `envelope_malformed` when what was sealed is no JSON.
 */
export function openJson(key: SealingKey, context: SealContext, sealed: Sealed, padTo?: number): unknown {
  const opened = open(key, context, sealed)
  const bytes = padTo === undefined ? opened : unpad(opened, padTo)
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
  } catch {
    // Without its cause: JSON.parse quotes what it stumbled over.
    throw new EnvelopeError('envelope_malformed', 'the opened value is not JSON')
  }
}

/**
 * 32 bytes that only the holder of `key` can compute, for one `context`; the same each time. Use a `purpose` that nothing is sealed with.
 * Independent of every sealed value: there the salt follows the context, here nothing does.
 */
export function derive(key: SealingKey, context: SealContext): Uint8Array {
  return expand(key, [encodeContext(context)]).subarray(0, KEY_BYTES)
}

/** Bytes read from a `*_sealed` column. Checks length and version, proves nothing. Throws `envelope_malformed`, `envelope_unknown_version`. */
export function sealedFromStorage(bytes: Uint8Array): Sealed {
  if (bytes.length < MIN_BYTES)
    throw new EnvelopeError('envelope_malformed', 'the value is shorter than an envelope')
  if (!hasKnownVersion(bytes))
    throw new EnvelopeError('envelope_unknown_version', 'the envelope has an unknown version')
  return bytes
}

/** The 16-byte id of the key that the header names; all zero under a bearer. Unproven until `open` succeeds. */
export function keyIdOf(sealed: Sealed): Uint8Array {
  return Uint8Array.from(sealedFromStorage(sealed).subarray(1, HEADER_BYTES))
}

/** `bytes`, then 0x80, then zeros up to the next multiple of `size` bytes; always adds at least one byte (ISO/IEC 7816-4). */
export function pad(bytes: Uint8Array, size: number): Uint8Array {
  checkPadSize(size)
  const padded = new Uint8Array((Math.floor(bytes.length / size) + 1) * size)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  return padded
}

/** Undoes `pad`. Throws `envelope_malformed` on anything `pad(…, size)` can't have made. Only for bytes that `open` has proved. */
export function unpad(padded: Uint8Array, size: number): Uint8Array {
  checkPadSize(size)
  const mark = padded.findLastIndex((byte) => byte !== 0)
  if (padded.length % size !== 0 || padded[mark] !== 0x80 || padded.length - mark > size) {
    throw new EnvelopeError('envelope_malformed', 'the opened value is not padded as expected')
  }
  return padded.subarray(0, mark)
}

function schedule(
  key: SealingKey,
  context: SealContext,
  salt: Uint8Array,
): { messageKey: KeyObject; commitment: Uint8Array } {
  const okm = expand(key, [encodeContext(context), salt])
  const messageKey = createSecretKey(okm.subarray(0, KEY_BYTES))
  okm.fill(0, 0, KEY_BYTES)
  return { messageKey, commitment: okm.subarray(KEY_BYTES) }
}

// RFC 5869 §2.3: 64 bytes are one block, T(1) = HMAC(PRK, info ‖ 0x01).
function expand(key: SealingKey, info: readonly Uint8Array[]): Buffer {
  const hmac = createHmac('sha512', key.prk)
  for (const part of info) hmac.update(part)
  return hmac.update(LAST_BLOCK).digest()
}

// Six members, each behind its length (u32, big-endian): no two contexts share an encoding, and none is the start of another's.
function encodeContext(context: SealContext): Uint8Array {
  const { purpose, account, table, column, row, keyVersion } = context
  if (typeof keyVersion === 'number' && !Number.isSafeInteger(keyVersion)) {
    throw new RangeError('a key version is a whole number or a string')
  }
  const members = [purpose, account, table, column, row, String(keyVersion)].map(utf8)
  const encoded = Buffer.alloc(members.reduce((total, member) => total + 4 + member.length, 0))
  let at = 0
  for (const member of members) {
    at = encoded.writeUInt32BE(member.length, at)
    encoded.set(member, at)
    at += member.length
  }
  return encoded
}

// A lone surrogate becomes U+FFFD in UTF-8, so two different strings would meet.
function utf8(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new TypeError('the text is not well-formed Unicode')
  return Buffer.from(text, 'utf8')
}

function checkPadSize(size: number): void {
  if (!Number.isInteger(size) || size < 1) throw new RangeError('a padding size is a positive whole number')
}

// The one place that puts the brand on.
function hasKnownVersion(bytes: Uint8Array): bytes is Sealed {
  return bytes[0] === VERSION
}
