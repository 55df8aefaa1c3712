// From PostgreSQL's columns to the rows of core/ports.ts. bytea comes as Buffer, timestamps as Unix seconds (float8).
import type { Sealed } from '../crypto/envelope.ts'
import type { AccountState } from '../core/model.ts'
import type { AccountRow, IdentityRow, RecordRow } from '../core/ports.ts'

/** One alias's columns, as a JSON-free select list: `record_columns('g')`. Names come back prefixed: `g_model`. */
export const recordColumns = (alias: string): string =>
  PLAIN.map((name) => `${alias}.${name} as ${alias}_${name}`)
    .concat(TIMES.map((name) => `extract(epoch from ${alias}.${name})::float8 as ${alias}_${name}`))
    .join(', ')

const PLAIN = [
  'model',
  'id_digest',
  'payload_sealed',
  'uid_digest',
  'key_by_id_sealed',
  'key_by_uid_sealed',
  'account',
  'identity',
  'client',
  'grant_digest',
  'session_digest',
  'upstream_sid_index',
  'version',
]
const TIMES = ['consumed_at', 'expires_at']

export const ACCOUNT_COLUMNS =
  'a.id as a_id, a.state as a_state, a.keep_picture as a_keep_picture, a.keep_company as a_keep_company, ' +
  'k.epoch as k_epoch, k.key_id as k_key_id, k.key_sealed as k_key_sealed'

export const IDENTITY_COLUMNS =
  'i.id as i_id, i.account as i_account, i.connector as i_connector, i.profile_sealed as i_profile_sealed, ' +
  'i.picture_index as i_picture_index, i.state as i_state'

export type Columns = Record<string, unknown>

export const text = (columns: Columns, name: string): string | undefined => {
  const value = columns[name]
  return typeof value === 'string' ? value : undefined
}
export const bytes = (columns: Columns, name: string): Uint8Array | undefined => {
  const value = columns[name]
  return value instanceof Uint8Array ? value : undefined
}
const seconds = (columns: Columns, name: string): number | undefined => {
  const value = columns[name]
  return typeof value === 'number' ? value : undefined
}
/**
 * A `*_sealed` column as it stands. Not checked here, where one altered row would fail a statement that brings several: `open` refuses
 * what is no envelope, and there it hurts its person alone.
 */
export const asSealed = (value: Uint8Array): Sealed => value as Sealed
const sealed = (columns: Columns, name: string): Sealed | undefined => {
  const value = bytes(columns, name)
  return value === undefined ? undefined : asSealed(value)
}

/** A value that the schema says is there. */
export function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new TypeError(`column ${name} is empty`)
  return value
}

/** Leaves undefined members out, as `exactOptionalPropertyTypes` wants it. */
export function compact<T extends object>(members: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T
}

/** The record under `alias`, or undefined when the join found none. */
export function toRecord(columns: Columns, alias: string): RecordRow | undefined {
  const model = text(columns, `${alias}_model`)
  if (model === undefined) return undefined
  return compact<RecordRow>({
    model,
    idDigest: present(bytes(columns, `${alias}_id_digest`), 'id_digest'),
    payloadSealed: present(sealed(columns, `${alias}_payload_sealed`), 'payload_sealed'),
    uidDigest: bytes(columns, `${alias}_uid_digest`),
    keyByIdSealed: sealed(columns, `${alias}_key_by_id_sealed`),
    keyByUidSealed: sealed(columns, `${alias}_key_by_uid_sealed`),
    accountId: text(columns, `${alias}_account`),
    identityId: text(columns, `${alias}_identity`),
    clientId: text(columns, `${alias}_client`),
    grantDigest: bytes(columns, `${alias}_grant_digest`),
    sessionDigest: bytes(columns, `${alias}_session_digest`),
    upstreamSidIndex: bytes(columns, `${alias}_upstream_sid_index`),
    consumedAt: seconds(columns, `${alias}_consumed_at`),
    expiresAt: present(seconds(columns, `${alias}_expires_at`), 'expires_at'),
    version: Number(columns[`${alias}_version`]),
  })
}

/** The account, or undefined when it or its key is gone: an account without a key is an erased one. */
export function toAccount(columns: Columns): AccountRow | undefined {
  const id = text(columns, 'a_id')
  const epoch = text(columns, 'k_epoch')
  if (id === undefined || epoch === undefined) return undefined
  return {
    id,
    state: present(text(columns, 'a_state'), 'state') as AccountState,
    epoch,
    keyId: present(bytes(columns, 'k_key_id'), 'key_id'),
    wrappedKey: present(bytes(columns, 'k_key_sealed'), 'key_sealed'),
  }
}

export function toIdentity(columns: Columns): IdentityRow | undefined {
  const id = text(columns, 'i_id')
  if (id === undefined) return undefined
  return compact<IdentityRow>({
    id,
    accountId: present(text(columns, 'i_account'), 'account'),
    connector: present(text(columns, 'i_connector'), 'connector'),
    profileSealed: present(sealed(columns, 'i_profile_sealed'), 'profile_sealed'),
    pictureIndex: bytes(columns, 'i_picture_index'),
    state: text(columns, 'i_state') === 'active' ? 'active' : 'disabled',
  })
}
