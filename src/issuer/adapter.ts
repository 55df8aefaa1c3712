// oidc-provider's adapter: digests for ids, sealed payloads, plain columns for what we must find without a bearer value. Reads are
// remembered and writes wait in the request's unit of work (work.ts). A row that doesn't open is treated as absent and named in the
// log: a throw here would be a 500 for that browser (oidc-provider.md §1, §4).
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider'
import type { Keyring } from '../crypto/keyring.ts'
import { EnvelopeError } from '../crypto/envelope.ts'
import type { Client } from '../core/model.ts'
import type { Clock, RecordRow, Records } from '../core/ports.ts'
import {
  openByBearer,
  openGrant,
  openSession,
  recordDigest,
  sealByBearer,
  sealGrant,
  sealSession,
  sessionUidDigest,
  type RecordBody,
} from '../core/record-seal.ts'
import { dataKeyOf } from './people.ts'
import { currentWork, remember, rowKey, type Work } from './work.ts'

export type AdapterDeps = {
  readonly records: Records
  readonly keyring: Keyring
  readonly clock: Clock
  readonly clients: () => ReadonlyMap<string, Client>
  /** Told of each row that did not open. */
  readonly refused: (model: string, error: EnvelopeError) => void
}

type Payload = Record<string, unknown>

const SINGLE_USE = new Set(['AuthorizationCode', 'RefreshToken', 'PushedAuthorizationRequest', 'DeviceCode'])

export function createAdapter(deps: AdapterDeps, model: string): Adapter {
  const nowSeconds = (): number => Math.floor(deps.clock() / 1000)

  async function row(work: Work, digest: Uint8Array): Promise<RecordRow | undefined> {
    const key = rowKey(model, digest)
    if (work.rows.has(key)) return work.rows.get(key)
    const view = await deps.records.find(model, digest)
    if (view === undefined) work.rows.set(key, undefined)
    else remember(work, view)
    return view?.record
  }

  async function opened(
    found: RecordRow,
    open: () => RecordBody | Promise<RecordBody>,
  ): Promise<RecordBody | undefined> {
    try {
      return await open()
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      deps.refused(found.model, error)
      return undefined
    }
  }

  async function find(id: string): Promise<AdapterPayload | undefined> {
    // A bearer value of ours has 43 characters; what is shorter than the least is no bearer value.
    if (id.length < 22) return undefined
    const work = currentWork()
    const found = await row(work, recordDigest(model, id))
    if (found === undefined) return undefined
    const body = await opened(found, async () => {
      if (model === 'Session') return openSession(found, { id })
      if (model !== 'Grant') return openByBearer(found, id)
      const accountId = found.accountId ?? ''
      return openGrant(await dataKeyOf(deps, work, accountId), accountId, found, id)
    })
    if (body === undefined) return undefined
    if (model === 'Grant') {
      work.grants.set(id, body)
      // At the token endpoint there is no session: the grant says who signed in.
      if (work.signedIn === undefined && body.signedIn !== undefined) work.signedIn = body.signedIn
    }
    if (model === 'Session') keepSession(work, found, body)
    if (model === 'Interaction') {
      work.interaction = { row: found, body }
      // Whoever has just come from upstream is the session's person from here on.
      if (body.signedIn !== undefined) work.signedIn = body.signedIn
    }
    return { ...body.payload, ...consumedOf(found) }
  }

  function consumedOf(found: RecordRow): { consumed?: number } {
    if (found.consumedAt === undefined) return {}
    // Within a client's leeway the value looks unused; the compare-and-set at the end still lets one use win.
    return nowSeconds() - found.consumedAt < leewayOf(found) ? {} : { consumed: Math.floor(found.consumedAt) }
  }

  const leewayOf = (found: RecordRow): number =>
    found.model === 'RefreshToken' ? (deps.clients().get(found.clientId ?? '')?.leeway ?? 0) : 0

  async function upsert(id: string, payload: Payload, expiresIn: number): Promise<undefined> {
    const work = currentWork()
    const accountId = text(payload['accountId'])
    const grantId = text(payload['grantId'])
    const sessionUid = text(payload['sessionUid'])
    const params = payload['params'] as Payload | undefined
    const clientId = text(payload['clientId']) ?? text(params?.['client_id'])
    const body = bodyOf(work, id, payload)
    const columns = {
      model,
      idDigest: recordDigest(model, id),
      expiresAt: nowSeconds() + expiresIn,
      version: 0,
      ...(accountId === undefined ? {} : { accountId }),
      ...(accountId === undefined || work.signedIn === undefined
        ? {}
        : { identityId: work.signedIn.identityId }),
      ...(clientId === undefined ? {} : { clientId }),
      ...(grantId === undefined ? {} : { grantDigest: recordDigest('Grant', grantId) }),
      ...(sessionUid === undefined ? {} : { sessionDigest: sessionUidDigest(sessionUid) }),
    }
    // Every exchange and every code needs its grant (and, where bound to it, its session) to be there still at the end.
    if (columns.grantDigest !== undefined) work.unit.requireGrants.push(columns.grantDigest)
    if (columns.sessionDigest !== undefined && payload['expiresWithSession'] === true) {
      work.unit.requireSessions.push(columns.sessionDigest)
    }
    if (model === 'Session') {
      work.savedSession = { id, body }
      replace(work, sessionRow(work, id, body, columns))
    } else if (model === 'Grant' && accountId !== undefined) {
      const key = await dataKeyOf(deps, work, accountId)
      replace(work, { ...columns, payloadSealed: sealGrant(key, accountId, id, body) })
    } else {
      replace(work, { ...columns, payloadSealed: sealByBearer(model, id, body) })
    }
    return undefined
  }

  function bodyOf(work: Work, id: string, payload: Payload): RecordBody {
    // A sign-in travels with the session and its grants, sealed, and lives no longer than they do.
    const carriesSignIn = model === 'Session' || model === 'Grant'
    if (model === 'Interaction') {
      const isSame =
        work.interaction !== undefined &&
        Buffer.from(work.interaction.row.idDigest).equals(recordDigest(model, id))
      return isSame ? { ...work.interaction?.body, payload } : { payload }
    }
    return carriesSignIn && work.signedIn !== undefined ? { payload, signedIn: work.signedIn } : { payload }
  }

  return {
    find,
    upsert,
    async findByUid(uid) {
      const work = currentWork()
      const digest = sessionUidDigest(uid)
      const key = rowKey('Session uid', digest)
      if (!work.rows.has(key)) {
        const view = await deps.records.findSessionByUid(digest)
        if (view === undefined) work.rows.set(key, undefined)
        else remember(work, view)
      }
      const found = work.rows.get(key)
      if (found === undefined) return undefined
      const body = await opened(found, () => openSession(found, { uid }))
      return body?.payload
    },
    findByUserCode: () => Promise.resolve(undefined),
    async consume(id) {
      const work = currentWork()
      const idDigest = recordDigest(model, id)
      const found = await row(work, idDigest)
      // The error that oidc-provider's callers answer rightly (oidc-provider.md §4).
      if (found === undefined || !SINGLE_USE.has(model)) throw new errors.InvalidGrant('not found')
      // A JWT leaves no row that would need its grant: the code it is traded for does.
      if (found.grantDigest !== undefined) work.unit.requireGrants.push(found.grantDigest)
      work.unit.consume.push({
        model,
        idDigest,
        keepGrant: leewayOf(found) > 0,
        ...(found.grantDigest === undefined ? {} : { grantDigest: found.grantDigest }),
      })
    },
    destroy(id) {
      const work = currentWork()
      work.unit.destroy.push({ model, idDigest: recordDigest(model, id) })
      work.rows.set(rowKey(model, recordDigest(model, id)), undefined)
      return Promise.resolve(undefined)
    },
    revokeByGrantId(grantId) {
      const { unit } = currentWork()
      const digest = recordDigest('Grant', grantId)
      if (!unit.revokeGrants.some((known) => Buffer.from(known).equals(digest)))
        unit.revokeGrants.push(digest)
      return Promise.resolve(undefined)
    },
  }
}

/** The session's row as this request leaves it, with a row of `session_client` for each app that is new to it. */
export function sessionRow(
  work: Work,
  id: string,
  body: RecordBody,
  columns: Omit<RecordRow, 'payloadSealed'>,
): RecordRow {
  const uid = text(body.payload['uid']) ?? ''
  const sealed = sealSession(id, uid, body)
  const before = authorizationsOf(work.session?.body)
  work.unit.sessionClients.length = 0
  for (const [clientId, { sid, grantId }] of Object.entries(authorizationsOf(body))) {
    const known = before[clientId]
    if (sid === undefined || grantId === undefined || (known?.sid === sid && known.grantId === grantId))
      continue
    work.unit.sessionClients.push({
      sessionDigest: sealed.uidDigest,
      clientId,
      sid,
      grantDigest: recordDigest('Grant', grantId),
      expiresAt: columns.expiresAt,
    })
  }
  const isSame =
    work.session?.row.uidDigest !== undefined &&
    Buffer.from(work.session.row.uidDigest).equals(sealed.uidDigest)
  const { upstreamSidIndex } = body.signedIn ?? {}
  return {
    ...columns,
    ...sealed,
    version: isSame ? (work.session?.row.version ?? 0) : 0,
    ...(upstreamSidIndex === undefined ? {} : { upstreamSidIndex: Buffer.from(upstreamSidIndex, 'hex') }),
  }
}

export type Authorizations = Record<string, { sid?: string; grantId?: string }>
export const authorizationsOf = (body: RecordBody | undefined): Authorizations =>
  (body?.payload['authorizations'] as Authorizations | undefined) ?? {}

function keepSession(work: Work, row: RecordRow, body: RecordBody): void {
  work.session = { row, body }
  if (work.signedIn === undefined && body.signedIn !== undefined) work.signedIn = body.signedIn
}

/** One row per model and id in a unit: the last write counts. */
export function replace(work: Work, row: RecordRow): void {
  const { records } = work.unit
  const same = (other: RecordRow): boolean =>
    other.model === row.model &&
    (row.model === 'Session'
      ? Buffer.from(other.uidDigest ?? []).equals(row.uidDigest ?? new Uint8Array())
      : Buffer.from(other.idDigest).equals(row.idDigest))
  const index = records.findIndex(same)
  if (index === -1) records.push(row)
  else records[index] = row
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
