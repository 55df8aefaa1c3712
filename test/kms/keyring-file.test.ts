// The keyring file on a real disk: made privately and durably, refused whole when anything about it is wrong.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { mintKey, randomId } from '../../src/crypto/secrets.ts'
import {
  addKeyringKey,
  createKeyringFile,
  destroyKeyringKey,
  KeyringFileError,
  loadKeyringFile,
} from '../../src/kms/keyring-file.ts'

type Entry = { id: string; key: string; createdAt: string }

const place = { purpose: 'data-key', account: 'a', table: 't', column: 'c', row: 'r', keyVersion: 'e' }
let folder: string
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const modeOf = async (path: string) => (await stat(path)).mode & 0o777
const fresh = () => join(folder, `keyring-${count++}.json`)
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
const entry = (changed: Partial<Entry> = {}): Entry => ({
  id: randomId(),
  key: base64url(mintKey()),
  createdAt: '2026-11-24T12:00:00.000Z',
  ...changed,
})
const ring = (...keys: unknown[]) => JSON.stringify({ version: 1, keys })

async function written(content: string, mode = 0o600): Promise<string> {
  const path = fresh()
  await writeFile(path, content)
  await chmod(path, mode)
  return path
}

async function loop(): Promise<string> {
  const path = fresh()
  await symlink(path, path)
  return path
}

async function failure(action: Promise<unknown>): Promise<KeyringFileError> {
  const error = await action.then(
    () => new Error('nothing was refused'),
    (cause: unknown) => cause,
  )
  if (!(error instanceof KeyringFileError)) throw error
  // One sentence that says what to do.
  expect(error.message).toMatch(/^[^\n]+[;,] [^\n]+\.$/)
  return error
}

describe('createKeyringFile()', () => {
  test('makes a file and missing folders that nobody else can read', async () => {
    const path = join(folder, 'deep', 'er', 'keyring.json')
    const id = await createKeyringFile(path)
    expect(await modeOf(path)).toBe(0o600)
    expect(await modeOf(join(folder, 'deep'))).toBe(0o700)
    expect(await modeOf(join(folder, 'deep', 'er'))).toBe(0o700)
    expect(await readdir(join(folder, 'deep', 'er'))).toEqual(['keyring.json'])
    expect(await (await loadKeyringFile(path)).current()).toBe(id)
  })

  test('never overwrites, also when twenty try at once', async () => {
    const path = fresh()
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => createKeyringFile(path)))
    const [winner, ...more] = results.flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    )
    expect(more).toEqual([])
    expect(await (await loadKeyringFile(path)).current()).toBe(winner)
    expect((await failure(createKeyringFile(path))).code).toBe('keyring_exists')
  })

  test('says so when the place can not be written', async () => {
    const path = join(await written('a file'), 'deep', 'keyring.json')
    expect((await failure(createKeyringFile(path))).code).toBe('keyring_unwritable')
  })
})

describe('a loaded keyring file', () => {
  test('unwraps what it wrapped, in the same place only', async () => {
    const path = fresh()
    const id = await createKeyringFile(path)
    const key = mintKey()
    const wrapped = await (await loadKeyringFile(path)).wrap(id, place, key)
    const reloaded = await loadKeyringFile(path)
    expect([...(await reloaded.unwrap(id, place, wrapped))]).toEqual([...key])
    await expect(reloaded.unwrap(id, { ...place, account: 'b' }, wrapped)).rejects.toMatchObject({
      code: 'kek_refused',
    })
    await expect(reloaded.unwrap(id, place, wrapped.subarray(1))).rejects.toMatchObject({
      code: 'kek_refused',
    })
    await expect(reloaded.unwrap(randomId(), place, wrapped)).rejects.toMatchObject({ code: 'kek_unknown' })
  })

  test('serves a keyring', async () => {
    const path = fresh()
    await createKeyringFile(path)
    const kek = await loadKeyringFile(path)
    const keyring = createKeyring({ kek, cacheSize: 1, cacheTtlMs: 1, clock: () => 0 })
    const { epoch, keyId, wrapped } = await keyring.newDataKey('a')
    expect([...(await keyring.openDataKey('a', epoch, keyId, wrapped)).id]).toEqual([...keyId])
  })

  test('finds a key that was added without a restart, and loses one that was destroyed', async () => {
    const path = fresh()
    const old = await createKeyringFile(path)
    const kek = await loadKeyringFile(path)
    const wrapped = await kek.wrap(old, place, mintKey())
    const id = await addKeyringKey(path)
    await kek.unwrap(id, place, await kek.wrap(id, place, mintKey()))
    expect(await kek.current()).toBe(id)
    await destroyKeyringKey(path, old)
    expect(await kek.has(old)).toBe(false)
    await expect(kek.unwrap(old, place, wrapped)).rejects.toMatchObject({ code: 'kek_unknown' })
    expect(await modeOf(path)).toBe(0o600)
  })

  test('goes on with the keys it has while the file is broken, and calls the rest unavailable', async () => {
    const path = fresh()
    const id = await createKeyringFile(path)
    const kek = await loadKeyringFile(path)
    const wrapped = await kek.wrap(id, place, mintKey())
    await writeFile(path, '{')
    await kek.unwrap(id, place, wrapped)
    await expect(kek.current()).rejects.toMatchObject({ code: 'kek_unavailable' })
    await expect(kek.wrap(randomId(), place, mintKey())).rejects.toMatchObject({ code: 'kek_unavailable' })
  })

  test('takes the key made last as current, wherever it stands', async () => {
    const [a, b] = [
      entry({ createdAt: '2026-12-01T00:00:00Z' }),
      entry({ createdAt: '2026-11-01T00:00:00Z' }),
    ]
    expect(await (await loadKeyringFile(await written(ring(a, b)))).current()).toBe(a.id)
  })
})

describe('loadKeyringFile() refuses', () => {
  test.each([
    ['a file that is not there', 'keyring_missing', async () => join(folder, 'nowhere.json')],
    ['a folder', 'keyring_not_a_file', async () => folder],
    ['a link that leads nowhere but to itself', 'keyring_unreadable', loop],
    [
      'a path that leads through a file',
      'keyring_unreadable',
      async () => join(await written('x'), 'keyring.json'),
    ],
  ])('%s', async (_, code, path) => {
    expect((await failure(loadKeyringFile(await path()))).code).toBe(code)
  })

  test.each([0o640, 0o604, 0o620, 0o601, 0o666])('a file of mode %o', async (mode) => {
    expect((await failure(loadKeyringFile(await written(ring(entry()), mode)))).code).toBe('keyring_exposed')
  })

  test.each([0o600, 0o400])('no file of mode %o', async (mode) => {
    await expect(loadKeyringFile(await written(ring(entry()), mode))).resolves.toBeDefined()
  })

  const id = randomId()
  const key = base64url(mintKey())
  const random = mintKey()
  const repeated = Buffer.concat([random.subarray(0, 16), random.subarray(0, 16)])
  const counting = Uint8Array.from({ length: 32 }, (_, at) => at * 3 + 5)
  test.each([
    ['an empty file', 'keyring_malformed', ''],
    ['another JSON value', 'keyring_malformed', '[]'],
    ['a list that is none', 'keyring_malformed', '{"version":1,"keys":{}}'],
    ['an empty list', 'keyring_malformed', ring()],
    ['an entry that is none', 'keyring_malformed', ring(null)],
    ['an id that is no uuid', 'keyring_malformed', ring(entry({ id: '../../etc' }))],
    ['the id of zeros', 'keyring_malformed', ring(entry({ id: '00000000-0000-0000-0000-000000000000' }))],
    ['a time that is none', 'keyring_malformed', ring(entry({ createdAt: 'yesterday' }))],
    ['a key in other letters', 'keyring_malformed', ring(entry({ key: `${key}=` }))],
    ['a missing key', 'keyring_malformed', ring({ ...entry(), key: undefined })],
    ['a file of another version', 'keyring_unknown_version', JSON.stringify({ version: 2, keys: [entry()] })],
    ['a short key', 'keyring_key_length', ring(entry({ key: base64url(random.subarray(1)) }))],
    ['a long key', 'keyring_key_length', ring(entry({ key: base64url(Buffer.concat([random, random])) }))],
    ['an id that stands twice', 'keyring_duplicate_id', ring(entry({ id }), entry(), entry({ id }))],
    ['a key under two ids', 'keyring_duplicate_key', ring(entry({ key }), entry({ key }))],
    ['a key of zeros', 'keyring_weak_key', ring(entry({ key: base64url(new Uint8Array(32)) }))],
    [
      'a key of equal bytes',
      'keyring_weak_key',
      ring(entry({ key: base64url(new Uint8Array(32).fill(0xa5)) })),
    ],
    ['a key that repeats itself', 'keyring_weak_key', ring(entry({ key: base64url(repeated) }))],
    ['a key that counts', 'keyring_weak_key', ring(entry({ key: base64url(counting) }))],
    [
      'a key that reads as text',
      'keyring_weak_key',
      ring(entry({ key: base64url(Buffer.from('correct horse battery staple 123')) })),
    ],
    ['a huge file', 'keyring_malformed', `${ring(entry())}${' '.repeat(1024 * 1024)}`],
  ])('%s', async (_, code, content) => {
    expect((await failure(loadKeyringFile(await written(content)))).code).toBe(code)
  })

  test('a file cut short at any place, and quotes none of it', async () => {
    const content = ring(entry({ key }))
    const path = await written('')
    for (let length = 0; length < content.length; length += 7) {
      await writeFile(path, content.slice(0, length))
      const error = await failure(loadKeyringFile(path))
      expect(error.code).toBe('keyring_malformed')
      expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain(key.slice(0, 8))
    }
  })
})

describe('addKeyringKey() and destroyKeyringKey()', () => {
  test('lose no key when many add at once: each adds or says that it did not', async () => {
    const path = fresh()
    await createKeyringFile(path)
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => addKeyringKey(path)))
    const kek = await loadKeyringFile(path)
    for (const result of results) {
      if (result.status === 'fulfilled') expect(await kek.has(result.value)).toBe(true)
      else expect(result.reason).toMatchObject({ code: 'keyring_locked' })
    }
    expect((await readdir(folder)).filter((name) => /\.lock$|^\./.test(name))).toEqual([])
  })

  test('leave a broken file and its lock alone', async () => {
    const path = await written('{"version":1')
    expect((await failure(addKeyringKey(path))).code).toBe('keyring_malformed')
    expect(await readFile(path, 'utf8')).toBe('{"version":1')
    await writeFile(`${path}.lock`, '')
    expect((await failure(addKeyringKey(path))).code).toBe('keyring_locked')
    await rm(`${path}.lock`)
    expect((await failure(addKeyringKey(join(folder, 'nowhere', 'keyring.json')))).code).toBe(
      'keyring_unwritable',
    )
  })

  test('never take out the newest key or an unknown one', async () => {
    const path = fresh()
    const id = await createKeyringFile(path)
    expect((await failure(destroyKeyringKey(path, id))).code).toBe('keyring_current_key')
    expect((await failure(destroyKeyringKey(path, randomId()))).code).toBe('keyring_unknown_key')
  })
})
