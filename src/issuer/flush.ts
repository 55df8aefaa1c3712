// The end of a request: its unit of work is applied, before the answer leaves. Where two tabs wrote one session, the later one merges
// and comes again, or starts over if both can't stand; where a single-use value was used already, the answer gives way to an error.
import type { UnitOutcome } from '../core/ports.ts'
import { openSession } from '../core/record-seal.ts'
import { authorizationsOf, replace, sessionRow } from './adapter.ts'
import type { AdapterDeps } from './adapter.ts'
import type { Work } from './work.ts'

const MERGE_ROUNDS = 5

/**
 * Applies the request's unit; `written` when there was nothing to write. `session_stale`: nothing was written, and the same request
 * may come again. Throws what the database throws.
 */
export async function flush(deps: AdapterDeps, work: Work): Promise<UnitOutcome> {
  settle(work)
  if (isEmpty(work)) return 'written'
  for (let round = 0; round < MERGE_ROUNDS; round += 1) {
    const outcome = await deps.records.apply(work.unit)
    if (outcome !== 'session_stale') return outcome
    const merged = await mergeSession(deps, work)
    if (merged !== 'merged') return merged
  }
  return 'session_gone'
}

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.from(a).equals(b)

function settle({ unit, session }: Work): void {
  const saved = (model: string, digest: Uint8Array): boolean =>
    unit.records.some(
      (row) => row.model === model && same(model === 'Session' ? row.uidDigest : row.idDigest, digest),
    )
  const unique = (digests: Uint8Array[], model: string): Uint8Array[] =>
    digests.filter(
      (digest, at) => !saved(model, digest) && digests.findIndex((other) => same(other, digest)) === at,
    )
  unit.requireGrants.splice(0, Infinity, ...unique(unit.requireGrants, 'Grant'))
  unit.requireSessions.splice(0, Infinity, ...unique(unit.requireSessions, 'Session'))
  // A session that changes its cookie value keeps its row: the library's destroy of the old value is part of that.
  const renewed = session?.row.uidDigest !== undefined && saved('Session', session.row.uidDigest)
  const destroy = unit.destroy.filter(
    ({ model, idDigest }) => !(model === 'Session' && renewed && same(idDigest, session?.row.idDigest)),
  )
  unit.destroy.splice(0, Infinity, ...destroy)
}

const isEmpty = ({ unit }: Work): boolean =>
  Object.entries(unit).every(
    ([key, value]) =>
      key === 'requireGrants' || key === 'requireSessions' || (Array.isArray(value) && value.length === 0),
  )

/**
 * Takes up what another tab wrote to the same session. `session_gone` when it has ended or become another person's; `session_stale`
 * when the tab gave the session a new cookie value, or one of our apps another grant: an app has one grant in a session, so one of the
 * two codes would be dead.
 */
async function mergeSession(
  deps: AdapterDeps,
  work: Work,
): Promise<'merged' | 'session_gone' | 'session_stale'> {
  const ours = work.savedSession
  const uid = ours?.body.payload['uid']
  const row = work.unit.records.find(({ model }) => model === 'Session')
  if (ours === undefined || typeof uid !== 'string' || row?.uidDigest === undefined) return 'session_gone'
  const view = await deps.records.findSessionByUid(row.uidDigest)
  if (view === undefined) return 'session_gone'
  const theirs = openSession(view.record, { uid })
  if (theirs.payload['accountId'] !== ours.body.payload['accountId']) return 'session_gone'
  const isRenewed = !same(work.session?.row.idDigest, view.record.idDigest)
  const mine = authorizationsOf(ours.body)
  const other = authorizationsOf(theirs)
  const hasOtherGrant = Object.entries(mine).some(
    ([clientId, { grantId }]) => other[clientId] !== undefined && other[clientId].grantId !== grantId,
  )
  if (isRenewed || hasOtherGrant) return 'session_stale'
  const payload = { ...ours.body.payload, authorizations: { ...other, ...mine } }
  work.session = { row: view.record, body: theirs }
  work.savedSession = { id: ours.id, body: { ...ours.body, payload } }
  replace(work, sessionRow(work, ours.id, work.savedSession.body, { ...row, version: view.record.version }))
  return 'merged'
}
