// The connection to PostgreSQL and its migrations. Nothing is ever synchronised: migrations are SQL that we wrote, and a test holds
// them against the schema. A database that can't be reached is `storage_unavailable`, and it recovers by itself.
import { DataSource } from 'typeorm'
import { FirstTables1764000000000 } from '../../migrations/1764000000000-first-tables.ts'
import { ApplyUnit1764000001000 } from '../../migrations/1764000001000-apply-unit.ts'
import { BrokerError } from '../core/errors.ts'
import { SCHEMA } from './schema.ts'

export const MIGRATIONS = [FirstTables1764000000000, ApplyUnit1764000001000]

export type Database = {
  readonly dataSource: DataSource
  /** Runs one statement. Throws `storage_unavailable` when the server can't be asked. */
  query<T>(sql: string, parameters?: readonly unknown[]): Promise<T[]>
  /** Whether the server answers. */
  isReady(): Promise<boolean>
  close(): Promise<void>
}

/** Connects; `poolSize` connections at most. Throws when the server can't be reached at all. */
export async function openDatabase(url: string, poolSize = 10): Promise<Database> {
  const dataSource = await source(url, poolSize).initialize()
  const query = async <T>(sql: string, parameters: readonly unknown[] = []): Promise<T[]> => {
    return asking(() => dataSource.query<T[]>(sql, [...parameters]))
  }
  return {
    dataSource,
    query,
    isReady: () =>
      query('select 1').then(
        () => true,
        () => false,
      ),
    close: () => dataSource.destroy(),
  }
}

/** What `ask` gives; when the server couldn't be asked, `storage_unavailable`. */
export async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    if (isConnectionFailure(cause)) throw new BrokerError('storage_unavailable', { cause })
    throw cause
  }
}

/** Applies the migrations that are missing, under an advisory lock: replicas that start together take turns. */
export async function migrate(url: string): Promise<void> {
  const dataSource = await source(url, 2).initialize()
  const lock = dataSource.createQueryRunner()
  try {
    await lock.query("select pg_advisory_lock(hashtext('narrowgate migrations'))")
    await dataSource.runMigrations({ transaction: 'each' })
  } finally {
    await lock.query("select pg_advisory_unlock(hashtext('narrowgate migrations'))")
    await lock.release()
    await dataSource.destroy()
  }
}

function source(url: string, poolSize: number): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities: [...SCHEMA],
    migrations: MIGRATIONS,
    migrationsTableName: 'migration',
    synchronize: false,
    // TypeORM's log prints parameters (attacks.md 4.5): it stays off.
    logging: false,
    poolSize,
    extra: {
      connectionTimeoutMillis: 3000,
      statement_timeout: 10_000,
      idle_in_transaction_session_timeout: 10_000,
    },
  })
}

// Class 08 connection exceptions, 28 refused log-ins, 53 resources, 57P shutdowns, 3D000 no such database (being restored or renamed),
// 55000 one that takes no connections (PostgreSQL, Appendix A), and what Node and pg say of a lost socket.
const STATES = /^(08|28|53|57P|3D000|55000)/
const NODE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
])

// Read structurally: an error of Node's own need not be an instance of this realm's Error.
function isConnectionFailure(error: unknown): boolean {
  const {
    code = '',
    message = '',
    driverError,
  } = error as { code?: string; message?: string; driverError?: unknown }
  return (
    STATES.test(code) ||
    NODE_CODES.has(code) ||
    /Connection terminated|timeout exceeded|not queryable|Cannot use a pool/.test(message) ||
    (driverError !== undefined && driverError !== error && isConnectionFailure(driverError))
  )
}
