// What a person agreed to leads back from a digest to its fields, and nobody is asked twice for nothing.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { agreedFields, fieldsDigest, reasonToAsk } from '../../src/core/agreement.ts'
import { FIELDS } from '../../src/core/model.ts'

const sets = fc.subarray([...FIELDS])
const every = Array.from({ length: 32 }, (_, bits) => FIELDS.filter((_field, at) => (bits & (1 << at)) !== 0))
const versions = { noticeVersion: 'n1', termsVersion: 't1' }

describe('fieldsDigest()', () => {
  test('tells all 32 sets apart and leads back to each', () => {
    expect(new Set(every.map((fields) => Buffer.from(fieldsDigest(fields)).toString('hex'))).size).toBe(32)
    for (const fields of every) expect(agreedFields(fieldsDigest(fields))).toEqual(fields)
  })

  test('knows neither order nor repetition', () => {
    fc.assert(
      fc.property(sets, sets, (some, others) => {
        expect(fieldsDigest([...some, ...others, ...some])).toEqual(
          fieldsDigest([...others.toReversed(), ...some]),
        )
      }),
    )
  })

  test('is the same in every version of the program', () => {
    expect(Buffer.from(fieldsDigest([...FIELDS])).toString('hex')).toBe(
      '1a1647c86e18a522d1ded604abfb0d9d69e7c73a307fa58a942cecb4bd8dc726',
    )
  })
})

describe('reasonToAsk()', () => {
  test('asks who never agreed', () => {
    expect(reasonToAsk(undefined, { ...versions, fields: [] })).toBe('first_time')
  })

  test('asks for what was not shown, and not for less', () => {
    fc.assert(
      fc.property(sets, sets, (agreed, fields) => {
        const last = { ...versions, fieldsDigest: fieldsDigest(agreed) }
        const isCovered = fields.every((field) => agreed.includes(field))
        expect(reasonToAsk(last, { ...versions, fields })).toBe(isCovered ? undefined : 'new_field')
      }),
    )
  })

  test.each([{ noticeVersion: 'n2' }, { termsVersion: 't2' }])('asks again after %j', (changed) => {
    const last = { ...versions, fieldsDigest: fieldsDigest(FIELDS) }
    expect(reasonToAsk(last, { ...versions, ...changed, fields: [] })).toBe('notice_changed')
  })

  test('asks again when it does not know the digest', () => {
    for (const unknown of [
      new Uint8Array(32),
      new Uint8Array(0),
      fieldsDigest(['name', 'phone' as 'name']),
    ]) {
      expect(agreedFields(unknown)).toBeUndefined()
      expect(reasonToAsk({ ...versions, fieldsDigest: unknown }, { ...versions, fields: [] })).toBe(
        'new_field',
      )
    }
  })
})
