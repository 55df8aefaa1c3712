// The envelope: round trips, refusals, and that its key schedule is HKDF as Node's own `hkdfSync` understands it.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { createDecipheriv, createHmac, hkdfSync } from 'node:crypto'
import { inspect } from 'node:util'
import {
  bearerKey,
  derive,
  EnvelopeError,
  keyIdOf,
  open,
  openJson,
  pad,
  seal,
  sealedFromStorage,
  sealingKey,
  sealJson,
  unpad,
  type SealContext,
} from '../../src/crypto/envelope.ts'

const place: SealContext = {
  purpose: 'profile',
  account: 'account-1',
  table: 'identity',
  column: 'profile_sealed',
  row: 'row-1',
  keyVersion: 1,
}
const id = new Uint8Array(16).fill(7)
const raw = Uint8Array.from({ length: 32 }, (_, at) => (at * 41 + 3) & 0xff)
const uniform = sealingKey(id, raw)
const bearerValue = 'Zl3b0q8mX9vKcT1rWn5yGsHu7eDfAj2L4oPiQtRbVxM'
const members = ['purpose', 'account', 'table', 'column', 'row', 'keyVersion'] as const

const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const places: fc.Arbitrary<SealContext> = fc.record({
  purpose: text,
  account: text,
  table: text,
  column: text,
  row: text,
  keyVersion: fc.oneof(text, fc.nat()),
})
const keys = fc.oneof(
  fc
    .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
    .filter(([keyId]) => keyId.some((byte) => byte !== 0))
    .map(([keyId, bytes]) => sealingKey(keyId, bytes)),
  fc.string({ unit: 'grapheme', minLength: 22, maxLength: 60 }).map(bearerKey),
)

function codeOf(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error instanceof EnvelopeError ? error.code : error
  }
  return 'opened'
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function placeOf(parts: string[]): SealContext {
  const [purpose = '', account = '', table = '', column = '', row = '', keyVersion = ''] = parts
  return { purpose, account, table, column, row, keyVersion }
}

/** The plaintext by bare AES-GCM, after the commitment is seen to be the second half of `okm`. */
function openBy(okm: Buffer, sealed: Buffer): string {
  expect(sealed.subarray(49, 81).equals(okm.subarray(32))).toBe(true)
  const decipher = createDecipheriv('aes-256-gcm', okm.subarray(0, 32), Buffer.alloc(12))
  decipher.setAAD(sealed.subarray(0, 17))
  decipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(81, -16)), decipher.final()]).toString()
}

describe('open()', () => {
  test('gives back what seal() took, for every key, place and plaintext', () => {
    fc.assert(
      fc.property(keys, places, fc.uint8Array({ maxLength: 700 }), (key, context, plaintext) => {
        const sealed = seal(key, context, plaintext)
        expect(sealed).toHaveLength(97 + plaintext.length)
        expect(Buffer.from(open(key, context, sealed)).equals(plaintext)).toBe(true)
      }),
    )
  })

  test('fails when any one bit of the envelope is flipped', () => {
    const sealed = seal(uniform, place, Buffer.from('five fields'))
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const expected =
        bit < 8 ? 'envelope_unknown_version' : bit < 136 ? 'envelope_wrong_key' : 'envelope_refused'
      expect(codeOf(() => open(uniform, place, sealedFromStorage(changed)))).toBe(expected)
    }
  })

  test.each(members)('refuses a value whose %s is another', (member) => {
    fc.assert(
      fc.property(keys, places, text, (key, context, other) => {
        fc.pre(other !== String(context[member]))
        const sealed = seal(key, context, Buffer.from('x'))
        expect(codeOf(() => open(key, { ...context, [member]: other }, sealed))).toBe('envelope_refused')
      }),
      { numRuns: 40 },
    )
  })

  test('refuses a context whose members are cut at other places', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 6, maxLength: 6 }), fc.nat(4), (parts, at) => {
        const shifted = parts.with(at, `${parts[at]}${parts[at + 1]}`).with(at + 1, '')
        fc.pre(parts[at + 1] !== '')
        const sealed = seal(uniform, placeOf(parts), Buffer.from('x'))
        expect(codeOf(() => open(uniform, placeOf(shifted), sealed))).toBe('envelope_refused')
      }),
      { numRuns: 40 },
    )
  })

  test('calls another key id a wrong key, also when the key bytes are the same', () => {
    const sealed = seal(uniform, place, Buffer.from('x'))
    expect(codeOf(() => open(sealingKey(new Uint8Array(16).fill(8), raw), place, sealed))).toBe(
      'envelope_wrong_key',
    )
    expect(codeOf(() => open(bearerKey(bearerValue), place, sealed))).toBe('envelope_wrong_key')
  })

  test('refuses other key bytes under the same id, and another bearer value', () => {
    const sealed = seal(uniform, place, Buffer.from('x'))
    expect(codeOf(() => open(sealingKey(id, raw.toReversed()), place, sealed))).toBe('envelope_refused')
    const bearing = seal(bearerKey(bearerValue), place, Buffer.from('x'))
    expect(codeOf(() => open(bearerKey(`${bearerValue}x`), place, bearing))).toBe('envelope_refused')
  })

  test('calls every length below 97 malformed before it looks at anything else', () => {
    for (let length = 0; length < 97; length++) {
      expect(codeOf(() => sealedFromStorage(new Uint8Array(length).fill(9)))).toBe('envelope_malformed')
    }
  })
})

describe('seal()', () => {
  test('never uses a salt twice, nor the same bytes for the same value', () => {
    const sealed = Array.from({ length: 500 }, () => Buffer.from(seal(uniform, place, Buffer.from('same'))))
    expect(new Set(sealed.map((bytes) => bytes.subarray(17, 49).toString('hex'))).size).toBe(500)
    expect(new Set(sealed.map((bytes) => bytes.subarray(49).toString('hex'))).size).toBe(500)
  })

  test('takes a number and its digits for the same key version', () => {
    const sealed = seal(uniform, { ...place, keyVersion: 12 }, Buffer.from('x'))
    expect(codeOf(() => open(uniform, { ...place, keyVersion: '12' }, sealed))).toBe('opened')
  })

  test('refuses text that is not Unicode, and key versions that are no whole numbers', () => {
    expect(() => seal(uniform, { ...place, row: 'a\ud800' }, Buffer.from('x'))).toThrow(TypeError)
    expect(() => seal(uniform, { ...place, keyVersion: 1.5 }, Buffer.from('x'))).toThrow(RangeError)
    expect(() => seal(uniform, { ...place, keyVersion: Number.NaN }, Buffer.from('x'))).toThrow(RangeError)
  })
})

describe('the key schedule', () => {
  const context = Buffer.concat(
    members.map((member) => {
      const bytes = Buffer.from(String(place[member]))
      return Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes])
    }),
  )

  // RFC 5869 §2: hkdfSync does Extract and Expand, which is what a bearer value gets.
  test('of a bearer value is the whole of HKDF-SHA-512 with an empty salt', () => {
    const sealed = Buffer.from(seal(bearerKey(bearerValue), place, Buffer.from('by hkdfSync')))
    const info = Buffer.concat([context, sealed.subarray(17, 49)])
    expect(openBy(Buffer.from(hkdfSync('sha512', bearerValue, '', info, 64)), sealed)).toBe('by hkdfSync')
  })

  // RFC 5869 §2.3: the general loop, of which 64 bytes are the first round.
  test('of a uniform key is HKDF-Expand alone', () => {
    const sealed = Buffer.from(seal(uniform, place, Buffer.from('by hand')))
    const info = Buffer.concat([context, sealed.subarray(17, 49)])
    const rounds: Buffer[] = []
    for (let round = 1; round <= 2; round++) {
      const previous = rounds.at(-1) ?? Buffer.alloc(0)
      const input = Buffer.concat([previous, info, Buffer.from([round])])
      rounds.push(createHmac('sha512', raw).update(input).digest())
    }
    expect(openBy(Buffer.concat(rounds).subarray(0, 64), sealed)).toBe('by hand')
  })

  test('derives the same 32 bytes each time, others for another place or key', () => {
    const derived = hex(derive(uniform, place))
    expect(derived).toMatch(/^[0-9a-f]{64}$/)
    expect(hex(derive(uniform, place))).toBe(derived)
    expect(hex(derive(uniform, { ...place, row: 'row-2' }))).not.toBe(derived)
    expect(hex(derive(bearerKey(bearerValue), place))).not.toBe(derived)
  })
})

describe('keys', () => {
  test('keep their bytes to themselves when printed or serialised', () => {
    const secret = Buffer.from(raw)
    const shown = `${JSON.stringify(uniform)} ${inspect(uniform, { depth: 9, showHidden: true })} ${JSON.stringify(Object.entries(uniform))}`
    for (const form of ['hex', 'base64', 'base64url'] as const)
      expect(shown).not.toContain(secret.toString(form))
    expect(shown).not.toContain([...raw].join(','))
  })

  test('are copies, so that the caller may overwrite the bytes', () => {
    const bytes = Uint8Array.from(raw)
    const key = sealingKey(id, bytes)
    bytes.fill(0)
    expect(codeOf(() => open(uniform, place, seal(key, place, Buffer.from('x'))))).toBe('opened')
  })

  test('are refused when too short, too long, or under the id that stands for a bearer', () => {
    expect(() => sealingKey(id, raw.subarray(1))).toThrow(RangeError)
    expect(() => sealingKey(id, new Uint8Array(33))).toThrow(RangeError)
    expect(() => sealingKey(id.subarray(1), raw)).toThrow(RangeError)
    expect(() => sealingKey(new Uint8Array(16), raw)).toThrow(RangeError)
    expect(() => bearerKey('x'.repeat(21))).toThrow(RangeError)
  })

  test('are named by the header: their id, or zeros for a bearer value', () => {
    expect([...keyIdOf(seal(uniform, place, raw))]).toEqual([...id])
    expect([...keyIdOf(seal(bearerKey(bearerValue), place, raw))]).toEqual(
      Array.from({ length: 16 }, () => 0),
    )
  })
})

describe('padding', () => {
  test('unpad() undoes pad() for every content and size', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.integer({ min: 1, max: 300 }), (bytes, size) => {
        const padded = pad(bytes, size)
        expect(padded.length % size).toBe(0)
        expect(padded.length - bytes.length).toBeGreaterThanOrEqual(1)
        expect(padded.length - bytes.length).toBeLessThanOrEqual(size)
        expect([...unpad(padded, size)]).toEqual([...bytes])
      }),
    )
  })

  test('unpad() takes only what pad() can have made', () => {
    for (const bytes of [[], [0, 0, 0, 0], [1, 2, 3, 4], [0x80, 0, 0], [1, 0x80, 0, 0, 0, 0, 0, 0]]) {
      expect(codeOf(() => unpad(Uint8Array.from(bytes), 4))).toBe('envelope_malformed')
    }
    expect(() => pad(raw, 0)).toThrow(RangeError)
  })
})

describe('sealJson()', () => {
  test('round-trips JSON with openJson(), padded or not', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.option(fc.constant(256), { nil: undefined }), (value, padTo) => {
        const sealed = sealJson(uniform, place, value, padTo)
        expect(JSON.stringify(openJson(uniform, place, sealed, padTo))).toBe(JSON.stringify(value))
      }),
    )
  })

  test('hides the length of a padded document', () => {
    expect(sealJson(uniform, place, { name: 'Ada' }, 256).length).toBe(97 + 256)
    expect(sealJson(uniform, place, { name: 'Ada'.repeat(60) }, 256).length).toBe(97 + 256)
  })

  test('refuses what has no JSON form, and openJson() what is none, without quoting it', () => {
    expect(() => sealJson(uniform, place, undefined)).toThrow(TypeError)
    const sealed = seal(uniform, place, Buffer.from('{"email":"ada@example.com'))
    expect(() => openJson(uniform, place, sealed)).toThrow(
      expect.objectContaining({ code: 'envelope_malformed' }),
    )
    expect(() => openJson(uniform, place, sealed)).not.toThrow(/ada/)
  })
})
