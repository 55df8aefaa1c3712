// Epochs, server keys and signing keys. One active key of a kind is a unique index, so replicas that start together agree.
import type { Keys, ServerKeyRow, SigningKeyRow } from '../core/ports.ts'
import type { Database } from './database.ts'
import { asSealed } from './rows.ts'

type ServerKeyColumns = Omit<ServerKeyRow, 'keySealed'> & { key_sealed: Uint8Array }
type SigningKeyColumns = Pick<SigningKeyRow, 'kid' | 'alg' | 'state'> & {
  public_jwk: Record<string, unknown>
  private_sealed: Uint8Array
  server_key: string
}

export function createKeys(database: Database): Keys {
  return {
    async activeEpoch() {
      const [row] = await database.query<{ id: string }>(
        "select id from epoch where state = 'active' order by created_at desc limit 1",
      )
      return row?.id
    },
    async addActiveEpoch(id) {
      await database.query(
        "insert into epoch (id, state) select $1, 'active' where not exists (select 1 from epoch where state = 'active') on conflict do nothing",
        [id],
      )
    },
    async serverKeys() {
      const rows = await database.query<ServerKeyColumns>(
        'select id, kind, state, epoch, key_sealed from server_key order by created_at desc, id',
      )
      return rows.map(({ key_sealed: keySealed, ...row }) => ({ ...row, keySealed }))
    },
    async addServerKey(row) {
      await database.query(
        'insert into server_key (id, kind, state, epoch, key_sealed) values ($1, $2, $3, $4, $5) on conflict do nothing',
        [row.id, row.kind, row.state, row.epoch, row.keySealed],
      )
    },
    async signingKeys() {
      const rows = await database.query<SigningKeyColumns>(
        "select kid, alg, state, public_jwk, private_sealed, server_key from signing_key where state <> 'destroyed' order by created_at desc, kid",
      )
      return rows.map((row) => ({
        kid: row.kid,
        alg: row.alg,
        state: row.state,
        publicJwk: row.public_jwk,
        privateSealed: asSealed(row.private_sealed),
        serverKey: row.server_key,
      }))
    },
    async addSigningKey(row) {
      await database.query(
        'insert into signing_key (kid, alg, state, public_jwk, private_sealed, server_key) values ($1, $2, $3, $4, $5, $6) on conflict do nothing',
        [row.kid, row.alg, row.state, row.publicJwk, row.privateSealed, row.serverKey],
      )
    },
  }
}
