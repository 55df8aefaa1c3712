// Leaving out a step doesn't compile: each line below a mark is refused by the compiler, and the mark says why. Never run; compiled by
// `npm run types`, where a mark over a line that compiles is an error, and by brands.test.ts.
import { seal, type Sealed, type SealContext, type SealingKey } from '../../src/crypto/envelope.ts'
import { keepChosen, minimise } from '../../src/core/minimise.ts'
import {
  upstreamProfile,
  type Choices,
  type MinimalFields,
  type MinimalProfile,
  type UpstreamAnswer,
  type UpstreamProfile,
} from '../../src/core/model.ts'
import type { Connector, IdentityWrite, NewAccount, RecordRow } from '../../src/core/ports.ts'
import { sealProfile, type IdentityPlace } from '../../src/core/profile.ts'

type Given = {
  readonly answer: UpstreamAnswer
  readonly upstream: UpstreamProfile
  readonly fields: MinimalFields
  readonly choices: Choices
  readonly key: SealingKey
  readonly place: IdentityPlace
  readonly context: SealContext
  readonly row: RecordRow
  readonly write: IdentityWrite
  readonly account: NewAccount
  readonly connector: Connector
}

/** The way that compiles: through every step. */
export function everyStep({ answer, choices, key, place, context, row, write }: Given) {
  const upstream = upstreamProfile(answer)
  const minimal = minimise(upstream, choices)
  const profileSealed = sealProfile(key, place, minimal)
  sealProfile(key, place, keepChosen(minimal, choices))
  return [
    { ...write, profileSealed },
    { ...row, payloadSealed: seal(key, context, new Uint8Array(1)) },
  ]
}

export function noConnector({ answer, fields, choices, connector }: Given) {
  // @ts-expect-error upstreamBrand: an answer is no UpstreamProfile until a connector says so
  const upstream: UpstreamProfile = answer
  // @ts-expect-error upstreamBrand: what is minimised comes from a connector
  minimise(answer, choices)
  // @ts-expect-error upstreamBrand: a connector gives what it branded
  const exchange: Connector['exchange'] = async (...sent) => {
    await connector.exchange(...sent)
    return answer
  }
  // @ts-expect-error UpstreamProfile: what was stored is no upstream's answer
  minimise(fields, choices)
  return [upstream, exchange]
}

export function noMinimise({ upstream, answer, fields, key, place }: Given) {
  // @ts-expect-error minimalBrand: an upstream's answer doesn't pass the gate by itself
  sealProfile(key, place, upstream)
  // @ts-expect-error minimalBrand: nor does an unbranded one
  sealProfile(key, place, answer)
  // @ts-expect-error minimalBrand: five fields out of JSON did not pass the gate here
  sealProfile(key, place, fields)
  // @ts-expect-error minimalBrand: nor do five fields written by hand
  sealProfile(key, place, { providerUserId: '1', name: 'Ada' })
  // @ts-expect-error minimalBrand: nor a copy of them
  const copy: MinimalProfile = { ...fields }
  // @ts-expect-error phone: there is no sixth field
  const more: MinimalFields = { ...fields, phone: '1' }
  return [copy, more]
}

export function noSeal({ row, write, account, fields }: Given) {
  const bytes = new Uint8Array(200)
  const text = JSON.stringify(fields)
  // @ts-expect-error sealedBrand: a column for sealed values takes no bytes
  const one: RecordRow = { ...row, payloadSealed: bytes }
  // @ts-expect-error sealedBrand: nor a Buffer
  const two: RecordRow = { ...row, payloadSealed: Buffer.from(text) }
  // @ts-expect-error string: nor a text
  const three: RecordRow = { ...row, payloadSealed: text }
  // @ts-expect-error sealedBrand: the profile's column takes no bytes
  const four: IdentityWrite = { ...write, profileSealed: bytes }
  // @ts-expect-error sealedBrand: nor a Buffer
  const five: IdentityWrite = { ...write, profileSealed: Buffer.from(text) }
  // @ts-expect-error string: nor a text
  const six: IdentityWrite = { ...write, profileSealed: text }
  // @ts-expect-error Sealed: nor the fields themselves
  const seven: IdentityWrite = { ...write, profileSealed: fields }
  // @ts-expect-error sealedBrand: a picture is sealed, too
  const eight: IdentityWrite = { ...write, picture: { sealed: bytes, index: bytes } }
  // @ts-expect-error sealedBrand: and so is the account's own key
  const nine: NewAccount = { ...account, subjectKeySealed: bytes }
  // @ts-expect-error sealedBrand: bytes don't become sealed by being called so
  const ten: Sealed = bytes
  return [one, two, three, four, five, six, seven, eight, nine, ten]
}
