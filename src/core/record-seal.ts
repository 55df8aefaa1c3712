// How one oidc-provider row is sealed. What is found by a bearer value lies under a key derived from that value; a session under a
// random key of its row, wrapped under its cookie value and under its uid; a grant, no credential, under the account's key. No stored
// payload holds its own bearer value: `jti` is stripped here and put back on opening (oidc-provider.md §1).
import {
  bearerKey,
  open,
  openJson,
  seal,
  sealingKey,
  sealJson,
  type SealContext,
  type SealingKey,
} from '../crypto/envelope.ts'
import { digest, mintKey, mintKeyId } from '../crypto/secrets.ts'
import type { SignedIn } from './model.ts'
import type { RecordRow } from './ports.ts'

/** oidc-provider's payload, and beside it what we keep for the life of the row. */
export type RecordBody = {
  readonly payload: Record<string, unknown>
  /** Who signed in by which identity: in sessions, their grants and finished interactions. */
  readonly signedIn?: SignedIn
  /** A first sign-in that waits for the person's word: in interactions only. */
  readonly pending?: Record<string, unknown>
}

export type SealedSession = Required<
  Pick<RecordRow, 'payloadSealed' | 'uidDigest' | 'keyByIdSealed' | 'keyByUidSealed'>
>

/** SHA-256 of a bearer value or grant id, by model: what the database finds a row by. */
export const recordDigest = (model: string, id: string): Uint8Array => digest(`record ${model}`, id)
export const sessionUidDigest = (uid: string): Uint8Array => digest('record Session uid', uid)

/** The handle of an interaction in paths and cookie names: tells tabs apart, leads to no interaction (oidc-provider.md §1). */
export const interactionHandle = (uid: string): string =>
  Buffer.from(digest(uid)).toString('hex').slice(0, 16)

export function sealByBearer(model: string, id: string, body: RecordBody): RecordRow['payloadSealed'] {
  return sealJson(bearerKey(id), context('', 'payload_sealed', recordDigest(model, id)), strip(model, body))
}

/** Throws EnvelopeError. */
export function openByBearer(row: RecordRow, id: string): RecordBody {
  return restore(openJson(bearerKey(id), context('', 'payload_sealed', row.idDigest), row.payloadSealed), id)
}

export function sealGrant(
  dataKey: SealingKey,
  accountId: string,
  id: string,
  body: RecordBody,
): RecordRow['payloadSealed'] {
  return sealJson(
    dataKey,
    context(accountId, 'payload_sealed', recordDigest('Grant', id)),
    strip('Grant', body),
  )
}

/** Throws EnvelopeError. */
export function openGrant(dataKey: SealingKey, accountId: string, row: RecordRow, id: string): RecordBody {
  return restore(openJson(dataKey, context(accountId, 'payload_sealed', row.idDigest), row.payloadSealed), id)
}

export function sealSession(id: string, uid: string, body: RecordBody): SealedSession {
  const uidDigest = sessionUidDigest(uid)
  const keyId = mintKeyId()
  const raw = mintKey()
  const wrapped = Buffer.concat([keyId, raw])
  const sealed = {
    uidDigest,
    payloadSealed: sealJson(
      sealingKey(keyId, raw),
      context('', 'payload_sealed', uidDigest),
      strip('Session', body),
    ),
    keyByIdSealed: seal(bearerKey(id), context('', 'key_by_id_sealed', uidDigest), wrapped),
    keyByUidSealed: seal(bearerKey(uid), context('', 'key_by_uid_sealed', uidDigest), wrapped),
  }
  wrapped.fill(0)
  raw.fill(0)
  return sealed
}

/** A session by its cookie value, or by its uid: then with a random `jti`, for nobody may save or destroy it by that. */
export function openSession(row: RecordRow, by: { id: string } | { uid: string }): RecordBody {
  const [bearer, column, wrapped] =
    'id' in by
      ? ([by.id, 'key_by_id_sealed', row.keyByIdSealed] as const)
      : ([by.uid, 'key_by_uid_sealed', row.keyByUidSealed] as const)
  if (wrapped === undefined || row.uidDigest === undefined)
    throw new TypeError('a session without its wrapped key')
  const raw = open(bearerKey(bearer), context('', column, row.uidDigest), wrapped)
  const rowKey = sealingKey(raw.subarray(0, 16), raw.subarray(16))
  const body = openJson(rowKey, context('', 'payload_sealed', row.uidDigest), row.payloadSealed)
  return restore(body, 'id' in by ? by.id : Buffer.from(mintKey()).toString('base64url'))
}

function context(account: string, column: string, row: Uint8Array): SealContext {
  return {
    purpose: 'record',
    account,
    table: 'record',
    column,
    row: Buffer.from(row).toString('hex'),
    keyVersion: 1,
  }
}

function strip(model: string, body: RecordBody): RecordBody {
  const { jti: _bearer, ...payload } = body.payload
  // The library puts the live session cookie into an interaction and reads it nowhere.
  if (model === 'Interaction' && isObject(payload['session'])) {
    const { cookie: _cookie, ...session } = payload['session']
    payload['session'] = session
  }
  return { ...body, payload }
}

function restore(opened: unknown, id: string): RecordBody {
  const body = opened as RecordBody
  return { ...body, payload: { ...body.payload, jti: id } }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
