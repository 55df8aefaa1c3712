/** Short ways to ask a server something, each on a connection of its own. */
import type { Client } from 'pg'
import { withClient } from '../../../demo/postgres/databases.ts'

/** Runs one statement for its effect. */
export async function run(url: string, sql: string, values: unknown[] = []): Promise<void> {
  await withClient(url, (client) => client.query(sql, values))
}

/** A thousand statements on twenty connections at once. */
export async function sendThousand(url: string): Promise<void> {
  await Promise.all(Array.from({ length: 20 }, () => withClient(url, sendFifty)))
}

async function sendFifty(client: Client): Promise<void> {
  for (let i = 0; i < 50; i += 1) await client.query('SELECT $1::int', [i])
}

/** The first column of the first row. */
export async function ask(url: string, sql = 'SELECT version()'): Promise<unknown> {
  const { rows } = await withClient(url, (client) => client.query<unknown[]>({ text: sql, rowMode: 'array' }))
  return rows[0]?.[0]
}
