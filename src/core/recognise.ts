// The last step of a sign-in: a known person with a standing agreement is signed in with one write; everyone else's minimal profile
// waits, sealed in the interaction, until they agree (core/confirm.ts).
import { blindIndex } from '../crypto/secrets.ts'
import { reasonToAsk } from './agreement.ts'
import type { AuthTime } from './auth-time.ts'
import { BrokerError } from './errors.ts'
import { minimise } from './minimise.ts'
import {
  FIELDS,
  type Choices,
  type FieldName,
  type MinimalFields,
  type SignedIn,
  type UpstreamProfile,
} from './model.ts'
import type { IdentityView, IdentityWrite, UnitOutcome } from './ports.ts'
import {
  openProfile,
  pictureDigest,
  pictureIndex,
  pictureToken,
  sealPicture,
  sealProfile,
  type IdentityPlace,
} from './profile.ts'
import { interactionHandle, sessionUidDigest } from './record-seal.ts'
import {
  opened,
  resealInteraction,
  subjectIndex,
  type Finished,
  type Interaction,
  type Pending,
  type SignInDeps,
} from './interaction.ts'
import { EnvelopeError, type SealingKey } from '../crypto/envelope.ts'
import { newUnit, type UnitDraft } from './unit.ts'

const ALL: Choices = { picture: true, company: true }

export async function recogniseIdentity(
  deps: SignInDeps,
  interaction: Interaction,
  upstream: UpstreamProfile,
  times: AuthTime & { begunAt: number },
): Promise<Finished> {
  const view = await deps.identities.find(subjectIndex(deps.indexKeys, upstream))
  const known = view === undefined ? undefined : await openKnown(deps, view, upstream.providerUserId)
  const key = known?.key
  const previous = known?.profile
  const all = minimise(upstream, ALL, previous)
  const fields = fieldsOf(all, upstream.picture.state === 'known')
  const reason = reasonToAsk(view?.agreement, { ...deps.notice, fields })
  const sidIndex = upstreamSidIndex(deps, upstream)

  if (reason !== undefined || view === undefined || key === undefined) {
    const pending: Pending = {
      reason: reason ?? 'first_time',
      connector: upstream.connector,
      issuer: upstream.issuer,
      profile: all,
      ...(upstream.picture.state === 'unknown'
        ? {}
        : {
            picture:
              upstream.picture.state === 'known'
                ? Buffer.from(upstream.picture.value).toString('base64')
                : null,
          }),
      newFields: fields,
      facts: upstream.admission,
      authTime: times.authTime,
      authTimeProven: times.authTimeProven,
      ...(sidIndex === undefined ? {} : { upstreamSidIndex: sidIndex }),
      begunAt: times.begunAt,
    }
    const unit = newUnit()
    unit.records.push(resealInteraction(interaction, { ...interaction.body, pending }))
    check(await deps.records.apply(unit))
    return { kind: 'confirm', handle: interactionHandle(interaction.uid) }
  }

  const unit = newUnit()
  const profile = minimise(upstream, view.choices, previous)
  const picture = view.choices.picture ? upstream.picture : ({ state: 'empty' } as const)
  const write = identityWrite(
    key,
    placeOf(view),
    view.identity.connector,
    profile,
    picture.state === 'known' ? picture.value : picture.state === 'empty' ? null : undefined,
    times.begunAt,
  )
  unit.updateIdentity = write
  unit.pictureDigests.push(...pictureDigests(key, view, write))
  const signedIn: SignedIn = {
    accountId: view.account.id,
    identityId: view.identity.id,
    authTime: times.authTime,
    authTimeProven: times.authTimeProven,
    startedAt: Math.floor(deps.clock() / 1000),
    facts: upstream.admission,
    ...(sidIndex === undefined ? {} : { upstreamSidIndex: sidIndex }),
  }
  signIn(unit, interaction, signedIn)
  check(await deps.records.apply(unit))
  return { kind: 'resume', returnTo: interaction.returnTo }
}

/**
 * Adds to `unit` the interaction's result, as oidc-provider reads it on resuming. Where the browser's session is another person's it
 * ends here: two people never share a session.
 */
export function signIn(unit: UnitDraft, interaction: Interaction, signedIn: SignedIn): void {
  const { pending: _done, ...body } = interaction.body
  const { session, ...payload } = body.payload
  const before = session as { uid?: string; accountId?: string } | undefined
  const isSwitch = before?.uid !== undefined && before.accountId !== signedIn.accountId
  if (isSwitch && before.uid !== undefined) unit.endSessions.push(sessionUidDigest(before.uid))
  const result = {
    login: { accountId: signedIn.accountId, ts: signedIn.authTime, remember: true },
    consent: {},
    select_account: {},
  }
  unit.records.push(
    resealInteraction(
      interaction,
      {
        ...body,
        payload: { ...payload, ...(isSwitch || session === undefined ? {} : { session }), result },
        signedIn,
      },
      { accountId: signedIn.accountId, identityId: signedIn.identityId },
    ),
  )
}

/** The account's data key. Throws `account_unavailable` for one that is not active, `identity_revoked` for a disabled identity. */
export async function openAccount(
  deps: Pick<SignInDeps, 'keyring'>,
  { account, identity }: IdentityView,
): Promise<SealingKey> {
  if (account.state !== 'active') throw new BrokerError('account_unavailable')
  if (identity.state !== 'active') throw new BrokerError('identity_revoked')
  try {
    return await deps.keyring.openDataKey(account.id, account.epoch, account.keyId, account.wrappedKey)
  } catch (cause) {
    if (!(cause instanceof EnvelopeError)) throw cause
    throw new BrokerError('account_unavailable', { cause })
  }
}

/**
 * What is kept of an identity that an index led to, and its account's key. The index and the links between rows are plain columns: only
 * the sealed document proves that this upstream account is this person, so one that doesn't open, or names another, lets nobody in.
 * Throws as openAccount().
 */
export async function openKnown(
  deps: Pick<SignInDeps, 'keyring'>,
  view: IdentityView,
  providerUserId: string,
): Promise<{ key: SealingKey; profile: MinimalFields }> {
  const key = await openAccount(deps, view)
  const profile = opened('account_unavailable', () =>
    openProfile(key, placeOf(view), view.identity.profileSealed),
  )
  if (profile.providerUserId !== providerUserId) {
    const cause = new EnvelopeError('envelope_refused', 'the sealed profile is of another upstream account')
    throw new BrokerError('account_unavailable', { cause })
  }
  return { key, profile }
}

/** `picture`: bytes to keep, null to clear, undefined to leave as it is. */
export function identityWrite(
  key: SealingKey,
  place: IdentityPlace,
  connector: string,
  profile: Parameters<typeof sealProfile>[2],
  picture: Uint8Array | null | undefined,
  begunAt: number,
): IdentityWrite {
  return {
    id: place.identityId,
    accountId: place.accountId,
    connector,
    profileSealed: sealProfile(key, place, profile),
    begunAt,
    ...(picture === undefined
      ? {}
      : {
          picture:
            picture === null
              ? null
              : { sealed: sealPicture(key, place, picture), index: pictureIndex(key, place, picture) },
        }),
  }
}

/** New URLs for a new picture, none for a cleared one, nothing where it stays the same. */
export function pictureDigests(key: SealingKey, view: IdentityView, write: IdentityWrite) {
  const { picture } = write
  const before = view.identity.pictureIndex
  if (picture === undefined || (picture === null && before === undefined)) return []
  if (picture !== null && before !== undefined && Buffer.from(picture.index).equals(before)) return []
  return view.sectors.map((sector) => ({
    accountId: view.account.id,
    sector,
    identityId: view.identity.id,
    digest: picture === null ? null : pictureDigest(pictureToken(key, placeOf(view), sector, picture.index)),
  }))
}

export const placeOf = (view: IdentityView): IdentityPlace => ({
  accountId: view.account.id,
  identityId: view.identity.id,
})

export function fieldsOf(profile: MinimalFields, picture: boolean): FieldName[] {
  return FIELDS.filter((field) => (field === 'picture' ? picture : profile[field] !== undefined))
}

/** Turns a refused unit into the error that its person sees. */
export function check(outcome: UnitOutcome): void {
  if (outcome === 'written') return
  if (outcome === 'identity_revoked') throw new BrokerError('identity_revoked')
  if (outcome === 'account_unavailable') throw new BrokerError('account_unavailable')
  if (outcome === 'epoch_not_active' || outcome === 'index_keys_stale')
    throw new BrokerError('keys_unavailable')
  throw new BrokerError('sign_in_not_found')
}

function upstreamSidIndex(deps: SignInDeps, upstream: UpstreamProfile): string | undefined {
  const newest = deps.indexKeys()[0]
  if (upstream.upstreamSid === undefined || newest === undefined) return undefined
  return Buffer.from(
    blindIndex(newest.key, 'upstream sid', [upstream.connector, upstream.upstreamSid]),
  ).toString('hex')
}
