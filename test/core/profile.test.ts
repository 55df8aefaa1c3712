// The profile at rest and the URL of its picture: one place each, one token per account, sector and picture.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { sealingKey } from '../../src/crypto/envelope.ts'
import { mintKey, mintKeyId } from '../../src/crypto/secrets.ts'
import { minimise } from '../../src/core/minimise.ts'
import { upstreamProfile } from '../../src/core/model.ts'
import {
  openPicture,
  openProfile,
  pictureDigest,
  pictureIndex,
  pictureToken,
  sealPicture,
  sealProfile,
} from '../../src/core/profile.ts'

const key = sealingKey(mintKeyId(), mintKey())
const otherKey = sealingKey(mintKeyId(), mintKey())
const place = { accountId: 'account-1', identityId: 'identity-1' }
const elsewhere = { accountId: 'account-1', identityId: 'identity-2' }
const profileOf = (name: string) =>
  minimise(
    upstreamProfile({
      connector: 'google',
      issuer: 'https://accounts.google.com',
      providerUserId: '1',
      name: { state: 'known', value: name },
      email: { state: 'empty' },
      emailVerified: false,
      company: { state: 'empty' },
      picture: { state: 'empty' },
      admission: { connector: 'google' },
    }),
    { picture: true, company: true },
  )

describe('a sealed profile', () => {
  test('opens in its place only', () => {
    const sealed = sealProfile(key, place, profileOf('Dana'))
    expect(openProfile(key, place, sealed)).toEqual({ providerUserId: '1', name: 'Dana' })
    expect(() => openProfile(key, elsewhere, sealed)).toThrow(/does not open/)
    expect(() => openProfile(otherKey, place, sealed)).toThrow(/another key/)
    expect(() => openPicture(key, place, sealed)).toThrow(/does not open/)
  })

  test("tells nothing of a name's length", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 50 }), (name) => {
        expect(sealProfile(key, place, profileOf(name))).toHaveLength(
          sealProfile(key, place, profileOf('Dana')).length,
        )
      }),
      { numRuns: 50 },
    )
  })
})

describe('a picture', () => {
  const one = Uint8Array.of(1, 2, 3)
  const two = Uint8Array.of(1, 2, 4)

  test('opens in its place only', () => {
    const sealed = sealPicture(key, place, one)
    expect(Buffer.from(openPicture(key, place, sealed))).toEqual(Buffer.from(one))
    expect(() => openPicture(key, elsewhere, sealed)).toThrow(/does not open/)
  })

  test('has an index that knows it again, for this identity alone', () => {
    expect(pictureIndex(key, place, one)).toEqual(pictureIndex(key, place, Uint8Array.from(one)))
    const others = [
      pictureIndex(key, place, two),
      pictureIndex(key, elsewhere, one),
      pictureIndex(otherKey, place, one),
    ]
    for (const other of others) expect(other).not.toEqual(pictureIndex(key, place, one))
  })

  test('has one token per account, sector and picture, and the same each time', () => {
    const index = pictureIndex(key, place, one)
    const token = pictureToken(key, place, 'documents', index)
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(pictureToken(key, { ...place }, 'documents', Uint8Array.from(index))).toBe(token)
    const others = [
      pictureToken(key, place, 'letters', index),
      pictureToken(key, elsewhere, 'documents', index),
      pictureToken(key, { ...place, accountId: 'account-2' }, 'documents', index),
      pictureToken(otherKey, place, 'documents', index),
      pictureToken(key, place, 'documents', pictureIndex(key, place, two)),
    ]
    expect(new Set([token, ...others]).size).toBe(6)
  })

  test('is found by the digest of its token, which does not hold the token', () => {
    const token = pictureToken(key, place, 'documents', pictureIndex(key, place, one))
    expect(pictureDigest(token)).toHaveLength(32)
    expect(pictureDigest(token)).not.toEqual(Buffer.from(token, 'base64url'))
  })
})
