// News between replicas: a change that others must take up is announced in its own transaction (NOTIFY) and heard on a connection kept
// for it. A lost connection is made again, and then everything counts as changed: news may have been missed.
import { Client } from 'pg'

const CHANNEL = 'narrowgate'
const RETRY_MS = 2000

export type Topic = 'clients' | 'keys'

export const announce = (topic: Topic): string => `select pg_notify('${CHANNEL}', '${topic}')`

/** Calls `changed` for each topic announced by anyone, and for all after a reconnection. `close` ends it. */
export async function listen(
  url: string,
  changed: (topic: Topic | 'all') => void,
  failed: (error: unknown) => void,
): Promise<{ close(): Promise<void> }> {
  let client: Client | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  async function connect(): Promise<void> {
    const next = new Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: 3000 })
    next.on('error', lost)
    next.on('notification', ({ payload }) => {
      changed(payload === 'clients' || payload === 'keys' ? payload : 'all')
    })
    await next.connect()
    await next.query(`listen ${CHANNEL}`)
    client = next
  }

  function lost(error: unknown): void {
    if (isClosed || timer !== undefined) return
    failed(error)
    client = undefined
    timer = setTimeout(() => {
      timer = undefined
      connect().then(
        () => {
          changed('all')
        },
        (again: unknown) => {
          lost(again)
        },
      )
    }, RETRY_MS)
    timer.unref()
  }

  await connect()
  return {
    async close() {
      isClosed = true
      clearTimeout(timer)
      await client?.end()
    },
  }
}
