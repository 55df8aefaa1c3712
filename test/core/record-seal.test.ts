// How rows are sealed: each model opens by what its owner holds and by nothing else, and no row holds its own bearer value.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import {
  bearerKey,
  EnvelopeError,
  open,
  openJson,
  sealingKey,
  type Sealed,
} from '../../src/crypto/envelope.ts'
import { mint, mintKey, mintKeyId } from '../../src/crypto/secrets.ts'
import type { RecordRow } from '../../src/core/ports.ts'
import {
  interactionHandle,
  openByBearer,
  openGrant,
  openSession,
  recordDigest,
  sealByBearer,
  sealGrant,
  sealSession,
  sessionUidDigest,
} from '../../src/core/record-seal.ts'

const BY_BEARER = [
  'AccessToken',
  'AuthorizationCode',
  'RefreshToken',
  'ClientCredentials',
  'PushedAuthorizationRequest',
  'DeviceCode',
  'Interaction',
]
const row = (model: string, id: string, payloadSealed: Sealed): RecordRow => ({
  model,
  idDigest: recordDigest(model, id),
  payloadSealed,
  expiresAt: 1,
  version: 0,
})
const place = (account: string, column: string, digest: Uint8Array) => ({
  purpose: 'record',
  account,
  table: 'record',
  column,
  row: Buffer.from(digest).toString('hex'),
  keyVersion: 1,
})
const refused = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof EnvelopeError) return error.code
    throw error
  }
  return 'opened'
}
const payloads = fc
  .dictionary(fc.string({ unit: 'grapheme', minLength: 1 }), fc.jsonValue())
  .map((payload) => JSON.parse(JSON.stringify(payload)) as Record<string, unknown>)

describe.each(BY_BEARER)('a row of %s', (model) => {
  const id = mint()

  test('opens by its bearer value', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const body = { payload: { ...payload, jti: id } }
        expect(openByBearer(row(model, id, sealByBearer(model, id, body)), id)).toEqual(body)
      }),
      { numRuns: 30 },
    )
  })

  test('holds no bearer value', () => {
    const sealed = sealByBearer(model, id, { payload: { jti: id, kind: model } })
    const inside = openJson(bearerKey(id), place('', 'payload_sealed', recordDigest(model, id)), sealed)
    expect(inside).toEqual({ payload: { kind: model } })
  })

  test('opens by no other value, and in no other row', () => {
    const sealed = sealByBearer(model, id, { payload: { jti: id } })
    expect(refused(() => openByBearer(row(model, id, sealed), mint()))).toBe('envelope_refused')
    expect(refused(() => openByBearer(row(model, mint(), sealed), id))).toBe('envelope_refused')
    expect(refused(() => openByBearer(row(`${model}x`, id, sealed), id))).toBe('envelope_refused')
  })
})

describe('an interaction', () => {
  const uid = mint()
  const payload = {
    jti: uid,
    returnTo: '/authorize/x',
    session: { uid: 'u', cookie: mint(), accountId: 'a' },
  }

  test('keeps no live session cookie', () => {
    const sealed = sealByBearer('Interaction', uid, { payload })
    expect(openByBearer(row('Interaction', uid, sealed), uid).payload).toEqual({
      ...payload,
      session: { uid: 'u', accountId: 'a' },
    })
  })

  test('leaves the payload of its caller alone', () => {
    const before = structuredClone(payload)
    sealByBearer('Interaction', uid, { payload })
    expect(payload).toEqual(before)
  })

  test('keeps who signed in and what waits beside the payload', () => {
    const body = { payload: { jti: uid }, pending: { reason: 'first_time' } }
    expect(openByBearer(row('Interaction', uid, sealByBearer('Interaction', uid, body)), uid)).toEqual(body)
  })

  test('has a handle that tells tabs apart and is no digest that the database knows', () => {
    expect(interactionHandle(uid)).toMatch(/^[0-9a-f]{16}$/)
    expect(interactionHandle(uid)).not.toBe(interactionHandle(mint()))
    const digest = Buffer.from(recordDigest('Interaction', uid)).toString('hex')
    expect(digest).not.toContain(interactionHandle(uid))
  })
})

describe('a grant', () => {
  const dataKey = sealingKey(mintKeyId(), mintKey())
  const id = mint()
  const body = { payload: { jti: id, accountId: 'a', openid: { scope: 'openid' } } }
  const sealed = sealGrant(dataKey, 'a', id, body)

  test("opens under the account's key", () => {
    expect(openGrant(dataKey, 'a', row('Grant', id, sealed), id)).toEqual(body)
  })

  test('opens under no other key, account or row', () => {
    const own = row('Grant', id, sealed)
    const other = sealingKey(mintKeyId(), mintKey())
    expect(refused(() => openGrant(other, 'a', own, id))).toBe('envelope_wrong_key')
    expect(refused(() => openGrant(dataKey, 'b', own, id))).toBe('envelope_refused')
    expect(refused(() => openGrant(dataKey, 'a', row('Grant', mint(), sealed), id))).toBe('envelope_refused')
  })
})

describe('a session', () => {
  const [id, uid] = [mint(), mint()]
  const body = { payload: { jti: id, uid, accountId: 'a', authorizations: {} } }
  const sealed = sealSession(id, uid, body)
  const own: RecordRow = { ...row('Session', id, sealed.payloadSealed), ...sealed }

  test('opens by its cookie value', () => {
    expect(openSession(own, { id })).toEqual(body)
  })

  test('opens by its uid, with an id that leads nowhere', () => {
    const { payload } = openSession(own, { uid })
    expect(payload).toEqual({ ...body.payload, jti: expect.any(String) })
    expect(payload['jti']).not.toBe(id)
    expect(openSession(own, { uid }).payload['jti']).not.toBe(payload['jti'])
  })

  test('opens by nothing else', () => {
    expect(refused(() => openSession(own, { id: mint() }))).toBe('envelope_refused')
    expect(refused(() => openSession(own, { uid: mint() }))).toBe('envelope_refused')
    expect(refused(() => openSession(own, { id: uid }))).toBe('envelope_refused')
    expect(refused(() => openSession(own, { uid: id }))).toBe('envelope_refused')
    expect(refused(() => openSession({ ...own, uidDigest: sessionUidDigest(mint()) }, { id }))).toBe(
      'envelope_refused',
    )
  })

  test('has a key of its own at each write, and no bearer value beside it', () => {
    const again = sealSession(id, uid, body)
    const keyOf = (row: typeof sealed): Uint8Array =>
      open(bearerKey(id), place('', 'key_by_id_sealed', row.uidDigest), row.keyByIdSealed)
    expect(keyOf(again)).not.toEqual(keyOf(sealed))
    const key = keyOf(sealed)
    const rowKey = sealingKey(key.subarray(0, 16), key.subarray(16))
    const { jti: _stripped, ...rest } = body.payload
    expect(openJson(rowKey, place('', 'payload_sealed', sealed.uidDigest), sealed.payloadSealed)).toEqual({
      payload: rest,
    })
  })

  test('without its wrapped key is a defect, not an answer', () => {
    const { keyByIdSealed: _gone, ...rest } = own
    expect(() => openSession(rest, { id })).toThrow(TypeError)
  })
})

describe('recordDigest()', () => {
  test('is another for each model', () => {
    const id = mint()
    const digests = [...BY_BEARER, 'Grant', 'Session'].map((model) =>
      Buffer.from(recordDigest(model, id)).toString('hex'),
    )
    expect(new Set([...digests, Buffer.from(sessionUidDigest(id)).toString('hex')]).size).toBe(
      BY_BEARER.length + 3,
    )
  })
})
