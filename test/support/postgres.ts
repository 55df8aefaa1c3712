/**
 * The server of one Jest run, and what the run's start tells the workers about it through the environment. Our own server by default,
 * durable for nobody and removed at the end; the one at TEST_DATABASE_URL or DATABASE_URL when given, where we only add databases.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedPostgresError, startEmbeddedPostgres } from '../../demo/postgres.ts'
import {
  createDatabase,
  databaseUrl,
  dropDatabase,
  retryWhileInUse,
  withClient,
} from '../../demo/postgres/databases.ts'
import { migrate } from '../../src/storage/database.ts'

const ROOT = join(import.meta.dirname, '../..')

/** For a server whose data nobody will miss. */
export const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

/** The server of this run; `stop` ends what `start` began. */
export type TestServer = { readonly url: string; stop(): Promise<void> }

/** Starts our own server, or takes the given one. `prefix` is how the names of this run's databases begin. */
export async function startTestServer(prefix: string): Promise<TestServer> {
  const url = process.env['TEST_DATABASE_URL'] ?? process.env['DATABASE_URL']
  if (url !== undefined && url !== '') return { url, stop: () => dropAll(url, prefix) }
  // One folder per run that goes on at the same time; what a killed run left in one is cleared by the next that takes it.
  for (let slot = 1; ; slot += 1) {
    try {
      const dataDir = join(ROOT, 'tmp', `test-postgres-${slot}`)
      const server = await startEmbeddedPostgres({
        dataDir,
        fresh: true,
        settings: { ...NOT_DURABLE, max_connections: '200' },
      })
      return { url: server.url, stop: () => server.stop({ remove: true }) }
    } catch (error) {
      if (!(error instanceof EmbeddedPostgresError) || error.code !== 'in_use' || slot === 32) throw error
    }
  }
}

/**
 * The template of the present migrations, made when missing: its name holds their hash. It appears by a rename, so that what bears the name
 * is migrated. Two runs on one server wait for each other.
 */
export async function prepareTemplate(url: string): Promise<string> {
  const migrations = join(ROOT, 'migrations')
  const template = `narrowgate_template_${hashFolder(migrations)}`
  await withClient(url, async (client) => {
    await client.query("SELECT pg_advisory_lock(hashtext('narrowgate_template'))")
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [template])
    if (found.rowCount !== 0) return
    const building = `${template}_building`
    await dropDatabase(url, building)
    await createDatabase(url, building)
    await migrate(databaseUrl(url, building))
    await retryWhileInUse(() => client.query(`ALTER DATABASE ${building} RENAME TO ${template}`))
  })
  return template
}

function hashFolder(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder).toSorted())
    hash.update(`${name}\0${readFileSync(join(folder, name), 'utf8')}\0`)
  return hash.digest('hex').slice(0, 16)
}

async function dropAll(url: string, prefix: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [prefix],
    )
    for (const { datname } of rows) await dropDatabase(url, datname)
  })
}
