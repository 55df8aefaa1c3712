// Deletes what is past its deadline. Records stay a little longer than their expiry, for clocks that differ.
import type { Database } from './database.ts'

const GRACE = "interval '2 minutes'"
const TABLES = ['record', 'session_client', 'sign_in', 'replay'] as const

/** Rows deleted, by table. */
export async function sweep(database: Database): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of TABLES) {
    const [row] = await database.query<{ count: string }>(
      `with gone as (delete from ${table} where expires_at < now() - ${GRACE} returning 1) select count(*) from gone`,
    )
    counts[table] = Number(row?.count ?? 0)
  }
  return counts
}
