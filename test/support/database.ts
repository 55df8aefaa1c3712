/**
 * A database of its own for each test file: a copy of the migrated template, so that files neither see one another nor pay for the
 * migrations. Names are unique across the workers of a run and across runs.
 */
import { randomBytes } from 'node:crypto'
import { createDatabase, dropDatabase } from '../../demo/postgres/databases.ts'

/** Set to `off` for a run whose tests need no database. */
export const SWITCH = 'NARROWGATE_TEST_DATABASE'

/** What a worker needs to clone: the server's address, the template's name, the prefix of this run's databases. */
export const WORKER_ENV = {
  url: 'NARROWGATE_TEST_SERVER_URL',
  template: 'NARROWGATE_TEST_TEMPLATE',
  prefix: 'NARROWGATE_TEST_PREFIX',
} as const

/** A migrated, empty database; `drop` ends its connections and removes it. */
export type TestDatabase = { readonly url: string; drop(): Promise<void> }

/** Clones the template. Throws when the run was started without a database. */
export async function cloneDatabase(): Promise<TestDatabase> {
  const { url: server, template, prefix } = readWorkerEnv()
  const name = `${prefix}${randomBytes(6).toString('hex')}`
  const url = await createDatabase(server, name, template)
  return { url, drop: () => dropDatabase(server, name) }
}

function readWorkerEnv(): { url: string; template: string; prefix: string } {
  const [url, template, prefix] = [WORKER_ENV.url, WORKER_ENV.template, WORKER_ENV.prefix].map(
    (name) => process.env[name],
  )
  if (url === undefined || template === undefined || prefix === undefined) {
    const reason = process.env[SWITCH] === 'off' ? `${SWITCH}=off` : 'no globalSetup'
    throw new Error(`this test needs a database, and the run was started without one (${reason})`)
  }
  return { url, template, prefix }
}
