// Upstream round trips. `take` is a compare-and-set: of twenty callbacks with one cookie on two replicas, one gets the row.
import type { SignInRow, SignIns } from '../core/ports.ts'
import type { Database } from './database.ts'
import { asSealed, bytes, present, recordColumns, text, toRecord, type Columns } from './rows.ts'

export function createSignIns(database: Database): SignIns {
  return {
    async begin(row, clients) {
      const [columns] = await database.query<Columns>(
        `with r as (select * from record where model = 'Interaction' and id_digest = $4 and expires_at > now() and client = any($7)),
              started as (
                insert into sign_in (cookie_digest, connector, state_digest, interaction_digest, payload_sealed, expires_at)
                select $1, $2, $3, $4, $5, least(to_timestamp($6), r.expires_at) from r)
         select ${recordColumns('r')} from r`,
        [
          row.cookieDigest,
          row.connector,
          row.stateDigest,
          row.interactionDigest,
          row.payloadSealed,
          row.expiresAt,
          clients,
        ],
      )
      return columns === undefined ? undefined : toRecord(columns, 'r')
    },

    async take(cookieDigest) {
      const [columns] = await database.query<Columns>(
        `with t as (
           update sign_in set taken_at = now()
           where cookie_digest = $1 and taken_at is null and expires_at > now()
           returning *)
         select t.cookie_digest, t.connector, t.state_digest, t.interaction_digest, t.payload_sealed,
                extract(epoch from t.begun_at)::float8 * 1000 as begun_at, extract(epoch from t.expires_at)::float8 as expires_at,
                ${recordColumns('r')}
         from t left join record r
           on r.model = 'Interaction' and r.id_digest = t.interaction_digest and r.expires_at > now()`,
        [cookieDigest],
      )
      if (columns === undefined) return undefined
      const row: SignInRow = {
        cookieDigest,
        connector: present(text(columns, 'connector'), 'connector'),
        stateDigest: present(bytes(columns, 'state_digest'), 'state_digest'),
        interactionDigest: present(bytes(columns, 'interaction_digest'), 'interaction_digest'),
        payloadSealed: asSealed(present(bytes(columns, 'payload_sealed'), 'payload_sealed')),
        expiresAt: Number(columns['expires_at']),
      }
      const interaction = toRecord(columns, 'r')
      return {
        row,
        begunAt: Number(columns['begun_at']),
        ...(interaction === undefined ? {} : { interaction }),
      }
    },
  }
}
