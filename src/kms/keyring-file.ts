// The keyring file: KEKs in one JSON file of mode 0600, for whoever has no KMS.
//   { "version": 1, "keys": [{ "id": "<uuid>", "key": "<base64url, 32 bytes>", "createdAt": "<ISO 8601>" }] }
// Invariants: a file that others could read, or that is not wholly as written here, is refused whole; a change is on the disk before
// it is reported; no message quotes the content. Keep the file out of every backup that also holds the database.
import { constants } from 'node:fs'
import { link, mkdir, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  EnvelopeError,
  open as openSealed,
  seal,
  sealedFromStorage,
  sealingKey,
  type SealingKey,
} from '../crypto/envelope.ts'
import { KekError, type Kek, type KekId } from '../crypto/keyring.ts'
import { mint, mintKey, randomId } from '../crypto/secrets.ts'

/** What is wrong with a keyring file. */
export type KeyringFileErrorCode =
  | 'keyring_missing'
  | 'keyring_unreadable'
  | 'keyring_not_a_file'
  | 'keyring_exposed'
  | 'keyring_malformed'
  | 'keyring_unknown_version'
  | 'keyring_key_length'
  | 'keyring_duplicate_id'
  | 'keyring_duplicate_key'
  | 'keyring_weak_key'
  | 'keyring_exists'
  | 'keyring_unwritable'
  | 'keyring_locked'
  | 'keyring_unknown_key'
  | 'keyring_current_key'

/** One sentence for the operator: what is wrong and what to do. Holds the path and key ids, never keys. */
export class KeyringFileError extends Error {
  override readonly name = 'KeyringFileError'
  readonly code: KeyringFileErrorCode
  constructor(code: KeyringFileErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

type Entry = { id: KekId; key: string; createdAt: string }

const MAX_BYTES = 1024 * 1024
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/**
 * Makes a keyring file with one fresh key and gives that key's id. Missing folders above it are made with mode 0700.
 * Throws KeyringFileError: `keyring_exists`, `keyring_unwritable`.
 */
export async function createKeyringFile(path: string): Promise<KekId> {
  const entry = freshEntry()
  await withWriteErrors(path, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    // link() fails where the name exists, so of two processes one wins and no key is ever overwritten.
    await writeDurably(path, [entry], link)
  })
  return entry.id
}

/** Adds a fresh key, which becomes the current one, and gives its id. Copy the file to every replica before the epoch opens. Throws KeyringFileError. */
export async function addKeyringKey(path: string): Promise<KekId> {
  const entry = freshEntry()
  await change(path, (entries) => [...entries, entry])
  return entry.id
}

/**
 * Takes a key out for good: all that is still wrapped under it can never be opened again. Other copies of the file are not touched.
 * Throws KeyringFileError, also `keyring_unknown_key` and, for the newest key, `keyring_current_key`.
 */
export async function destroyKeyringKey(path: string, id: KekId): Promise<void> {
  await change(path, (entries) => {
    if (!entries.some((entry) => entry.id === id)) {
      throw new KeyringFileError('keyring_unknown_key', `${path} holds no key ${id}; check the id.`)
    }
    if (newest(entries) === id) {
      throw new KeyringFileError(
        'keyring_current_key',
        `Key ${id} in ${path} is the newest; add its successor first.`,
      )
    }
    return entries.filter((entry) => entry.id !== id)
  })
}

/**
 * The KEKs of a keyring file. The file is read now, again by `current` and `has`, and when an unknown id is asked for, so a key
 * that was added is found without a restart. Throws KeyringFileError; the methods throw KekError.
 */
export async function loadKeyringFile(path: string): Promise<Kek> {
  let keys = toSealingKeys(await readEntries(path))

  async function reread(): Promise<Entry[]> {
    try {
      const entries = await readEntries(path)
      keys = toSealingKeys(entries)
      return entries
    } catch (cause) {
      if (!(cause instanceof KeyringFileError)) throw cause
      throw new KekError('kek_unavailable', cause.message, cause)
    }
  }

  async function get(id: KekId): Promise<SealingKey> {
    if (!keys.has(id)) await reread()
    const key = keys.get(id)
    if (key === undefined) throw new KekError('kek_unknown', `${path} holds no key ${id}.`)
    return key
  }

  return {
    async current() {
      return newest(await reread())
    },
    async has(id) {
      await reread()
      return keys.has(id)
    },
    async wrap(id, context, key) {
      return seal(await get(id), context, key)
    },
    async unwrap(id, context, wrapped) {
      const kek = await get(id)
      try {
        return openSealed(kek, context, sealedFromStorage(wrapped))
      } catch (cause) {
        if (!(cause instanceof EnvelopeError)) throw cause
        throw new KekError('kek_refused', `A wrapped key does not open under key ${id} of ${path}.`, cause)
      }
    },
  }
}

async function readEntries(path: string): Promise<Entry[]> {
  const text = await readPrivate(path)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Without its cause: JSON.parse quotes what it stumbled over, which may be a key.
    throw malformed(path, 'is not valid JSON (cut short?)')
  }
  return parseEntries(path, value)
}

/** The file's text, from one handle, so that what is checked is what is read. */
async function readPrivate(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') {
      const message = `There is no keyring file at ${path}; make one, or copy it from the machine that has it.`
      throw new KeyringFileError('keyring_missing', message, cause)
    }
    const message = `The keyring file ${path} can't be read; make it belong to the user that runs the service.`
    throw new KeyringFileError('keyring_unreadable', message, cause)
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile()) {
      throw new KeyringFileError(
        'keyring_not_a_file',
        `${path} is not a regular file; name the keyring file itself.`,
      )
    }
    if ((stat.mode & 0o077) !== 0) {
      const message = `The keyring file ${path} is open to other users; run chmod 600 on it, and replace its keys if anybody may have read them.`
      throw new KeyringFileError('keyring_exposed', message)
    }
    if (stat.size > MAX_BYTES) throw malformed(path, 'is larger than 1 MiB')
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

function parseEntries(path: string, value: unknown): Entry[] {
  if (!isRecord(value)) throw malformed(path, 'is not a JSON object')
  if (value['version'] !== 1) {
    const message = `The keyring file ${path} is not of version 1; use the release of the service that wrote it, or restore the file.`
    throw new KeyringFileError('keyring_unknown_version', message)
  }
  const { keys } = value
  if (!Array.isArray(keys) || keys.length === 0) throw malformed(path, 'holds no list of keys')
  const entries = keys.map((entry: unknown, index) => parseEntry(path, entry, index + 1))
  const twice = (member: keyof Entry) => {
    const seen = new Set<string>()
    return entries.find((entry) => seen.size === seen.add(entry[member]).size)
  }
  const sameId = twice('id')
  if (sameId !== undefined) {
    const message = `The keyring file ${path} holds the id ${sameId.id} twice; take out the entry that is wrong.`
    throw new KeyringFileError('keyring_duplicate_id', message)
  }
  const sameKey = twice('key')
  if (sameKey !== undefined) {
    const message = `The keyring file ${path} holds the key of ${sameKey.id} under another id too; restore the file.`
    throw new KeyringFileError('keyring_duplicate_key', message)
  }
  return entries
}

function parseEntry(path: string, value: unknown, position: number): Entry {
  if (!isRecord(value)) throw malformed(path, `has no object at key ${position}`)
  const { id, key, createdAt } = value
  if (typeof id !== 'string' || !UUID.test(id) || /^[0-]+$/.test(id)) {
    throw malformed(path, `has no lower-case uuid as id at key ${position}`)
  }
  if (typeof createdAt !== 'string' || !ISO_TIME.test(createdAt) || Number.isNaN(Date.parse(createdAt))) {
    throw malformed(path, `has no UTC time as createdAt at key ${position}`)
  }
  if (typeof key !== 'string' || Buffer.from(key, 'base64url').toString('base64url') !== key) {
    throw malformed(path, `has no base64url as key at key ${position}`)
  }
  const raw = Buffer.from(key, 'base64url')
  if (raw.length !== 32) {
    const message = `Key ${id} in the keyring file ${path} has ${raw.length} bytes instead of 32; restore the file.`
    throw new KeyringFileError('keyring_key_length', message)
  }
  if (isWeak(raw)) {
    const message = `Key ${id} in the keyring file ${path} is not random; have the service make the file instead of writing it by hand.`
    throw new KeyringFileError('keyring_weak_key', message)
  }
  return { id, key, createdAt }
}

/** Patterns that people type and random bytes don't show (less than once in 10¹²): repetition, counting, readable text. */
function isWeak(raw: Uint8Array): boolean {
  const step = (at: number) => ((raw[at] ?? 0) - (raw[at - 1] ?? 0)) & 0xff
  return (
    new Set(raw).size <= 16 ||
    raw.every((_, at) => at < 2 || step(at) === step(1)) ||
    raw.every((byte) => byte >= 0x20 && byte < 0x7f)
  )
}

/** The id of the key made last; of two made at once, the one further down. */
function newest(entries: readonly Entry[]): KekId {
  const [first, ...rest] = entries
  if (first === undefined) throw new RangeError('a keyring holds at least one key')
  return rest.reduce((a, b) => (Date.parse(b.createdAt) >= Date.parse(a.createdAt) ? b : a), first).id
}

function freshEntry(): Entry {
  return {
    id: randomId(),
    key: Buffer.from(mintKey()).toString('base64url'),
    createdAt: new Date().toISOString(),
  }
}

/** The uuid's 16 bytes are the key id in each envelope. */
function toSealingKeys(entries: readonly Entry[]): Map<KekId, SealingKey> {
  return new Map(
    entries.map(({ id, key }) => [
      id,
      sealingKey(Buffer.from(id.replaceAll('-', ''), 'hex'), Buffer.from(key, 'base64url')),
    ]),
  )
}

/** Reads, edits and replaces the file under a lock: two changes at once would lose a key, and with it all that it wrapped. */
async function change(path: string, edit: (entries: Entry[]) => Entry[]): Promise<void> {
  const lock = `${path}.lock`
  await withWriteErrors(path, async () => {
    const held = await open(lock, 'wx', 0o600).catch((cause: unknown) => {
      if (codeOf(cause) !== 'EEXIST') throw cause
      const message = `Another change of ${path} is under way; if there is none, delete ${lock} and try again.`
      throw new KeyringFileError('keyring_locked', message, cause)
    })
    try {
      await writeDurably(path, edit(await readEntries(path)), rename)
    } finally {
      await held.close()
      await unlink(lock)
    }
  })
}

/** Writes a temporary file beside `path`, syncs it, lets `publish` give it its name, and syncs the folder. */
async function writeDurably(
  path: string,
  keys: readonly Entry[],
  publish: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${mint(16)}`)
  const file = await open(temporary, 'wx', 0o600)
  try {
    try {
      await file.writeFile(`${JSON.stringify({ version: 1, keys }, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await publish(temporary, path)
  } finally {
    await unlink(temporary).catch(() => undefined)
  }
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function withWriteErrors(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (cause) {
    if (cause instanceof KeyringFileError) throw cause
    if (codeOf(cause) === 'EEXIST') {
      const message = `There is a keyring file at ${path} already; it is never overwritten, so choose another path or add a key to it.`
      throw new KeyringFileError('keyring_exists', message, cause)
    }
    const message = `The keyring file ${path} can't be written; let the user that runs this command write to its folder.`
    throw new KeyringFileError('keyring_unwritable', message, cause)
  }
}

function malformed(path: string, what: string): KeyringFileError {
  return new KeyringFileError(
    'keyring_malformed',
    `The keyring file ${path} ${what}; restore it from its last good copy.`,
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function codeOf(error: unknown): unknown {
  return isRecord(error) ? error['code'] : undefined
}
