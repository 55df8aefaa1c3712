// Rows for the storage's tests: random bytes in the envelope's shape, a person, and a fingerprint of all that is stored.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { sealedFromStorage, type Sealed } from '../../src/crypto/envelope.ts'
import type { IndexValue, RecordRow } from '../../src/core/ports.ts'
import { newUnit, type UnitDraft } from '../../src/core/unit.ts'
import type { Database } from '../../src/storage/database.ts'
import { createKeys } from '../../src/storage/keys.ts'

export const EPOCH = 'kek-1'
export const bytes = (): Uint8Array => new Uint8Array(randomBytes(32))
export const sealed = (): Sealed => sealedFromStorage(Buffer.concat([Buffer.of(1), randomBytes(120)]))
export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

export const row = (model: string, more: Partial<RecordRow> = {}): RecordRow => ({
  model,
  idDigest: bytes(),
  payloadSealed: sealed(),
  expiresAt: inSeconds(600),
  version: 0,
  ...more,
})
export const sessionRow = (more: Partial<RecordRow> = {}): RecordRow =>
  row('Session', { uidDigest: bytes(), keyByIdSealed: sealed(), keyByUidSealed: sealed(), ...more })

export const unitOf = (part: Partial<UnitDraft>): UnitDraft => ({ ...newUnit(), ...part })

/** An active epoch and one index key: what the first person needs. */
export async function openHouse(database: Database): Promise<string> {
  const keys = createKeys(database)
  await keys.addActiveEpoch(EPOCH)
  const id = randomUUID()
  await keys.addServerKey({ id, kind: 'index', state: 'active', epoch: EPOCH, keySealed: sealed() })
  return id
}

export type Person = { account: string; identity: string; index: IndexValue[]; unit: UnitDraft }
export function newPerson(indexKey: string, value: Uint8Array = bytes()): Person {
  const [account, identity] = [randomUUID(), randomUUID()]
  const index = [{ kind: 'subject:google', keyVersion: indexKey, value }]
  const unit = unitOf({
    account: {
      id: account,
      epoch: EPOCH,
      keyId: randomBytes(16),
      wrappedKey: sealed(),
      subjectKeySealed: sealed(),
    },
    insertIdentity: {
      identity: {
        id: identity,
        accountId: account,
        connector: 'google',
        profileSealed: sealed(),
        picture: { sealed: sealed(), index: bytes() },
        begunAt: Date.now(),
      },
      index,
    },
    acceptance: {
      accountId: account,
      noticeVersion: 'n1',
      termsVersion: 't1',
      fieldsDigest: bytes(),
      choices: { picture: true, company: false },
    },
  })
  return { account, identity, index, unit }
}

/** A hash over every row of every table: equal when nothing was written. */
export async function fingerprint(database: Database): Promise<string> {
  const tables = await database.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public' order by 1",
  )
  const hash = createHash('sha256')
  for (const { name } of tables) {
    const rows = await database.query<{ text: string }>(`select t::text as text from "${name}" t order by 1`)
    hash.update(`${name}\n${rows.map(({ text }) => text).join('\n')}\n`)
  }
  return hash.digest('hex')
}
