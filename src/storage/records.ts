// oidc-provider's rows, and the unit of work. A find brings, in one statement, all that a request on that row will need; a unit is
// applied by one call of apply_unit() (migrations/1764000001000-apply-unit.ts), whole or not at all.
import type { RecordView, Records, Unit, UnitOutcome } from '../core/ports.ts'
import type { Database } from './database.ts'
import {
  ACCOUNT_COLUMNS,
  compact,
  IDENTITY_COLUMNS,
  recordColumns,
  text,
  toAccount,
  toIdentity,
  toRecord,
  type Columns,
} from './rows.ts'

const VIEW = `
select ${recordColumns('r')}, ${recordColumns('g')}, ${recordColumns('s')}, ${ACCOUNT_COLUMNS}, ${IDENTITY_COLUMNS},
       p.sector as p_sector, p.subject as p_subject
from record r
left join record g on g.model = 'Grant' and g.id_digest = r.grant_digest and g.expires_at > now()
left join record s on s.model = 'Session' and s.uid_digest = r.session_digest and s.expires_at > now()
left join account a on a.id = r.account
left join account_key k on k.account = a.id
left join identity i on i.id = r.identity
left join client c on c.id = r.client
left join subject p on p.account = a.id and p.sector = c.sector`

export function createRecords(database: Database): Records {
  async function one(where: string, parameters: readonly unknown[]): Promise<RecordView | undefined> {
    const [columns] = await database.query<Columns>(
      `${VIEW} where ${where} and r.expires_at > now()`,
      parameters,
    )
    return columns === undefined ? undefined : toView(columns)
  }
  return {
    find: (model, idDigest) => one('r.model = $1 and r.id_digest = $2', [model, idDigest]),
    findSessionByUid: (uidDigest) => one("r.model = 'Session' and r.uid_digest = $1", [uidDigest]),
    async apply(unit) {
      const [row] = await database.query<{ outcome: UnitOutcome }>(
        'select apply_unit($1::jsonb) as outcome',
        [encode(unit)],
      )
      if (row === undefined) throw new TypeError('apply_unit gave no answer')
      return row.outcome
    },
  }
}

function toView(columns: Columns): RecordView | undefined {
  const record = toRecord(columns, 'r')
  if (record === undefined) return undefined
  const account = toAccount(columns)
  const subject = text(columns, 'p_subject')
  const sector = text(columns, 'p_sector')
  return compact<RecordView>({
    record,
    grant: toRecord(columns, 'g'),
    session: toRecord(columns, 's'),
    account,
    identity: toIdentity(columns),
    subject:
      account === undefined || subject === undefined || sector === undefined
        ? undefined
        : { accountId: account.id, sector, subject },
  })
}

/** The unit as JSON, bytes in hex. */
function encode(unit: Unit): string {
  return JSON.stringify(hexed(unit))
}

function hexed(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(hexed)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, hexed(member)]))
  }
  return value
}
