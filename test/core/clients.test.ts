// Applying apps: what changed is stored, what is gone is removed, and the same again changes nothing.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { sealingKey } from '../../src/crypto/envelope.ts'
import { mintKey, mintKeyId } from '../../src/crypto/secrets.ts'
import { applyClients, loadClients } from '../../src/core/clients.ts'
import type { Client } from '../../src/core/model.ts'
import type { ClientRow, Clients } from '../../src/core/ports.ts'

const sealing = { id: 'key-1', key: sealingKey(mintKeyId(), mintKey()) }

function memory(): Clients & { rows: Map<string, ClientRow>; written: string[] } {
  const rows = new Map<string, ClientRow>()
  const written: string[] = []
  return {
    rows,
    written,
    all: async () => [...rows.values()],
    async replace(changed, keep) {
      for (const row of changed) {
        rows.set(row.id, row)
        written.push(row.id)
      }
      const removed = [...rows.keys()].filter((id) => !keep.includes(id))
      for (const id of removed) rows.delete(id)
      return { removed }
    },
  }
}

const client = (id: string, changed: Partial<Client> = {}): Client => ({
  id,
  name: id,
  enabled: true,
  kind: 'confidential',
  authMethod: 'client_secret_basic',
  secret: 'k3Zb7Qm0y5Tn8Wc1Vx4Rf6Hd9Lp2Js0G',
  redirectUris: ['https://a.example/cb', 'https://a.example/other'],
  postLogoutRedirectUris: [],
  sector: id,
  scopes: ['profile'],
  resources: { 'https://api.example': { scopes: 'a', format: 'jwt', ttl: 300 } },
  idTokenAlg: 'ES256',
  requirePkce: true,
  requirePar: false,
  dpop: false,
  refreshTokens: false,
  rotateRefreshTokens: false,
  leeway: 0,
  acceptUnprovenAuthTime: false,
  admission: { connectors: [], tenants: [], domains: [] },
  ...changed,
})
const revisionOf = async (given: Client): Promise<string> => {
  const store = memory()
  await applyClients(store, [given], sealing)
  return Buffer.from(store.rows.get(given.id)?.revision ?? []).toString('hex')
}

describe('applyClients()', () => {
  test('says what it added, changed, removed and left', async () => {
    const store = memory()
    const first = await applyClients(store, [client('a'), client('b'), client('c')], sealing)
    expect(first).toEqual({ added: ['a', 'b', 'c'], changed: [], removed: [], unchanged: [] })
    const wanted = [client('a'), client('b', { name: 'B' }), client('d')]
    expect(await applyClients(store, wanted, sealing)).toEqual({
      added: ['d'],
      changed: ['b'],
      removed: ['c'],
      unchanged: ['a'],
    })
  })

  test('writes nothing the second time', async () => {
    const store = memory()
    await applyClients(store, [client('a'), client('b')], sealing)
    store.written.length = 0
    expect((await applyClients(store, [client('b'), client('a')], sealing)).unchanged).toEqual(['b', 'a'])
    expect(store.written).toEqual([])
  })

  test('knows an app again in whatever order its keys stand', async () => {
    const expected = await revisionOf(client('a'))
    const keys = Object.keys(client('a'))
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(keys, { minLength: keys.length }), async (order) => {
        const given = client('a') as unknown as Record<string, unknown>
        const { 'https://api.example': api } = client('a').resources
        const shuffled = {
          ...Object.fromEntries(order.map((key) => [key, given[key]])),
          resources: { 'https://api.example': { ttl: api?.ttl, format: api?.format, scopes: api?.scopes } },
        }
        expect(await revisionOf(shuffled as unknown as Client)).toBe(expected)
      }),
      { numRuns: 20 },
    )
  })

  test.each<Partial<Client>>([
    { secret: 'k3Zb7Qm0y5Tn8Wc1Vx4Rf6Hd9Lp2Js0H' },
    { enabled: false },
    { redirectUris: ['https://a.example/other', 'https://a.example/cb'] },
    { admission: { connectors: ['google'], tenants: [], domains: [] } },
    { resources: {} },
  ])('takes %j for a change', async (changed) => {
    expect(await revisionOf(client('a', changed))).not.toBe(await revisionOf(client('a')))
  })

  test('stores no secret in clear', async () => {
    const store = memory()
    const { secret = '' } = client('a')
    await applyClients(store, [client('a')], sealing)
    expect(store.rows.get('a')).toMatchObject({ serverKey: 'key-1' })
    expect(store.rows.get('a')?.settings).not.toHaveProperty('secret')
    for (const value of Object.values(store.rows.get('a') ?? {}))
      expect(Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).includes(secret)).toBe(
        false,
      )
  })
})

describe('loadClients()', () => {
  test('gives back what was applied', async () => {
    const store = memory()
    const { secret: _none, ...open } = client('b', { kind: 'public', authMethod: 'none' })
    await applyClients(store, [client('a'), open], sealing)
    expect([...(await loadClients(store, sealing)).values()]).toEqual([client('a'), open])
  })

  test("opens no secret in another app's row", async () => {
    const store = memory()
    await applyClients(store, [client('a'), client('b')], sealing)
    const [a, b] = [store.rows.get('a'), store.rows.get('b')]
    if (a?.secretSealed === undefined || b === undefined) throw new Error('not stored')
    store.rows.set('b', { ...b, secretSealed: a.secretSealed })
    await expect(loadClients(store, sealing)).rejects.toThrow(/does not open/)
  })
})
