// The keyring over a KEK keeper in memory that seals like the keyring file and counts what it is asked. Time is a variable.
import { describe, expect, test } from '@jest/globals'
import {
  open,
  seal,
  sealedFromStorage,
  sealingKey,
  type SealContext,
  type SealingKey,
} from '../../src/crypto/envelope.ts'
import { createKeyring, KekError, type Kek } from '../../src/crypto/keyring.ts'
import { mintKey, mintKeyId } from '../../src/crypto/secrets.ts'

function keeper(ids = ['kek-1', 'kek-2']) {
  const keys = new Map<string, SealingKey>(ids.map((id) => [id, sealingKey(mintKeyId(), mintKey())]))
  const asked = { wrap: 0, unwrap: 0 }
  const places: SealContext[] = []
  let gate = Promise.resolve()
  const get = (id: string) => {
    const key = keys.get(id)
    if (key === undefined) throw new KekError('kek_unknown', `no key ${id}`)
    return key
  }
  const kek: Kek = {
    current: async () => ids.at(-1) ?? '',
    has: async (id) => keys.has(id),
    async wrap(id, context, key) {
      asked.wrap++
      places.push(context)
      return seal(get(id), context, key)
    },
    async unwrap(id, context, wrapped) {
      asked.unwrap++
      await gate
      try {
        return open(get(id), context, sealedFromStorage(wrapped))
      } catch (cause) {
        throw cause instanceof KekError ? cause : new KekError('kek_refused', 'refused', cause)
      }
    },
  }
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    gate = promise
    return resolve
  }
  return { kek, asked, keys, places, hold }
}

function setUp({ cacheSize = 10, cacheTtlMs = 1000 } = {}) {
  const kept = keeper()
  const time = { now: 1_000_000 }
  const keyring = createKeyring({ kek: kept.kek, cacheSize, cacheTtlMs, clock: () => time.now })
  const stored = async (account: string) => {
    const { epoch, keyId, wrapped, key } = await keyring.newDataKey(account)
    return { key, epoch, keyId, wrapped, ask: () => keyring.openDataKey(account, epoch, keyId, wrapped) }
  }
  return { ...kept, time, keyring, stored }
}

const place = { purpose: 'test', account: 'a', table: 't', column: 'c', row: 'r', keyVersion: 1 }
const refused = expect.objectContaining({ name: 'KekError', code: 'kek_refused' })

describe('a data key', () => {
  test('opens what it sealed, after being wrapped and unwrapped', async () => {
    const { stored } = setUp()
    const { key, ask, epoch, keyId } = await stored('a')
    expect(epoch).toBe('kek-2')
    expect([...key.id]).toEqual([...keyId])
    const sealed = seal(key, place, Buffer.from('five fields'))
    expect(Buffer.from(open(await ask(), place, sealed)).toString()).toBe('five fields')
  })

  test('is fresh for each account and each time', async () => {
    const { keyring } = setUp()
    const [one, two] = [await keyring.newDataKey('a'), await keyring.newDataKey('a')]
    expect(Buffer.from(one.keyId).equals(two.keyId)).toBe(false)
    expect(() => open(two.key, place, seal(one.key, place, new Uint8Array(1)))).toThrow('another key')
  })

  test('opens only for its account, its id and its epoch', async () => {
    const { keyring, stored } = setUp()
    const { epoch, keyId, wrapped } = await stored('a')
    await expect(keyring.openDataKey('b', epoch, keyId, wrapped)).rejects.toEqual(refused)
    await expect(keyring.openDataKey('a', epoch, mintKeyId(), wrapped)).rejects.toEqual(refused)
    await expect(keyring.openDataKey('a', 'kek-1', keyId, wrapped)).rejects.toEqual(refused)
    await expect(keyring.openDataKey('a', 'kek-9', keyId, wrapped)).rejects.toMatchObject({
      code: 'kek_unknown',
    })
  })

  test('is the same key after it was wrapped again for another epoch, and the old epoch can go', async () => {
    const { keyring, keys } = setUp()
    const made = await keyring.newDataKey('a', 'kek-1')
    const sealed = seal(made.key, place, Buffer.from('kept'))
    const wrapped = await keyring.rewrapDataKey('a', 'kek-1', 'kek-2', made.keyId, made.wrapped)
    keys.delete('kek-1')
    const key = await keyring.openDataKey('a', 'kek-2', made.keyId, wrapped)
    expect(Buffer.from(open(key, place, sealed)).toString()).toBe('kept')
    keyring.forget('a')
    await expect(keyring.openDataKey('a', 'kek-1', made.keyId, made.wrapped)).rejects.toBeInstanceOf(KekError)
  })
})

describe('the cache', () => {
  test('asks the keeper once within the lifetime and again from its end on', async () => {
    const { stored, asked, time } = setUp({ cacheTtlMs: 1000 })
    const { ask } = await stored('a')
    const first = await ask()
    time.now += 999
    expect(await ask()).toBe(first)
    expect(asked.unwrap).toBe(1)
    // Being used doesn't make it live longer.
    time.now += 1
    await ask()
    expect(asked.unwrap).toBe(2)
  })

  test('does not hold the key of a row that is not committed yet', async () => {
    const { stored, keyring } = setUp()
    await stored('a')
    expect(keyring.cachedKeys()).toBe(0)
  })

  test('holds no more keys than its size, and lets the least recently used go', async () => {
    const { stored, asked, keyring } = setUp({ cacheSize: 2 })
    const [a, b, c] = [await stored('a'), await stored('b'), await stored('c')]
    for (const { ask } of [a, b, a, c]) await ask()
    expect(keyring.cachedKeys()).toBe(2)
    expect(asked.unwrap).toBe(3)
    await a.ask()
    expect(asked.unwrap).toBe(3)
    await b.ask()
    expect(asked.unwrap).toBe(4)
  })

  test.each([{ cacheSize: 0 }, { cacheTtlMs: 0 }])('holds nothing with %o', async (options) => {
    const { stored, asked, keyring } = setUp(options)
    const { ask } = await stored('a')
    await ask()
    await ask()
    expect(asked.unwrap).toBe(2)
    expect(keyring.cachedKeys()).toBe(0)
  })

  test('never answers for another key id of the same account', async () => {
    const { stored } = setUp()
    const [old, fresh] = [await stored('a'), await stored('a')]
    await old.ask()
    expect([...(await fresh.ask()).id]).toEqual([...fresh.keyId])
  })

  test('forgets one account and no other', async () => {
    const { stored, asked, keyring } = setUp()
    const [a, b] = [await stored('a'), await stored('b')]
    await a.ask()
    await b.ask()
    keyring.forget('a')
    expect(keyring.cachedKeys()).toBe(1)
    await b.ask()
    expect(asked.unwrap).toBe(2)
    await a.ask()
    expect(asked.unwrap).toBe(3)
  })

  test('does not keep a key that was forgotten while it was being unwrapped', async () => {
    const { stored, keyring, hold } = setUp()
    const { ask } = await stored('a')
    const release = hold()
    const asking = ask()
    keyring.forget('a')
    release()
    await asking
    expect(keyring.cachedKeys()).toBe(0)
  })

  test('counts the lifetime from the question, not from the answer', async () => {
    const { stored, asked, time, hold } = setUp({ cacheTtlMs: 1000 })
    const { ask } = await stored('a')
    const release = hold()
    const asking = ask()
    time.now += 900
    release()
    await asking
    time.now += 100
    await ask()
    expect(asked.unwrap).toBe(2)
  })

  test('sweeps out what nobody asks for any more, and trusts no clock that ran backwards', async () => {
    const { stored, keyring, time } = setUp({ cacheTtlMs: 1000 })
    await (await stored('a')).ask()
    time.now += 500
    await (await stored('b')).ask()
    time.now += 500
    keyring.sweep()
    expect(keyring.cachedKeys()).toBe(1)
    time.now -= 2000
    keyring.sweep()
    expect(keyring.cachedKeys()).toBe(0)
  })

  test('keeps no failure', async () => {
    const { stored, keyring, keys } = setUp()
    const { ask } = await stored('a')
    const key = keys.get('kek-2')
    keys.delete('kek-2')
    await expect(ask()).rejects.toMatchObject({ code: 'kek_unknown' })
    if (key !== undefined) keys.set('kek-2', key)
    await ask()
    expect(keyring.cachedKeys()).toBe(1)
  })

  test('refuses sizes and lifetimes that bound nothing', () => {
    for (const options of [
      { cacheSize: -1 },
      { cacheSize: Infinity },
      { cacheTtlMs: Infinity },
      { cacheTtlMs: NaN },
    ]) {
      expect(() => setUp(options)).toThrow(RangeError)
    }
  })
})

describe('a server key', () => {
  test('opens only under its kind, its row and its epoch', async () => {
    const { keyring } = setUp()
    const raw = mintKey()
    const { wrapped, epoch } = await keyring.wrapServerKey({ kind: 'index', id: '1' }, raw)
    expect([...(await keyring.openServerKey({ kind: 'index', id: '1' }, epoch, wrapped))]).toEqual([...raw])
    await expect(keyring.openServerKey({ kind: 'audit', id: '1' }, epoch, wrapped)).rejects.toEqual(refused)
    await expect(keyring.openServerKey({ kind: 'index', id: '2' }, epoch, wrapped)).rejects.toEqual(refused)
    await expect(keyring.openServerKey({ kind: 'index', id: '1' }, 'kek-1', wrapped)).rejects.toEqual(refused)
  })

  test('is not taken for a data key, nor the other way round', async () => {
    const { keyring } = setUp()
    const made = await keyring.newDataKey('a')
    const name = { kind: 'index', id: Buffer.from(made.keyId).toString('hex') } as const
    await expect(keyring.openServerKey(name, made.epoch, made.wrapped)).rejects.toEqual(refused)
  })

  // What is stored depends on these words: another word here, and nothing stored opens any more.
  test('is bound to a place, as a data key is to another', async () => {
    const { keyring, places } = setUp()
    const { keyId } = await keyring.newDataKey('a')
    await keyring.wrapServerKey({ kind: 'index', id: '1' }, mintKey(), 'kek-1')
    const row = Buffer.from(keyId).toString('hex')
    expect(places).toEqual([
      {
        purpose: 'data-key',
        account: 'a',
        table: 'account_key',
        column: 'key_sealed',
        row,
        keyVersion: 'kek-2',
      },
      {
        purpose: 'server-key',
        account: '',
        table: 'server_key',
        column: 'key_sealed',
        row: 'index/1',
        keyVersion: 'kek-1',
      },
    ])
  })

  test('has 32 bytes', async () => {
    const { keyring } = setUp()
    await expect(keyring.wrapServerKey({ kind: 'log', id: '1' }, new Uint8Array(31))).rejects.toEqual(refused)
  })
})
