// The keys that the broker itself needs: index, cookie and signing keys. Made at the first start, opened at every start and held in
// memory, so that ending access never has to ask a KMS.
import { EnvelopeError, sealingKey, type SealingKey } from '../crypto/envelope.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { mintKey, randomId, secretKey, type SecretKey } from '../crypto/secrets.ts'
import { newSigningKey, openSigningKey } from '../crypto/signing-keys.ts'
import { BrokerError } from './errors.ts'
import type { Keys, ServerKeyRow } from './ports.ts'

export type ServerKeys = {
  readonly epoch: string
  /** Newest first; an insert writes a value under each. */
  readonly indexKeys: readonly { readonly version: string; readonly key: SecretKey }[]
  /** Newest first, as base64url. */
  readonly cookieKeys: readonly string[]
  /** Seals client secrets and signing keys. */
  readonly sealing: { readonly id: string; readonly key: SealingKey }
  /** Private JWKs: the active key of each algorithm first. */
  readonly signingJwks: readonly Record<string, unknown>[]
}

const KINDS = ['index', 'cookie', 'signing'] as const

/** Opens all server keys, making what is missing. `kek` is the KEK to open the first epoch with. Throws KekError, `keys_unavailable`. */
export async function openServerKeys(keys: Keys, keyring: Keyring, kek: string): Promise<ServerKeys> {
  if ((await keys.activeEpoch()) === undefined) await keys.addActiveEpoch(kek)
  const epoch = await keys.activeEpoch()
  if (epoch === undefined) throw new BrokerError('keys_unavailable', { detail: 'no epoch is active' })

  let rows = await keys.serverKeys()
  for (const kind of KINDS) {
    if (rows.some((row) => row.kind === kind && row.state === 'active')) continue
    const id = randomId()
    const raw = mintKey()
    const { wrapped } = await keyring.wrapServerKey({ kind, id }, raw, epoch)
    raw.fill(0)
    await keys.addServerKey({ id, kind, state: 'active', epoch, keySealed: wrapped })
  }
  rows = await keys.serverKeys()

  const opened = async (kind: ServerKeyRow['kind']) =>
    Promise.all(
      rows
        .filter((row) => row.kind === kind)
        .map(async (row) => ({
          row,
          raw: await keyring.openServerKey({ kind, id: row.id }, row.epoch, row.keySealed),
        })),
    )
  const [index, cookie, signing] = [await opened('index'), await opened('cookie'), await opened('signing')]
  const newest = signing[0]
  if (newest === undefined) throw new BrokerError('keys_unavailable', { detail: 'no signing server key' })
  const sealing = { id: newest.row.id, key: sealingKey(uuidBytes(newest.row.id), newest.raw) }
  const byId = new Map(signing.map(({ row, raw }) => [row.id, sealingKey(uuidBytes(row.id), raw)]))
  return {
    epoch,
    indexKeys: index.map(({ row, raw }) => ({ version: row.id, key: secretKey(raw) })),
    cookieKeys: cookie.map(({ raw }) => Buffer.from(raw).toString('base64url')),
    sealing,
    signingJwks: await signingJwks(keys, sealing, byId),
  }
}

async function signingJwks(
  keys: Keys,
  sealing: ServerKeys['sealing'],
  byId: ReadonlyMap<string, SealingKey>,
) {
  let rows = await keys.signingKeys()
  for (const alg of ['ES256', 'RS256'] as const) {
    if (rows.some((row) => row.alg === alg && row.state === 'active')) continue
    const made = await newSigningKey(alg, sealing.key)
    await keys.addSigningKey({ ...made, state: 'active', serverKey: sealing.id })
  }
  rows = await keys.signingKeys()
  // The library signs with the first key that fits (oidc-provider.md §7).
  return rows
    .toSorted((a, b) => Number(b.state === 'active') - Number(a.state === 'active'))
    .map((row) => {
      const key = byId.get(row.serverKey)
      if (key === undefined)
        throw new BrokerError('keys_unavailable', {
          detail: `signing key ${row.kid} lies under an unknown key`,
        })
      try {
        return openSigningKey(key, row.kid, row.privateSealed)
      } catch (cause) {
        if (!(cause instanceof EnvelopeError)) throw cause
        throw new BrokerError('keys_unavailable', { detail: `signing key ${row.kid} does not open`, cause })
      }
    })
}

const uuidBytes = (id: string): Uint8Array => Buffer.from(id.replaceAll('-', ''), 'hex')
