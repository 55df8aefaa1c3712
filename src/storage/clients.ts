// Registered apps.
import type { ClientRow, Clients } from '../core/ports.ts'
import { announce } from './changes.ts'
import { asking, type Database } from './database.ts'
import { asSealed } from './rows.ts'

type Columns = Pick<ClientRow, 'id' | 'sector' | 'enabled' | 'settings' | 'revision'> & {
  secret_sealed: Uint8Array | null
  server_key: string | null
}

export function createClients(database: Database): Clients {
  return {
    async all() {
      const rows = await database.query<Columns>(
        'select id, sector, enabled, settings, secret_sealed, server_key, revision from client order by id',
      )
      return rows.map(({ secret_sealed: secretSealed, server_key: serverKey, ...row }) => ({
        ...row,
        ...(secretSealed === null ? {} : { secretSealed: asSealed(secretSealed) }),
        ...(serverKey === null ? {} : { serverKey }),
      }))
    },
    replace(changed, keep) {
      return asking(() =>
        database.dataSource.transaction(async (manager) => {
          for (const row of changed) {
            await manager.query(
              `insert into client (id, sector, enabled, settings, secret_sealed, server_key, revision)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (id) do update set sector = excluded.sector, enabled = excluded.enabled, settings = excluded.settings,
               secret_sealed = excluded.secret_sealed, server_key = excluded.server_key, revision = excluded.revision, updated_at = now()`,
              [
                row.id,
                row.sector,
                row.enabled,
                row.settings,
                row.secretSealed ?? null,
                row.serverKey ?? null,
                row.revision,
              ],
            )
          }
          await manager.query(announce('clients'))
          // DELETE … RETURNING comes back as [rows, count].
          const [removed] = await manager.query<[{ id: string }[], number]>(
            'delete from client where id <> all($1) returning id',
            [keep],
          )
          return { removed: removed.map(({ id }) => id) }
        }),
      )
    },
  }
}
