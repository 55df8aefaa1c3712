// What somebody could open who holds the database, the keyring file and with them every key of the service: tries every key, and every
// text of the database as if it were a bearer value, on every sealed column, in every place that the value could have been sealed for.
import { readFileSync } from 'node:fs'
import {
  bearerKey,
  EnvelopeError,
  keyIdOf,
  open,
  sealedFromStorage,
  sealingKey,
  type SealContext,
  type SealingKey,
} from '../../src/crypto/envelope.ts'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { openSigningKey } from '../../src/crypto/signing-keys.ts'
import { withClient } from '../../demo/postgres/databases.ts'
import { loadKeyringFile } from '../../src/kms/keyring-file.ts'

type Row = Readonly<Record<string, unknown>>
export type Loot = {
  readonly rows: Readonly<Record<string, readonly Row[]>>
  /** Every key of the service, by what it is. */
  readonly keys: ReadonlyMap<string, SealingKey>
  /** Raw bytes of the same keys. */
  readonly raw: readonly Uint8Array[]
}
/** A sealed column of one row that opened, and by which key. */
export type Opened = { readonly place: string; readonly by: string; readonly text: string }

const hex = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : ''
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const bytesOf = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : new Uint8Array())
const uuidBytes = (id: string): Uint8Array => Buffer.from(id.replaceAll('-', ''), 'hex')

export async function seize(databaseUrl: string, keyringPath: string): Promise<Loot> {
  const rows = await withClient(databaseUrl, async (client) => {
    const tables = await client.query<{ name: string }>(
      "select table_name as name from information_schema.tables where table_schema = 'public'",
    )
    const all: Record<string, Row[]> = {}
    for (const { name } of tables.rows) all[name] = (await client.query<Row>(`select * from "${name}"`)).rows
    return all
  })
  const kek = await loadKeyringFile(keyringPath)
  const keyring = createKeyring({ kek, cacheSize: 0, cacheTtlMs: 0, clock: Date.now })
  const keys = new Map<string, SealingKey>()
  const raw: Uint8Array[] = []
  const add = (name: string, id: Uint8Array, bytes: Uint8Array): void => {
    keys.set(name, sealingKey(id, bytes))
    raw.push(bytes)
  }
  const file = JSON.parse(readFileSync(keyringPath, 'utf8')) as { keys: { id: string; key: string }[] }
  for (const { id, key } of file.keys) add(`KEK ${id}`, uuidBytes(id), Buffer.from(key, 'base64url'))
  const signing = new Map<string, SealingKey>()
  for (const row of rows['server_key'] ?? []) {
    const [id, kind] = [textOf(row['id']), textOf(row['kind']) as 'index']
    const bytes = await keyring.openServerKey({ kind, id }, textOf(row['epoch']), bytesOf(row['key_sealed']))
    add(`${kind} key ${id}`, uuidBytes(id), bytes)
    if (textOf(row['kind']) === 'signing') signing.set(id, sealingKey(uuidBytes(id), bytes))
  }
  for (const row of rows['signing_key'] ?? []) {
    const sealing = signing.get(textOf(row['server_key']))
    if (sealing === undefined) throw new Error('a signing key lies under no server key')
    const sealed = sealedFromStorage(bytesOf(row['private_sealed']))
    const jwk = openSigningKey(sealing, textOf(row['kid']), sealed)
    for (const member of ['d', 'p', 'q']) {
      const bytes = Buffer.from(textOf(jwk[member]), 'base64url').subarray(0, 32)
      if (bytes.length === 32) add(`signing key ${textOf(row['kid'])} ${member}`, Buffer.alloc(16, 1), bytes)
    }
  }
  for (const row of rows['account_key'] ?? []) {
    const account = textOf(row['account'])
    const keyId = bytesOf(row['key_id'])
    const epoch = textOf(row['epoch'])
    const wrapped = bytesOf(row['key_sealed'])
    const context = {
      purpose: 'data-key',
      account,
      table: 'account_key',
      column: 'key_sealed',
      row: hex(keyId),
      keyVersion: epoch,
    }
    add(`data key ${account}`, keyId, await kek.unwrap(epoch, context, wrapped))
  }
  return { rows, keys, raw }
}

/** Every text, id and digest of the database and every key, as a value that a person might have carried. */
export function guesses(loot: Loot): ReadonlyMap<string, SealingKey> {
  const texts = new Set<string>()
  const add = (value: unknown): void => {
    if (typeof value === 'string') texts.add(value)
    else if (value instanceof Uint8Array)
      for (const form of ['hex', 'base64url'] as const) texts.add(Buffer.from(value).toString(form))
    else if (value instanceof Date) texts.add(value.toISOString())
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(add)
  }
  for (const rows of Object.values(loot.rows)) for (const row of rows) Object.values(row).forEach(add)
  loot.raw.forEach(add)
  return new Map(
    [...texts]
      .filter((text) => text.length >= 22 && text.isWellFormed())
      .map((text) => [`the text ${text.slice(0, 12)}…`, bearerKey(text)]),
  )
}

/** Tries `keys` on all that is sealed in `record` and `sign_in`; a session's row key that opens is tried too. */
export function openAll(loot: Loot, keys: ReadonlyMap<string, SealingKey>): Opened[] {
  const opened: Opened[] = []
  for (const row of loot.rows['record'] ?? []) {
    const place = placeOf(row)
    const more = new Map(keys)
    for (const column of ['key_by_id_sealed', 'key_by_uid_sealed', 'payload_sealed']) {
      const sealed = row[column]
      if (!(sealed instanceof Uint8Array)) continue
      for (const [by, key] of more) {
        const plain = tryContexts(key, recordContexts(row, column), sealed)
        if (plain === undefined) continue
        opened.push({ place: `${place} ${column}`, by, text: Buffer.from(plain).toString('utf8') })
        if (column !== 'payload_sealed')
          more.set(`${by}, by the row’s key`, sealingKey(plain.subarray(0, 16), plain.subarray(16)))
      }
    }
  }
  for (const row of loot.rows['sign_in'] ?? []) {
    const sealed = bytesOf(row['payload_sealed'])
    for (const [by, key] of keys) {
      const contexts = ['cookie_digest', 'state_digest', 'interaction_digest'].map((name) => ({
        purpose: 'sign-in',
        account: '',
        table: 'sign_in',
        column: 'payload_sealed',
        row: hex(row[name]),
        keyVersion: 1,
      }))
      const plain = tryContexts(key, contexts, sealed)
      if (plain !== undefined)
        opened.push({ place: placeOf(row), by, text: Buffer.from(plain).toString('utf8') })
    }
  }
  return opened
}

/** `Model 0123…` of a record, `SignIn 0123…` of a round trip. */
export const placeOf = (row: Row): string =>
  `${textOf(row['model']) || 'SignIn'} ${hex(row['id_digest'] ?? row['cookie_digest']).slice(0, 12)}`

function recordContexts(row: Row, column: string): SealContext[] {
  const rows = [row['id_digest'], row['uid_digest']].filter((value) => value instanceof Uint8Array)
  const accounts = ['', textOf(row['account'])]
  return rows.flatMap((digest) =>
    accounts.map((account) => ({
      purpose: 'record',
      account,
      table: 'record',
      column,
      row: hex(digest),
      keyVersion: 1,
    })),
  )
}

function tryContexts(
  key: SealingKey,
  contexts: readonly SealContext[],
  bytes: Uint8Array,
): Uint8Array | undefined {
  const sealed = sealedFromStorage(bytes)
  // The header's id is no proof: the key's bytes are tried whatever it says.
  const forced = { ...key, id: keyIdOf(sealed) }
  for (const context of contexts) {
    try {
      return open(forced, context, sealed)
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
    }
  }
  return undefined
}
