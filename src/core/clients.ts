// Apps come from configuration: applying a file stores what changed and removes what is gone; the same file again changes nothing.
import { EnvelopeError, openJson, sealJson, type SealContext, type SealingKey } from '../crypto/envelope.ts'
import { digest } from '../crypto/secrets.ts'
import type { Client } from './model.ts'
import type { ClientRow, Clients } from './ports.ts'

export type Applied = {
  readonly added: string[]
  readonly changed: string[]
  readonly removed: string[]
  readonly unchanged: string[]
}

/** Makes the stored apps equal to `wanted`. */
export async function applyClients(
  store: Clients,
  wanted: readonly Client[],
  sealing: { readonly id: string; readonly key: SealingKey },
): Promise<Applied> {
  const stored = new Map((await store.all()).map((row) => [row.id, row]))
  const rows = wanted.map((client) => toRow(client, sealing))
  const isSame = (row: ClientRow): boolean => {
    const before = stored.get(row.id)
    return before !== undefined && Buffer.from(before.revision).equals(row.revision)
  }
  const changed = rows.filter((row) => !isSame(row))
  const { removed } = await store.replace(
    changed,
    rows.map(({ id }) => id),
  )
  return {
    added: changed.filter(({ id }) => !stored.has(id)).map(({ id }) => id),
    changed: changed.filter(({ id }) => stored.has(id)).map(({ id }) => id),
    removed: [...removed],
    unchanged: rows.filter(isSame).map(({ id }) => id),
  }
}

/**
 * The stored apps with their secrets opened. An app whose secret doesn't open (altered, moved) is left out when `refused` is there to be
 * told of it: the others must not suffer; otherwise that throws EnvelopeError.
 */
export async function loadClients(
  store: Clients,
  sealing: { readonly key: SealingKey },
  refused?: (what: string, error: EnvelopeError) => void,
): Promise<ReadonlyMap<string, Client>> {
  const clients = new Map<string, Client>()
  for (const row of await store.all()) {
    try {
      const secret =
        row.secretSealed === undefined ? undefined : openJson(sealing.key, context(row.id), row.secretSealed)
      clients.set(row.id, { ...row.settings, ...(typeof secret === 'string' ? { secret } : {}) })
    } catch (error) {
      if (!(error instanceof EnvelopeError) || refused === undefined) throw error
      refused('client', error)
    }
  }
  return clients
}

function toRow(client: Client, sealing: { readonly id: string; readonly key: SealingKey }): ClientRow {
  const { secret, ...settings } = client
  return {
    id: client.id,
    sector: client.sector,
    enabled: client.enabled,
    settings,
    // The secret has high entropy (configuration refuses others), so its digest may stand in the revision.
    revision: digest('client', JSON.stringify(sorted(client))),
    ...(secret === undefined
      ? {}
      : { secretSealed: sealJson(sealing.key, context(client.id), secret), serverKey: sealing.id }),
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  )
}

const context = (id: string): SealContext => ({
  purpose: 'client-secret',
  account: '',
  table: 'client',
  column: 'secret_sealed',
  row: id,
  keyVersion: 1,
})
