// One unit of work per request: what was read is remembered, what is written waits until the answer is ready and leaves together
// with it. If a condition fails, nothing was written and the prepared answer gives way to an error.
import { AsyncLocalStorage } from 'node:async_hooks'
import { EnvelopeError } from '../crypto/envelope.ts'
import type { AccountRow, IdentityRow, RecordRow, RecordView } from '../core/ports.ts'
import type { MinimalFields, SignedIn } from '../core/model.ts'
import type { RecordBody } from '../core/record-seal.ts'
import { newUnit, type UnitDraft } from '../core/unit.ts'

export type KnownPerson = {
  readonly account: AccountRow
  readonly identity?: IdentityRow
  /** Opened at most once per request. */
  profile?: MinimalFields
}

export type Work = {
  readonly unit: UnitDraft
  /** Rows read in this request by `model:digest`; undefined means: looked for and not there. */
  readonly rows: Map<string, RecordRow | undefined>
  readonly people: Map<string, KnownPerson>
  /** Pairwise subjects by `account sector`. */
  readonly subjects: Map<string, string>
  /** Bodies of the session and the interaction as read, to tell what changed. */
  session?: { readonly row: RecordRow; readonly body: RecordBody }
  interaction?: { readonly row: RecordRow; readonly body: RecordBody }
  /** The session as this request leaves it. */
  savedSession?: { readonly id: string; readonly body: RecordBody }
  /** Who is signed in: the session's person, or the one who has just come from upstream. */
  signedIn?: SignedIn
  readonly grants: Map<string, RecordBody>
  /** What could not be asked (database, KMS): the library turns it into a 500, we into a 503. */
  failure?: unknown
}

/** Notes a failure of what lies outside, then throws it on. */
export async function noting<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    // A sealed value that doesn't open is its reader's to judge, not a failure of the whole request.
    if (!(error instanceof EnvelopeError)) currentWork().failure = error
    throw error
  }
}

const storage = new AsyncLocalStorage<Work>()

export const inWork = <T>(run: () => Promise<T>): Promise<T> =>
  storage.run(
    { unit: newUnit(), rows: new Map(), people: new Map(), subjects: new Map(), grants: new Map() },
    run,
  )

export function currentWork(): Work {
  const work = storage.getStore()
  if (work === undefined) throw new TypeError('a record was touched outside a request')
  return work
}

export const rowKey = (model: string, digest: Uint8Array): string =>
  `${model}:${Buffer.from(digest).toString('hex')}`

/** Remembers a row and all that came with it. */
export function remember(work: Work, view: RecordView): void {
  const { record, grant, session, account, identity, subject } = view
  work.rows.set(rowKey(record.model, record.idDigest), record)
  if (record.uidDigest !== undefined) work.rows.set(rowKey('Session uid', record.uidDigest), record)
  if (record.grantDigest !== undefined) work.rows.set(rowKey('Grant', record.grantDigest), grant)
  if (record.sessionDigest !== undefined) work.rows.set(rowKey('Session uid', record.sessionDigest), session)
  if (account !== undefined)
    work.people.set(account.id, { account, ...(identity === undefined ? {} : { identity }) })
  if (subject !== undefined) work.subjects.set(`${subject.accountId} ${subject.sector}`, subject.subject)
}
