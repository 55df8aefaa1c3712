// The composition root of the command line: what a subcommand needs, without the server.
import { loadConfig, loadKeyringPath, parseClients } from './config.ts'
import type { Clients } from './core/ports.ts'
import { createKeyringFile, loadKeyringFile } from './kms/keyring-file.ts'
import { createClients } from './storage/clients.ts'
import { migrate, openDatabase } from './storage/database.ts'
import { createKeys } from './storage/keys.ts'

/** For a new machine: needs the configuration's `keyring.path` at most, no secret and no database. */
export const keyTools = () => ({ keyringPath: () => loadKeyringPath(), createKeyringFile })

/** Reads the configuration; the database is not touched before `open`. Throws `configuration_invalid`. */
export function clientTools() {
  const config = loadConfig()
  return {
    parseClients: (text: string) => parseClients(text, { production: config.production }),
    /** Throws `storage_unavailable` and KeyringFileError. */
    open: async () => {
      const kek = await loadKeyringFile(config.keyring.path)
      await migrate(config.database.url)
      const database = await openDatabase(config.database.url, 2)
      const clients = createClients(database)
      return {
        kek,
        keys: createKeys(database),
        clients,
        pretending: pretend(clients),
        close: () => database.close(),
      }
    },
  }
}

/** The same apps, of which nothing is changed or removed. */
const pretend = (clients: Clients): Clients => ({
  ...clients,
  async replace(_changed, keep) {
    const stored = await clients.all()
    return { removed: stored.map(({ id }) => id).filter((id) => !keep.includes(id)) }
  },
})
