// The person behind a request: their row (read with whatever led to them), their data key and, once, their profile.
import { EnvelopeError, type SealingKey } from '../crypto/envelope.ts'
import type { Keyring } from '../crypto/keyring.ts'
import type { MinimalFields } from '../core/model.ts'
import { openProfile } from '../core/profile.ts'
import type { KnownPerson, Work } from './work.ts'

type Deps = { readonly keyring: Keyring; readonly refused: (what: string, error: EnvelopeError) => void }

/** The account's data key. Throws EnvelopeError when the account or its key is gone: what it sealed opens no more. */
export async function dataKeyOf(
  deps: Pick<Deps, 'keyring'>,
  work: Work,
  accountId: string,
): Promise<SealingKey> {
  const person = work.people.get(accountId)
  if (person === undefined) throw new EnvelopeError('envelope_wrong_key', 'the account is gone')
  const { id, epoch, keyId, wrappedKey } = person.account
  return deps.keyring.openDataKey(id, epoch, keyId, wrappedKey)
}

/** Someone who may act: their account and identity are there and active. A restricted account can't be used, only kept. */
export function activePerson(
  work: Work,
  accountId: string,
): Required<Pick<KnownPerson, 'account' | 'identity'>> | undefined {
  const person = work.people.get(accountId)
  if (person?.account.state !== 'active' || person.identity?.state !== 'active') return undefined
  return { account: person.account, identity: person.identity }
}

/** Whether the account's data key opens. Without it there is neither a grant nor a claim, so its person is treated as gone. */
export async function hasDataKey(deps: Deps, work: Work, accountId: string): Promise<boolean> {
  try {
    await dataKeyOf(deps, work, accountId)
    return true
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error
    deps.refused('account_key', error)
    return false
  }
}

/** The kept fields, or undefined where the row does not open (altered, moved): then there are no claims, and the log names it. */
export async function profileOf(
  deps: Deps,
  work: Work,
  accountId: string,
): Promise<MinimalFields | undefined> {
  const person = work.people.get(accountId)
  if (person?.identity === undefined) return undefined
  if (person.profile !== undefined) return person.profile
  try {
    const key = await dataKeyOf(deps, work, accountId)
    const place = { accountId, identityId: person.identity.id }
    person.profile = openProfile(key, place, person.identity.profileSealed)
    return person.profile
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error
    deps.refused('identity', error)
    return undefined
  }
}
