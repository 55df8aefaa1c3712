// A unit of work is written whole or not at all: each condition that can fail, and that nothing stays behind when it does.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { RecordRow, Records, UnitOutcome } from '../../src/core/ports.ts'
import type { UnitDraft } from '../../src/core/unit.ts'
import { openDatabase, type Database } from '../../src/storage/database.ts'
import { createIdentities } from '../../src/storage/identities.ts'
import { createRecords } from '../../src/storage/records.ts'
import { cloneDatabase, type TestDatabase } from '../support/database.ts'
import {
  bytes,
  fingerprint,
  inSeconds,
  newPerson,
  openHouse,
  row,
  sealed,
  sessionRow,
  unitOf,
  type Person,
} from './rows.ts'

let clone: TestDatabase
let database: Database
let records: Records
let indexKey: string
let person: Person
beforeAll(async () => {
  clone = await cloneDatabase()
  database = await openDatabase(clone.url, 12)
  records = createRecords(database)
  indexKey = await openHouse(database)
  person = newPerson(indexKey)
  expect(await records.apply(person.unit)).toBe('written')
})
afterAll(async () => {
  await database.close()
  await clone.drop()
})

const store = async (...rows: RecordRow[]): Promise<void> => {
  expect(await records.apply(unitOf({ records: rows }))).toBe('written')
}
const isThere = async ({ model, idDigest }: RecordRow): Promise<boolean> =>
  (await records.find(model, idDigest)) !== undefined

/** Every kind of write beside the condition: of these nothing may stay. */
async function withEverything(part: Partial<UnitDraft>): Promise<UnitDraft> {
  const [bystander, doomed] = [row('AccessToken'), sessionRow()]
  const grant = row('Grant', { accountId: person.account })
  await store(bystander, doomed, grant)
  return unitOf({
    unique: [{ idDigest: bytes(), expiresAt: inSeconds(60), use: 'first' }],
    destroy: [{ model: 'AccessToken', idDigest: bystander.idDigest }],
    endSessions: [doomed.uidDigest ?? bytes()],
    revokeGrants: [grant.idDigest],
    records: [row('AccessToken'), row('Grant')],
    sessionClients: [
      {
        sessionDigest: bytes(),
        clientId: 'docs',
        sid: 'sid',
        grantDigest: bytes(),
        expiresAt: inSeconds(60),
      },
    ],
    disclosures: [{ accountId: person.account, clientId: 'docs', fields: ['name'] }],
    ...part,
  })
}

async function expectNothingWritten(unit: UnitDraft, outcome: UnitOutcome): Promise<void> {
  const before = await fingerprint(database)
  expect(await records.apply(unit)).toBe(outcome)
  expect(await fingerprint(database)).toBe(before)
}

describe('a unit that can be written', () => {
  test('is, whole', async () => {
    const unit = await withEverything({})
    expect(await records.apply(unit)).toBe('written')
    expect(await Promise.all(unit.records.map(isThere))).toEqual([true, true])
    const [destroyed] = unit.destroy
    expect(await records.find('AccessToken', destroyed?.idDigest ?? bytes())).toBeUndefined()
    expect(await records.findSessionByUid(unit.endSessions[0] ?? bytes())).toBeUndefined()
    expect(await records.find('Grant', unit.revokeGrants[0] ?? bytes())).toBeUndefined()
    const [sid] = unit.sessionClients
    const kept = await database.query('select 1 from session_client where session_digest = $1', [
      sid?.sessionDigest,
    ])
    expect(kept).toHaveLength(1)
    expect(await database.query('select field from disclosure where account = $1', [person.account])).toEqual(
      [{ field: 'name' }],
    )
  })

  test('gives back what it stored, byte by byte, with all that belongs to it', async () => {
    const [grant, session] = [
      row('Grant', { accountId: person.account, clientId: 'docs' }),
      sessionRow({ accountId: person.account, upstreamSidIndex: bytes() }),
    ]
    const code = row('AuthorizationCode', {
      accountId: person.account,
      identityId: person.identity,
      clientId: 'docs',
      grantDigest: grant.idDigest,
      ...(session.uidDigest === undefined ? {} : { sessionDigest: session.uidDigest }),
    })
    await store(grant, session, code)
    const view = await records.find('AuthorizationCode', code.idDigest)
    const plain = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (_key, member: unknown) =>
          typeof member === 'object' && member !== null && 'data' in member
            ? Buffer.from(member.data as number[]).toString('hex')
            : member instanceof Uint8Array
              ? Buffer.from(member).toString('hex')
              : member,
        ),
      )
    expect(plain(view?.record)).toEqual(plain({ ...code, version: 1 }))
    expect(plain(view?.grant)).toEqual(plain({ ...grant, version: 1 }))
    expect(plain(view?.session)).toEqual(plain({ ...session, version: 1 }))
    expect([view?.account?.id, view?.identity?.id]).toEqual([person.account, person.identity])
    const byUid = await records.findSessionByUid(session.uidDigest ?? bytes())
    expect(plain(byUid?.record)).toEqual(plain({ ...session, version: 1 }))
  })

  test('is read only while it lives', async () => {
    const late = row('AccessToken', { expiresAt: inSeconds(-1) })
    await store(late)
    expect(await isThere(late)).toBe(false)
  })
})

describe('nothing is written when', () => {
  test('a session is gone', async () => {
    await expectNothingWritten(await withEverything({ requireSessions: [bytes()] }), 'session_gone')
  })

  test('a grant is gone', async () => {
    await expectNothingWritten(await withEverything({ requireGrants: [bytes()] }), 'grant_gone')
  })

  test.each(['first', 'second'])('a single-use value was seen: %s', async (use) => {
    const value = { idDigest: bytes(), expiresAt: inSeconds(60), use }
    expect(await records.apply(unitOf({ unique: [value] }))).toBe('written')
    const fresh = { ...value, idDigest: bytes() }
    await expectNothingWritten(await withEverything({ unique: [fresh, value] }), `replayed:${use}`)
  })

  test('a session was written by another tab: version behind, or made twice', async () => {
    const session = sessionRow()
    await store(session)
    await store({ ...session, idDigest: bytes(), version: 1 })
    for (const version of [1, 0, 7]) {
      const records = [row('AccessToken'), { ...session, payloadSealed: sealed(), version }]
      await expectNothingWritten(await withEverything({ records }), 'session_stale')
    }
    expect((await records.findSessionByUid(session.uidDigest ?? bytes()))?.record.version).toBe(2)
  })

  test('a session that was read has ended since', async () => {
    const records = [row('AccessToken'), sessionRow({ version: 3 })]
    await expectNothingWritten(await withEverything({ records }), 'session_stale')
  })

  test('an identity exists: the same upstream account by two at once', async () => {
    const value = bytes()
    const rivals = Array.from({ length: 8 }, () => newPerson(indexKey, value))
    const outcomes = await Promise.all(rivals.map(({ unit }) => records.apply(unit)))
    expect(outcomes.toSorted()).toEqual([...Array<string>(7).fill('identity_exists'), 'written'])
    const accounts = await database.query('select id from account where id = any($1)', [
      rivals.map(({ account }) => account),
    ])
    expect(accounts).toHaveLength(1)
    await expectNothingWritten(
      await withEverything({ ...newPerson(indexKey, value).unit, records: [row('Grant')] }),
      'identity_exists',
    )
  })

  test('the epoch is not active', async () => {
    const { unit } = newPerson(indexKey)
    if (unit.account === undefined) throw new Error('no account')
    const account = { ...unit.account, epoch: 'kek-0' }
    await expectNothingWritten(await withEverything({ ...unit, account }), 'epoch_not_active')
    await database.query("insert into epoch (id, state) values ('kek-2', 'retiring')")
    const retiring = { ...unit.account, epoch: 'kek-2' }
    await expectNothingWritten(await withEverything({ ...unit, account: retiring }), 'epoch_not_active')
  })

  test('the index keys are others than the replica knows: one too few, one too many', async () => {
    const { unit, index } = newPerson(indexKey)
    const identity = unit.insertIdentity?.identity
    if (identity === undefined) throw new Error('no identity')
    const strange = [...index, { kind: 'subject:google', keyVersion: randomUUID(), value: bytes() }]
    const more = await withEverything({ ...unit, insertIdentity: { identity, index: strange } })
    await expectNothingWritten(more, 'index_keys_stale')
    const second = randomUUID()
    await database.query(
      "insert into server_key (id, kind, state, epoch, key_sealed) values ($1, 'index', 'retiring', 'kek-1', $2)",
      [second, bytes()],
    )
    try {
      await expectNothingWritten(await withEverything(unit), 'index_keys_stale')
      const both = [...index, { kind: 'subject:google', keyVersion: second, value: bytes() }]
      expect(await records.apply({ ...unit, insertIdentity: { identity, index: both } })).toBe('written')
      const found = await createIdentities(database).find(both)
      expect(found?.identity.id).toBe(identity.id)
      await database.query('delete from identity_index where key_version = $1', [second])
    } finally {
      await database.query('delete from server_key where id = $1', [second])
    }
  })

  test.each(['restricted', 'suspended', 'closed'])('the account is %s', async (state) => {
    const { account, identity, unit } = newPerson(indexKey)
    expect(await records.apply(unit)).toBe('written')
    await database.query('update account set state = $2 where id = $1', [account, state])
    const updateIdentity = {
      id: identity,
      accountId: account,
      connector: 'google',
      profileSealed: sealed(),
      begunAt: Date.now(),
    }
    await expectNothingWritten(await withEverything({ updateIdentity }), 'account_unavailable')
  })

  test('the identity is disabled, or valid only for sign-ins begun later', async () => {
    const { account, identity, unit } = newPerson(indexKey)
    expect(await records.apply(unit)).toBe('written')
    const write = (begunAt: number) => ({
      id: identity,
      accountId: account,
      connector: 'google',
      profileSealed: sealed(),
      begunAt,
    })
    await database.query('update identity set valid_from = now() where id = $1', [identity])
    const before = await withEverything({ updateIdentity: write(Date.now() - 3_600_000) })
    await expectNothingWritten(before, 'identity_revoked')
    expect(await records.apply(unitOf({ updateIdentity: write(Date.now() + 1000) }))).toBe('written')
    await database.query("update identity set state = 'disabled' where id = $1", [identity])
    const disabled = await withEverything({ updateIdentity: write(Date.now() + 1000) })
    await expectNothingWritten(disabled, 'identity_revoked')
  })
})

describe('a single-use record', () => {
  async function codeWithGrant() {
    const grant = row('Grant', { accountId: person.account })
    const code = row('AuthorizationCode', { grantDigest: grant.idDigest })
    const token = row('RefreshToken', { grantDigest: grant.idDigest })
    await store(grant, code, token)
    const consume = (keepGrant: boolean, model = 'AuthorizationCode') =>
      unitOf({
        requireGrants: [grant.idDigest],
        consume: [{ model, idDigest: code.idDigest, grantDigest: grant.idDigest, keepGrant }],
        records: [row('AccessToken', { grantDigest: grant.idDigest })],
      })
    return { grant, code, token, consume }
  }

  test('is used by one of twenty at once; the others end the grant and what hangs on it', async () => {
    const { grant, code, token, consume } = await codeWithGrant()
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => records.apply(consume(false))))
    expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1)
    expect(outcomes.every((outcome) => ['written', 'consumed', 'grant_gone'].includes(outcome))).toBe(true)
    expect(outcomes).toContain('consumed')
    expect([await isThere(grant), await isThere(code), await isThere(token)]).toEqual([false, false, false])
    const left = await database.query('select 1 from record where grant_digest = $1', [grant.idDigest])
    expect(left).toEqual([])
  })

  test('within a leeway is refused the second time, and the grant stays', async () => {
    const { grant, token, consume } = await codeWithGrant()
    expect(await records.apply(consume(true))).toBe('written')
    await expectNothingWritten(consume(true), 'consumed')
    expect([await isThere(grant), await isThere(token)]).toEqual([true, true])
  })

  test('shows when it was used', async () => {
    const { code, consume } = await codeWithGrant()
    expect((await records.find('AuthorizationCode', code.idDigest))?.record.consumedAt).toBeUndefined()
    expect(await records.apply(consume(false))).toBe('written')
    const { consumedAt = 0 } = (await records.find('AuthorizationCode', code.idDigest))?.record ?? {}
    expect(Math.abs(consumedAt - Date.now() / 1000)).toBeLessThan(30)
  })

  test('that does not exist counts as used', async () => {
    const consume = [{ model: 'RefreshToken', idDigest: bytes(), keepGrant: false }]
    await expectNothingWritten(await withEverything({ consume }), 'consumed')
  })
})
