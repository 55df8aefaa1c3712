// The keyring: data keys and server keys, each wrapped by the KEK of an epoch through the port `Kek`.
// Invariants: a wrapped key opens only under its own KEK, for its own account or server key; an open data key stays in memory no
// longer than the cache's lifetime, and not past `forget`. Which epoch is active is the database's business, not ours.
import { sealingKey, type SealContext, type SealingKey } from './envelope.ts'
import { mintKey, mintKeyId } from './secrets.ts'

/** The name of one KEK at its keeper: a uuid in a keyring file, a key name at Vault, a key ARN or URL in a cloud. Never a key version. */
export type KekId = string

/** `kek_unknown`: the keeper has no such key. `kek_refused`: it has, and the wrapped key doesn't open. `kek_unavailable`: ask again later. */
export type KekErrorCode = 'kek_unknown' | 'kek_refused' | 'kek_unavailable'

/** What every implementation of `Kek` throws, and nothing else. The message names key ids, never keys. */
export class KekError extends Error {
  override readonly name = 'KekError'
  readonly code: KekErrorCode
  constructor(code: KekErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/**
 * The port to whoever keeps the KEKs. All methods throw KekError. Implementations bind `context` (as additional data or
 * encryption context) wherever the keeper takes one, and fail within seconds rather than hang.
 */
export type Kek = {
  /** The key to open the next epoch with: the newest the keeper has. */
  current(): Promise<KekId>
  /** Whether this replica can use the key now. An epoch may become active once every replica says yes. */
  has(id: KekId): Promise<boolean>
  /** `key` (32 bytes) wrapped under `id`; at most 1024 bytes. */
  wrap(id: KekId, context: SealContext, key: Uint8Array): Promise<Uint8Array>
  /** The key that `wrap` wrapped under the same id and context. */
  unwrap(id: KekId, context: SealContext, wrapped: Uint8Array): Promise<Uint8Array>
}

/** A new data key and what to store of it. `keyId` is 16 random bytes and stands in the header of all it seals. */
export type NewDataKey = { key: SealingKey; keyId: Uint8Array; wrapped: Uint8Array; epoch: KekId }

/** `signing` seals signing keys and client secrets; the others are as in the design. */
export type ServerKeyKind = 'index' | 'cookie' | 'audit' | 'log' | 'signing'

/** Which server key: its row's id is part of what its wrapping is bound to. */
export type ServerKeyName = { kind: ServerKeyKind; id: string }

export type Keyring = ReturnType<typeof createKeyring>

/**
 * A keyring over `kek`, with a cache of at most `cacheSize` open data keys (0: none), each for at most `cacheTtlMs`
 * milliseconds from the moment its keeper was asked. `clock` gives milliseconds and never runs backwards by much.
 */
export function createKeyring(options: {
  kek: Kek
  cacheSize: number
  cacheTtlMs: number
  clock: () => number
}) {
  const { kek, cacheSize, cacheTtlMs, clock } = options
  if (!Number.isInteger(cacheSize) || cacheSize < 0) throw new RangeError('cacheSize is 0 or more, and whole')
  if (!(cacheTtlMs >= 0 && Number.isFinite(cacheTtlMs))) throw new RangeError('cacheTtlMs is 0 or more')

  const limit = cacheTtlMs === 0 ? 0 : cacheSize
  // One entry per account, least recently used first.
  const cache = new Map<string, { key: SealingKey; askedAt: number }>()
  // The latest unwrap under way per account: `forget` drops it, so that its result is used once and not kept.
  const loading = new Map<string, object>()

  function cached(accountId: string, keyId: Uint8Array): SealingKey | undefined {
    const entry = cache.get(accountId)
    if (entry === undefined) return undefined
    const age = clock() - entry.askedAt
    cache.delete(accountId)
    // A clock set back makes the age negative: then the entry's deadline can't be trusted.
    if (age < 0 || age >= cacheTtlMs || !Buffer.from(entry.key.id).equals(keyId)) return undefined
    cache.set(accountId, entry)
    return entry.key
  }

  function keep(accountId: string, key: SealingKey, askedAt: number): void {
    cache.delete(accountId)
    cache.set(accountId, { key, askedAt })
    for (const oldest of cache.keys()) {
      if (cache.size <= limit) return
      cache.delete(oldest)
    }
  }

  return {
    /**
     * A fresh data key for an account, wrapped under `epoch` (the keeper's current key unless told). Not cached: the row it
     * belongs to is not committed yet. Throws KekError.
     */
    async newDataKey(accountId: string, epoch?: KekId): Promise<NewDataKey> {
      const id = epoch ?? (await kek.current())
      const keyId = mintKeyId()
      const raw = mintKey()
      const wrapped = await kek.wrap(id, dataKeyContext(accountId, keyId, id), raw)
      return { key: takeKey(keyId, raw), keyId, wrapped, epoch: id }
    },

    /**
     * The data key of an account, from the columns of its `account_key` row, which the caller has just read: a row that is
     * gone must not be asked for here. Throws KekError.
     */
    async openDataKey(
      accountId: string,
      epoch: KekId,
      keyId: Uint8Array,
      wrapped: Uint8Array,
    ): Promise<SealingKey> {
      const hit = cached(accountId, keyId)
      if (hit !== undefined) return hit
      const ticket = {}
      loading.set(accountId, ticket)
      try {
        const askedAt = clock()
        const key = takeKey(keyId, await kek.unwrap(epoch, dataKeyContext(accountId, keyId, epoch), wrapped))
        if (loading.get(accountId) === ticket) keep(accountId, key, askedAt)
        return key
      } finally {
        if (loading.get(accountId) === ticket) loading.delete(accountId)
      }
    },

    /** The same data key wrapped under another epoch: what to store as `wrapped` beside `to`. Past the cache, both ways. Throws KekError. */
    async rewrapDataKey(
      accountId: string,
      from: KekId,
      to: KekId,
      keyId: Uint8Array,
      wrapped: Uint8Array,
    ): Promise<Uint8Array> {
      const raw = await kek.unwrap(from, dataKeyContext(accountId, keyId, from), wrapped)
      const rewrapped = await kek.wrap(to, dataKeyContext(accountId, keyId, to), raw)
      raw.fill(0)
      return rewrapped
    },

    /** Drops an account's open data key, also one that is being unwrapped just now. Called when the key's row is deleted. */
    forget(accountId: string): void {
      cache.delete(accountId)
      loading.delete(accountId)
    },

    /** Drops every open data key whose time is over. Called now and then, since a key that nobody asks for is not looked at. */
    sweep(): void {
      const now = clock()
      for (const [accountId, { askedAt }] of cache) {
        if (now < askedAt || now - askedAt >= cacheTtlMs) cache.delete(accountId)
      }
    },

    /** How many open data keys are in memory. */
    cachedKeys(): number {
      return cache.size
    },

    /** A server key (32 bytes) wrapped under `epoch` (the keeper's current key unless told). Throws KekError. */
    async wrapServerKey(
      name: ServerKeyName,
      rawKey: Uint8Array,
      epoch?: KekId,
    ): Promise<{ wrapped: Uint8Array; epoch: KekId }> {
      checkKey(rawKey)
      const id = epoch ?? (await kek.current())
      return { wrapped: await kek.wrap(id, serverKeyContext(name, id), rawKey), epoch: id }
    },

    /** The 32 bytes that `wrapServerKey` wrapped under the same name and epoch. Opened at start and kept by the caller. Throws KekError. */
    async openServerKey(name: ServerKeyName, epoch: KekId, wrapped: Uint8Array): Promise<Uint8Array> {
      return checkKey(await kek.unwrap(epoch, serverKeyContext(name, epoch), wrapped))
    },
  }
}

/** The place of a data key: its account and its own id, under one KEK. */
function dataKeyContext(account: string, keyId: Uint8Array, epoch: KekId): SealContext {
  return {
    purpose: 'data-key',
    account,
    table: 'account_key',
    column: 'key_sealed',
    row: Buffer.from(keyId).toString('hex'),
    keyVersion: epoch,
  }
}

/** The place of a server key. Kinds hold no slash, so kind and id can't be told apart in two ways. */
function serverKeyContext(name: ServerKeyName, epoch: KekId): SealContext {
  return {
    purpose: 'server-key',
    account: '',
    table: 'server_key',
    column: 'key_sealed',
    row: `${name.kind}/${name.id}`,
    keyVersion: epoch,
  }
}

/** A sealing key from raw bytes, which are overwritten. */
function takeKey(keyId: Uint8Array, raw: Uint8Array): SealingKey {
  const key = sealingKey(keyId, checkKey(raw))
  raw.fill(0)
  return key
}

function checkKey(raw: Uint8Array): Uint8Array {
  if (raw.length !== 32) throw new KekError('kek_refused', 'a wrapped key has 32 bytes, this one has not')
  return raw
}
