/**
 * Making and dropping databases by the address of a server. Names are ours and never quoted: what is not a plain lower-case
 * identifier is refused.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { hasCode } from './failure.ts'

/** A template that someone is connected to, in SQLSTATE. */
const OBJECT_IN_USE = '55006'

/** The address of another database on the same server. */
export function databaseUrl(url: string, name: string): string {
  const address = new URL(url)
  address.pathname = `/${checkName(name)}`
  return address.href
}

/** Runs `work` on a connection of its own, closed afterwards. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/**
 * Creates a database, as a copy of `template` when given; returns its address. While someone is connected to the template it
 * waits for them to leave, for up to half a minute in all.
 */
export async function createDatabase(url: string, name: string, template?: string): Promise<string> {
  const create = `CREATE DATABASE ${checkName(name)}`
  await withClient(url, async (client) => {
    const copy = template === undefined ? '' : ` TEMPLATE ${checkName(template)}${await strategy(client)}`
    await retryWhileInUse(() => client.query(create + copy))
  })
  return databaseUrl(url, name)
}

/** Drops a database and ends its connections; not an error when there is none. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  await withClient(url, (client) => client.query(`DROP DATABASE IF EXISTS ${checkName(name)} WITH (FORCE)`))
}

/** Repeats what PostgreSQL refuses while someone is connected; it has itself waited five seconds by then. */
export async function retryWhileInUse<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === 6 || !hasCode(error, OBJECT_IN_USE)) throw error
      await pause(100)
    }
  }
}

/** Where nothing is flushed, copying the files takes half as long as the default way, which writes every block to the log. */
async function strategy(client: Client): Promise<string> {
  const sql =
    "SELECT 1 WHERE current_setting('fsync') = 'off' AND current_setting('server_version_num')::int >= 150000"
  const { rowCount } = await client.query(sql)
  return rowCount === 1 ? ' STRATEGY file_copy' : ''
}

function checkName(name: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) throw new TypeError(`not a plain database name: ${name}`)
  return name
}
