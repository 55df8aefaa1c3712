/**
 * Counts what clients really send, by the server's own log: with `log_statement=all` it writes one message per statement that it
 * executes, transaction control included, before it answers. Two marker statements on a connection of their own delimit the count.
 */
import { randomUUID } from 'node:crypto'
import { withClient } from './databases.ts'
import { EmbeddedPostgresError } from './failure.ts'
import type { Server } from './server.ts'

/** The settings that a countable server needs. */
export const COUNTABLE = { log_statement: 'all', log_line_prefix: '%d|' }

/** `lines` are the messages counted, in order, as in `statement: BEGIN` or `execute <unnamed>: SELECT $1`. */
export type Counted<T> = {
  readonly result: T
  readonly statements: number
  readonly lines: readonly string[]
}

/** One message per round trip: a simple query, however many statements it holds, or one execution of a prepared one. */
const STATEMENT = /^([^|]*)\|LOG: {2}((?:statement|execute [^:\n]*): [^]*)$/

/** How the statement begins that delimits a count; those of other counts are left out. */
const MARKER = "statement: SELECT 'narrowgate-marker "

/**
 * Runs `work` and counts the statements that reach `database`, or any database when undefined, from anyone, meanwhile. A statement that
 * does not parse is not logged and not counted.
 */
export async function countStatements<T>(
  server: Server,
  url: string,
  work: () => Promise<T>,
  database?: string,
): Promise<Counted<T>> {
  const [first, last] = [marker(), marker()]
  const [started, finished] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const lines: string[] = []
  let counting = false
  const stopListening = server.log.listen((message) => {
    const [, from, statement] = STATEMENT.exec(message) ?? []
    if (statement === first.logged) {
      counting = true
      started.resolve()
    } else if (statement === last.logged) {
      counting = false
      finished.resolve()
    } else if (counting && statement !== undefined && !statement.startsWith(MARKER)) {
      if (database === undefined || from === database) lines.push(statement)
    }
  })
  const lost = Promise.withResolvers<never>()
  const lose = () =>
    lost.reject(new EmbeddedPostgresError('failed', 'PostgreSQL ended while statements were counted'))
  server.ended.addEventListener('abort', lose)
  lost.promise.catch(() => {})
  try {
    return await withClient(url, async (client) => {
      await Promise.race([Promise.all([client.query(first.sql), started.promise]), lost.promise])
      const result = await work()
      await Promise.race([Promise.all([client.query(last.sql), finished.promise]), lost.promise])
      return { result, statements: lines.length, lines }
    })
  } finally {
    stopListening()
    server.ended.removeEventListener('abort', lose)
  }
}

function marker(): { sql: string; logged: string } {
  const id = randomUUID()
  return { sql: `SELECT 'narrowgate-marker ${id}'`, logged: `${MARKER}${id}'` }
}
