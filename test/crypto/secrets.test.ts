// Tokens, digests, blind indexes and equality.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { createHash, createHmac } from 'node:crypto'
import {
  blindIndex,
  digest,
  equal,
  mint,
  mintKey,
  mintKeyId,
  normaliseEmail,
  randomId,
  secretKey,
} from '../../src/crypto/secrets.ts'

const key = secretKey(Uint8Array.from({ length: 32 }, (_, at) => at * 7))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const text = fc.string({ unit: 'grapheme', maxLength: 20 })

describe('mint()', () => {
  test('makes base64url tokens of the asked size, never one twice', () => {
    expect(mint()).toMatch(/^[\w-]{43}$/)
    expect(mint(16)).toMatch(/^[\w-]{22}$/)
    expect(new Set(Array.from({ length: 1000 }, () => mint())).size).toBe(1000)
  })

  test('refuses sizes below 16 bytes and such as are no whole number', () => {
    for (const bytes of [0, 15, 16.5, -1, Number.NaN, 1025]) expect(() => mint(bytes)).toThrow(RangeError)
  })

  test('has siblings for keys, key ids and row ids', () => {
    expect(mintKey()).toHaveLength(32)
    expect(mintKeyId()).toHaveLength(16)
    expect(randomId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

describe('digest()', () => {
  test('without a label is SHA-256, of text as UTF-8', () => {
    // FIPS 180-4, the example "abc".
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(hex(digest('abc'))).toBe(abc)
    expect(hex(digest(Buffer.from('abc')))).toBe(abc)
  })

  test('with a label puts the label and its length in front', () => {
    const expected = createHash('sha256')
      .update(Buffer.from([0, 0, 0, 6]))
      .update('record')
      .update('value')
    expect(hex(digest('record', 'value'))).toBe(expected.digest('hex'))
  })

  test('differs wherever label or value differ, however they are cut', () => {
    fc.assert(
      fc.property(text, text, text, text, (label, value, otherLabel, otherValue) => {
        const same = label === otherLabel && value === otherValue
        expect(equal(digest(label, value), digest(otherLabel, otherValue))).toBe(same)
      }),
    )
    expect(equal(digest('ab', 'c'), digest('a', 'bc'))).toBe(false)
  })

  test('refuses text that is not Unicode', () => {
    expect(() => digest('\ud800')).toThrow(TypeError)
  })
})

describe('blindIndex()', () => {
  test('is HMAC-SHA-256 over kind and parts, each behind its length', () => {
    const message = Buffer.concat(
      ['subject', 'google', 'https://accounts.google.com', '1234'].flatMap((part) => [
        Buffer.from([0, 0, 0, part.length]),
        Buffer.from(part),
      ]),
    )
    const expected = createHmac('sha256', Buffer.from(key.export())).update(message).digest('hex')
    expect(hex(blindIndex(key, 'subject', ['google', 'https://accounts.google.com', '1234']))).toBe(expected)
  })

  test('differs for another kind, another key, and parts cut at other places', () => {
    const index = hex(blindIndex(key, 'email', 'ada@example.com'))
    expect(hex(blindIndex(key, 'email', ['ada@example.com']))).toBe(index)
    expect(hex(blindIndex(key, 'subject', 'ada@example.com'))).not.toBe(index)
    expect(hex(blindIndex(secretKey(mintKey()), 'email', 'ada@example.com'))).not.toBe(index)
    expect(hex(blindIndex(key, 'k', ['ab', 'c']))).not.toBe(hex(blindIndex(key, 'k', ['a', 'bc'])))
    expect(hex(blindIndex(key, 'k', ['a', '']))).not.toBe(hex(blindIndex(key, 'k', ['a'])))
  })

  test('leaves a subject as the upstream wrote it', () => {
    const composed = 'caf\u00e9'
    expect(hex(blindIndex(key, 's', composed))).not.toBe(hex(blindIndex(key, 's', composed.normalize('NFD'))))
    expect(hex(blindIndex(key, 's', 'ABC'))).not.toBe(hex(blindIndex(key, 's', 'abc')))
  })

  test('refuses subjects that UTF-8 would make equal, and keys of another length', () => {
    expect(() => blindIndex(key, 's', 'a\ud800')).toThrow(TypeError)
    expect(() => secretKey(new Uint8Array(31))).toThrow(RangeError)
  })
})

describe('normaliseEmail()', () => {
  test('folds case, space and composition, and nothing else', () => {
    expect(normaliseEmail('  Ada.Lovelace+x@Example.COM\n')).toBe('ada.lovelace+x@example.com')
    expect(normaliseEmail('cafe\u0301@example.com')).toBe('caf\u00e9@example.com')
    expect(normaliseEmail('a.b@gmail.com')).not.toBe(normaliseEmail('ab@gmail.com'))
  })

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (email) => {
        expect(normaliseEmail(normaliseEmail(email))).toBe(normaliseEmail(email))
      }),
    )
  })
})

describe('equal()', () => {
  test('is equality of bytes, whatever the lengths, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (a, b) => {
        expect(equal(a, b)).toBe(Buffer.from(a).equals(b))
        expect(equal(a, Uint8Array.from(a))).toBe(true)
      }),
    )
    expect(equal('abc', Buffer.from('abc'))).toBe(true)
    expect(equal('abc', 'abcd')).toBe(false)
    expect(equal('\ud800', '\ufffd')).toBe(false)
  })
})
