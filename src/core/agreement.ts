// What a person agreed to, remembered as a versioned digest over field names, never over values. There are 32 sets of the five
// fields, so a digest leads back to its set; the notice's version stands beside it. Nobody is asked twice for nothing.
import { digest } from '../crypto/secrets.ts'
import { FIELDS, type FieldName } from './model.ts'

export type Agreement = {
  readonly noticeVersion: string
  readonly termsVersion: string
  readonly fieldsDigest: Uint8Array
}

/** Why the confirm page appears. */
export type ConfirmReason = 'first_time' | 'new_field' | 'notice_changed'

const LABEL = 'narrowgate agreement v1'

/** SHA-256 over the sorted field names that were shown. */
export function fieldsDigest(fields: readonly FieldName[]): Uint8Array {
  return digest(LABEL, [...new Set(fields)].toSorted().join(' '))
}

/** The fields behind a digest, or undefined when this version of the program doesn't know it (then the person is asked again). */
export function agreedFields(agreed: Uint8Array): readonly FieldName[] | undefined {
  return SETS.get(Buffer.from(agreed).toString('hex'))
}

/** Why to ask, or undefined when the last agreement covers the fields at hand under the notice in force. */
export function reasonToAsk(
  last: Agreement | undefined,
  now: { noticeVersion: string; termsVersion: string; fields: readonly FieldName[] },
): ConfirmReason | undefined {
  if (last === undefined) return 'first_time'
  if (last.noticeVersion !== now.noticeVersion || last.termsVersion !== now.termsVersion)
    return 'notice_changed'
  const agreed = agreedFields(last.fieldsDigest)
  return agreed !== undefined && now.fields.every((field) => agreed.includes(field)) ? undefined : 'new_field'
}

const SETS = new Map(
  Array.from({ length: 2 ** FIELDS.length }, (_, bits) => {
    const fields = FIELDS.filter((_field, index) => (bits & (1 << index)) !== 0)
    return [Buffer.from(fieldsDigest(fields)).toString('hex'), fields] as const
  }),
)
