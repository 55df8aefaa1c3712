// The other ports of the storage: round trips, subjects, apps, first keys, the sweep, and a database that goes away and comes back.
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { withClient } from '../../demo/postgres/databases.ts'
import type { ClientRow, SignInRow } from '../../src/core/ports.ts'
import { openServerKeys } from '../../src/core/server-keys.ts'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { createKeyringFile, loadKeyringFile } from '../../src/kms/keyring-file.ts'
import { createClients } from '../../src/storage/clients.ts'
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { createIdentities } from '../../src/storage/identities.ts'
import { createKeys } from '../../src/storage/keys.ts'
import { createRecords } from '../../src/storage/records.ts'
import { createSignIns } from '../../src/storage/sign-ins.ts'
import { createSubjects } from '../../src/storage/subjects.ts'
import { sweep } from '../../src/storage/sweep.ts'
import { cloneDatabase, WORKER_ENV, type TestDatabase } from '../support/database.ts'
import { bytes, inSeconds, newPerson, openHouse, row, sealed, sessionRow, unitOf } from './rows.ts'

let clone: TestDatabase
let one: Database
let two: Database
let indexKey: string
beforeAll(async () => {
  clone = await cloneDatabase()
  one = await openDatabase(clone.url, 10)
  two = await openDatabase(clone.url, 10)
  indexKey = await openHouse(one)
})
afterAll(async () => {
  await Promise.all([one.close(), two.close()])
  await clone.drop()
})
const either = (turn: number): Database => (turn % 2 === 0 ? one : two)
const twenty = <T>(ask: (database: Database) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 20 }, (_one, turn) => ask(either(turn))))

async function newAccount() {
  const person = newPerson(indexKey)
  expect(await createRecords(one).apply(person.unit)).toBe('written')
  return person
}

describe('a sign-in', () => {
  async function begun(more: Partial<SignInRow> = {}) {
    const interaction = row('Interaction', { clientId: 'docs' })
    expect(await createRecords(one).apply(unitOf({ records: [interaction] }))).toBe('written')
    const signIn: SignInRow = {
      cookieDigest: bytes(),
      connector: 'google',
      stateDigest: bytes(),
      interactionDigest: interaction.idDigest,
      payloadSealed: sealed(),
      expiresAt: inSeconds(300),
      ...more,
    }
    return { interaction, signIn, stored: await createSignIns(one).begin(signIn, ['docs']) }
  }

  test('take() hands a sign-in out exactly once', async () => {
    const { signIn, interaction, stored } = await begun()
    expect(stored?.idDigest).toEqual(Buffer.from(interaction.idDigest))
    const taken = await twenty((database) => createSignIns(database).take(signIn.cookieDigest))
    const [winner, ...others] = taken.filter((answer) => answer !== undefined)
    expect(others).toEqual([])
    expect(Buffer.from(winner?.row.payloadSealed ?? []).equals(signIn.payloadSealed)).toBe(true)
    expect(winner?.row.connector).toBe('google')
    expect(Buffer.from(winner?.interaction?.payloadSealed ?? []).equals(interaction.payloadSealed)).toBe(true)
    expect(Math.abs((winner?.begunAt ?? 0) - Date.now())).toBeLessThan(30_000)
  })

  test('that was used, is late or never began is not handed out', async () => {
    const { signIn } = await begun()
    expect(await createSignIns(one).take(signIn.cookieDigest)).toBeDefined()
    expect(await createSignIns(two).take(signIn.cookieDigest)).toBeUndefined()
    const late = await begun({ expiresAt: inSeconds(-1) })
    expect(await createSignIns(one).take(late.signIn.cookieDigest)).toBeUndefined()
    expect(await createSignIns(one).take(bytes())).toBeUndefined()
  })

  test('lives no longer than its interaction', async () => {
    const { signIn, interaction } = await begun({ expiresAt: inSeconds(86_400) })
    const [stored] = await one.query<{ same: boolean }>(
      'select s.expires_at = r.expires_at as same from sign_in s join record r on r.id_digest = s.interaction_digest where s.cookie_digest = $1',
      [signIn.cookieDigest],
    )
    expect(stored?.same).toBe(true)
    await one.query('delete from record where id_digest = $1', [interaction.idDigest])
    const taken = await createSignIns(one).take(signIn.cookieDigest)
    expect(taken).toBeDefined()
    expect(taken?.interaction).toBeUndefined()
  })

  test('begins only for a live interaction of an app that admits the connector', async () => {
    const { signIn } = await begun()
    const again = { ...signIn, cookieDigest: bytes() }
    expect(await createSignIns(one).begin(again, ['other'])).toBeUndefined()
    expect(await createSignIns(one).begin(again, [])).toBeUndefined()
    expect(await createSignIns(one).begin({ ...again, interactionDigest: bytes() }, ['docs'])).toBeUndefined()
    const rows = await one.query('select 1 from sign_in where cookie_digest = $1', [again.cookieDigest])
    expect(rows).toEqual([])
  })
})

describe('a subject', () => {
  test('is one, however many ask first', async () => {
    const { account, identity } = await newAccount()
    const subjects = await twenty((database) =>
      createSubjects(database).getOrCreate(account, 'docs', randomUUID(), {
        identityId: identity,
        digest: bytes(),
      }),
    )
    expect(new Set(subjects).size).toBe(1)
    expect(await createSubjects(two).getOrCreate(account, 'docs', 'another')).toBe(subjects[0])
    expect(await createSubjects(two).getOrCreate(account, 'wiki', 'another')).toBe('another')
    expect(await one.query('select 1 from subject where account = $1', [account])).toHaveLength(2)
  })

  test('leads to the picture while the account is active', async () => {
    const { account, identity } = await newAccount()
    const digest = bytes()
    await createSubjects(one).getOrCreate(account, 'docs', randomUUID(), { identityId: identity, digest })
    const identities = createIdentities(one)
    expect((await identities.findPicture(digest))?.identityId).toBe(identity)
    await one.query("update account set state = 'suspended' where id = $1", [account])
    expect(await identities.findPicture(digest)).toBeUndefined()
  })

  test('goes with the account, as everything of a person does', async () => {
    const { account, index } = await newAccount()
    await createSubjects(one).getOrCreate(account, 'docs', randomUUID())
    const session = sessionRow({ accountId: account })
    expect(await createRecords(one).apply(unitOf({ records: [session] }))).toBe('written')
    await one.query('delete from account where id = $1', [account])
    for (const table of ['account_key', 'identity', 'subject', 'acceptance', 'record', 'disclosure'])
      expect([table, await one.query(`select 1 from ${table} where account = $1`, [account])]).toEqual([
        table,
        [],
      ])
    expect(await createIdentities(one).find(index)).toBeUndefined()
  })
})

describe('apps', () => {
  const app = (id: string, more: Partial<ClientRow> = {}): ClientRow => ({
    id,
    sector: id,
    enabled: true,
    settings: { id, name: id } as ClientRow['settings'],
    secretSealed: sealed(),
    serverKey: indexKey,
    revision: bytes(),
    ...more,
  })

  test('are replaced whole: changed ones overwritten, missing ones removed, the rest untouched', async () => {
    const clients = createClients(one)
    const [a, b, c] = [app('a'), app('b'), app('c')]
    expect(await clients.replace([a, b, c], ['a', 'b', 'c'])).toEqual({ removed: [] })
    const [before] = await one.query<{ updated_at: Date }>("select updated_at from client where id = 'a'")
    const open: ClientRow = {
      id: 'b',
      sector: 'family',
      enabled: false,
      settings: b.settings,
      revision: bytes(),
    }
    expect(await clients.replace([open], ['a', 'b'])).toEqual({ removed: ['c'] })
    const stored = await createClients(two).all()
    expect(stored.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(stored[1]).toEqual({ ...open, revision: Buffer.from(open.revision) })
    expect(Buffer.from(stored[0]?.secretSealed ?? []).equals(a.secretSealed ?? sealed())).toBe(true)
    const [after] = await one.query<{ updated_at: Date }>("select updated_at from client where id = 'a'")
    expect(after).toEqual(before)
    expect(await clients.replace([], ['a', 'b'])).toEqual({ removed: [] })
    expect(await clients.replace([], [])).toEqual({ removed: ['a', 'b'] })
  })

  test('stay as they were when one of them can not be stored', async () => {
    const clients = createClients(one)
    await clients.replace([app('a')], ['a'])
    const broken = app('z', { sector: null as unknown as string })
    await expect(clients.replace([app('b'), broken], ['b', 'z'])).rejects.toThrow()
    expect((await clients.all()).map(({ id }) => id)).toEqual(['a'])
  })
})

describe('the first start', () => {
  test('of two replicas at once leaves one set of active keys, which both hold', async () => {
    const fresh = await cloneDatabase()
    const path = join(mkdtempSync(join(tmpdir(), 'narrowgate-test-')), 'keyring.json')
    await createKeyringFile(path)
    const kek = await loadKeyringFile(path)
    const databases = await Promise.all([openDatabase(fresh.url, 2), openDatabase(fresh.url, 2)])
    try {
      const start = async (database: Database) =>
        openServerKeys(
          createKeys(database),
          createKeyring({ kek, cacheSize: 0, cacheTtlMs: 0, clock: Date.now }),
          await kek.current(),
        )
      const [a, b] = await Promise.all(databases.map(start))
      expect(a?.epoch).toBe(b?.epoch)
      expect(a?.cookieKeys).toEqual(b?.cookieKeys)
      expect(a?.indexKeys.map(({ version }) => version)).toEqual(b?.indexKeys.map(({ version }) => version))
      expect(a?.signingJwks).toEqual(b?.signingJwks)
      expect(a?.sealing.id).toBe(b?.sealing.id)
      const [first] = databases
      const active = (await first?.query<{ kind: string }>(
        "select kind from server_key where state = 'active' order by 1",
      )) as { kind: string }[]
      expect(active.map(({ kind }) => kind)).toEqual(['cookie', 'index', 'signing'])
      expect(await first?.query("select 1 from epoch where state = 'active'")).toHaveLength(1)
      const signing = await first?.query("select alg from signing_key where state = 'active' order by 1")
      expect(signing).toEqual([{ alg: 'ES256' }, { alg: 'RS256' }])
      expect(await start(databases[1])).toEqual(a)
    } finally {
      await Promise.all(databases.map((database) => database.close()))
      await fresh.drop()
    }
  })
})

describe('the sweep', () => {
  test('deletes what is past its deadline and a little more, and nothing else', async () => {
    const past = inSeconds(-121)
    const recent = inSeconds(-60)
    const ours: Uint8Array[] = []
    for (const expiresAt of [past, recent, inSeconds(60)]) {
      const token = row('AccessToken', { expiresAt })
      const value = { idDigest: bytes(), expiresAt, use: 'first' }
      const link = { sessionDigest: bytes(), clientId: 'docs', sid: 's', grantDigest: bytes(), expiresAt }
      const unit = unitOf({ records: [token], unique: [value], sessionClients: [link] })
      expect(await createRecords(one).apply(unit)).toBe('written')
      const cookie = bytes()
      await one.query(
        "insert into sign_in (cookie_digest, connector, state_digest, interaction_digest, payload_sealed, expires_at) values ($1, 'google', $2, $3, $4, to_timestamp($5))",
        [cookie, bytes(), bytes(), sealed(), expiresAt],
      )
      ours.push(token.idDigest, value.idDigest, link.sessionDigest, cookie)
    }
    const left = async (): Promise<boolean[]> => {
      const rows = await one.query<{ digest: Buffer }>(
        `select id_digest as digest from record union all select id_digest from replay
         union all select session_digest from session_client union all select cookie_digest from sign_in`,
      )
      return ours.map((digest) => rows.some((stored) => stored.digest.equals(digest)))
    }
    const counts = await sweep(two)
    expect(Object.keys(counts)).toEqual(['record', 'session_client', 'sign_in', 'replay'])
    expect(Object.values(counts).every((count) => count >= 1)).toBe(true)
    expect(await left()).toEqual([...Array<boolean>(4).fill(false), ...Array<boolean>(8).fill(true)])
    expect(Object.values(await sweep(one))).toEqual([0, 0, 0, 0])
  })
})

describe('a database that goes away', () => {
  test('is storage_unavailable for every port, and is back by itself', async () => {
    const own = await cloneDatabase()
    const name = new URL(own.url).pathname.slice(1)
    const server = process.env[WORKER_ENV.url] ?? ''
    const database = await openDatabase(own.url, 4)
    const ask = (): [string, () => Promise<unknown>][] => [
      ['records.find', () => createRecords(database).find('Session', bytes())],
      ['records.apply', () => createRecords(database).apply(unitOf({ records: [row('AccessToken')] }))],
      ['signIns.take', () => createSignIns(database).take(bytes())],
      ['identities.find', () => createIdentities(database).find([])],
      ['subjects.getOrCreate', () => createSubjects(database).getOrCreate(randomUUID(), 'docs', 'x')],
      ['keys.serverKeys', () => createKeys(database).serverKeys()],
      ['clients.all', () => createClients(database).all()],
      ['clients.replace', () => createClients(database).replace([], [])],
      ['sweep', () => sweep(database)],
    ]
    try {
      expect(await database.isReady()).toBe(true)
      // Away: its connections are ended and it can't be found under its name.
      await withClient(server, async (admin) => {
        await admin.query('alter database ' + name + ' with allow_connections false')
        await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
        await admin.query(`alter database ${name} rename to ${name}_away`)
      })
      for (const [port, call] of ask())
        await expect(
          call().then(
            () => port,
            (error: { code?: string }) => [port, error.code],
          ),
        ).resolves.toEqual([port, 'storage_unavailable'])
      expect(await database.isReady()).toBe(false)
      await withClient(server, async (admin) => {
        await admin.query(`alter database ${name}_away rename to ${name}`)
        await admin.query(`alter database ${name} with allow_connections true`)
      })
      expect(await database.isReady()).toBe(true)
      const token = row('AccessToken')
      expect(await createRecords(database).apply(unitOf({ records: [token] }))).toBe('written')
      expect(await createRecords(database).find('AccessToken', token.idDigest)).toBeDefined()
    } finally {
      await database.close()
      await own.drop()
    }
  })

  test('in the middle of a unit leaves nothing of it', async () => {
    const own = await cloneDatabase()
    const database = await openDatabase(own.url, 2)
    try {
      const [grant, token] = [row('Grant'), row('AccessToken')]
      const records = createRecords(database)
      expect(await records.apply(unitOf({ records: [grant] }))).toBe('written')
      await withClient(own.url, async (other) => {
        // The unit waits for the grant's lock; its connection is ended while it does.
        await other.query('begin')
        await other.query('select 1 from record for update')
        const ended = (async () => {
          for (;;) {
            const { rowCount } = await other.query(
              "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and pid <> pg_backend_pid()",
            )
            if (rowCount !== 0) return
          }
        })()
        await expect(
          records.apply(unitOf({ requireGrants: [grant.idDigest], records: [token] })),
        ).rejects.toMatchObject({ code: 'storage_unavailable' })
        await ended
        await other.query('rollback')
      })
      expect(await records.find('AccessToken', token.idDigest)).toBeUndefined()
      expect(await records.apply(unitOf({ requireGrants: [grant.idDigest], records: [token] }))).toBe(
        'written',
      )
    } finally {
      await database.close()
      await own.drop()
    }
  })
})
