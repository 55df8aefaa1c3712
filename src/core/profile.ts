// The profile at rest: one padded, sealed document, the picture another, both under the account's data key. seal takes only a
// MinimalProfile, so nothing reaches the row that did not pass the gate.
import {
  derive,
  open,
  openJson,
  seal,
  sealJson,
  type Sealed,
  type SealContext,
  type SealingKey,
} from '../crypto/envelope.ts'
import { blindIndex, digest, secretKey } from '../crypto/secrets.ts'
import type { MinimalFields, MinimalProfile } from './model.ts'

const PADDING = 256

export type IdentityPlace = { readonly accountId: string; readonly identityId: string }

export function sealProfile(key: SealingKey, place: IdentityPlace, profile: MinimalProfile): Sealed {
  return sealJson(key, context(place, 'profile_sealed'), profile, PADDING)
}

/** Throws EnvelopeError. */
export function openProfile(key: SealingKey, place: IdentityPlace, sealed: Sealed): MinimalFields {
  return openJson(key, context(place, 'profile_sealed'), sealed, PADDING) as MinimalFields
}

export function sealPicture(key: SealingKey, place: IdentityPlace, picture: Uint8Array): Sealed {
  return seal(key, context(place, 'picture_sealed'), picture)
}

/** Throws EnvelopeError. */
export function openPicture(key: SealingKey, place: IdentityPlace, sealed: Sealed): Uint8Array {
  return open(key, context(place, 'picture_sealed'), sealed)
}

/** Tells whether a picture is the one we have, without opening that. */
export function pictureIndex(key: SealingKey, place: IdentityPlace, picture: Uint8Array): Uint8Array {
  const indexKey = secretKey(derive(key, context(place, 'picture_index')))
  return blindIndex(indexKey, 'picture', Buffer.from(picture).toString('base64'))
}

/** The secret part of a picture's URL: one per account and sector, new with each picture, gone with the data key. */
export function pictureToken(
  key: SealingKey,
  place: IdentityPlace,
  sector: string,
  index: Uint8Array,
): string {
  const tokenKey = secretKey(derive(key, context(place, 'picture_digest')))
  return Buffer.from(
    blindIndex(tokenKey, 'picture url', [sector, Buffer.from(index).toString('hex')]),
  ).toString('base64url')
}

export const pictureDigest = (token: string): Uint8Array => digest('picture url', token)

function context({ accountId, identityId }: IdentityPlace, column: string): SealContext {
  return { purpose: 'profile', account: accountId, table: 'identity', column, row: identityId, keyVersion: 1 }
}
