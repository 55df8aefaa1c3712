// The composition root of the command line: what a subcommand needs, without the server.
import { loadConfig, loadKeyringPath, parseClients } from './config.ts'
import type { Clients } from './core/ports.ts'
import { createKeyringFile, loadKeyringFile } from './kms/keyring-file.ts'
import { createClients } from './storage/clients.ts'
import { migrate, openDatabase } from './storage/database.ts'
import { createKeys } from './storage/keys.ts'

export async function openToolbox(options: { database: false }): Promise<{
  keyringPath: () => string
  createKeyringFile: typeof createKeyringFile
}>
export async function openToolbox(options: {
  database: true
}): Promise<Awaited<ReturnType<typeof withDatabase>>>
export async function openToolbox({ database }: { database: boolean }): Promise<unknown> {
  return database ? withDatabase() : { keyringPath: () => loadKeyringPath(), createKeyringFile }
}

async function withDatabase() {
  const config = loadConfig()
  const kek = await loadKeyringFile(config.keyring.path)
  await migrate(config.database.url)
  const database = await openDatabase(config.database.url, 2)
  const clients = createClients(database)
  const pretendReplace: Clients['replace'] = async (_changed, keep) => {
    const stored = await clients.all()
    return { removed: stored.map(({ id }) => id).filter((id) => !keep.includes(id)) }
  }
  return {
    kek,
    keys: createKeys(database),
    clients,
    pretendReplace,
    parseClients: (text: string) => parseClients(text, { production: config.production }),
    close: () => database.close(),
  }
}
