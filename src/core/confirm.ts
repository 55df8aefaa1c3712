// The person's word: until it is given, nothing of theirs is in any table but the interaction, sealed under its own bearer value.
// Agreeing creates the account (or renews the agreement) in one write; declining keeps nothing and tells the app `access_denied`.
import { sealJson } from '../crypto/envelope.ts'
import { mintKey, randomId } from '../crypto/secrets.ts'
import { fieldsDigest } from './agreement.ts'
import { BrokerError } from './errors.ts'
import { keepChosen } from './minimise.ts'
import type { Choices, FieldName, SignedIn } from './model.ts'
import { check, identityWrite, openKnown, pictureDigests, placeOf, signIn } from './recognise.ts'
import { recordDigest } from './record-seal.ts'
import {
  openInteraction,
  refuse,
  subjectIndex,
  type Interaction,
  type Pending,
  type SignInDeps,
} from './interaction.ts'
import { newUnit } from './unit.ts'

/** The interaction behind a uid. Throws `interaction_expired`. */
export async function getInteraction(deps: SignInDeps, uid: string): Promise<Interaction> {
  const view = await deps.records.find('Interaction', recordDigest('Interaction', uid))
  return openInteraction(deps, view?.record, uid)
}

export const pendingOf = (interaction: Interaction): Pending | undefined =>
  interaction.body.pending as Pending | undefined

/** Keeps what was agreed and signs the person in; gives where to resume. Throws `adult_required`, `interaction_expired` and as finish(). */
export async function agree(
  deps: SignInDeps,
  interaction: Interaction,
  word: { choices: Choices; adult: boolean },
): Promise<string> {
  const pending = pendingOf(interaction)
  if (pending === undefined) throw new BrokerError('interaction_expired')
  if (!word.adult) throw new BrokerError('adult_required')
  // A second round only when another tab created the same person in between, or keys turned over.
  for (let round = 0; round < 2; round += 1) {
    const { unit, signedIn } = await unitOf(deps, pending, word.choices)
    signIn(unit, interaction, signedIn)
    const outcome = await deps.records.apply(unit)
    if (outcome === 'written') return interaction.returnTo
    if (outcome !== 'identity_exists' || round > 0) check(outcome)
  }
  throw new BrokerError('sign_in_not_found')
}

/** Forgets what waited and answers the app with `access_denied`; gives where to resume. */
export const decline = (deps: SignInDeps, interaction: Interaction): Promise<string> =>
  refuse(deps, interaction, 'access_denied', 'the person declined')

async function unitOf(deps: SignInDeps, pending: Pending, choices: Choices) {
  const { connector, issuer, profile, begunAt } = pending
  const index = subjectIndex(deps.indexKeys, { connector, issuer, providerUserId: profile.providerUserId })
  const view = await deps.identities.find(index)
  const unit = newUnit()
  const kept = keepChosen(profile, choices)
  const picture = choices.picture ? pictureOf(pending) : null
  const place = view === undefined ? { accountId: randomId(), identityId: randomId() } : placeOf(view)
  const created =
    view === undefined ? await deps.keyring.newDataKey(place.accountId, deps.epoch()) : undefined
  const key = view === undefined ? created?.key : (await openKnown(deps, view, profile.providerUserId)).key
  if (key === undefined) throw new BrokerError('keys_unavailable')
  const write = identityWrite(key, place, connector, kept, picture, begunAt)
  if (view !== undefined) {
    unit.updateIdentity = write
    unit.pictureDigests.push(...pictureDigests(key, view, write))
  } else if (created !== undefined) {
    unit.account = {
      id: place.accountId,
      epoch: created.epoch,
      keyId: created.keyId,
      wrappedKey: created.wrapped,
      subjectKeySealed: sealJson(
        key,
        {
          purpose: 'audit',
          account: place.accountId,
          table: 'account_key',
          column: 'subject_key_sealed',
          row: place.accountId,
          keyVersion: 1,
        },
        Buffer.from(mintKey()).toString('base64url'),
      ),
    }
    unit.insertIdentity = { identity: write, index }
  }
  unit.acceptance = {
    accountId: place.accountId,
    ...deps.notice,
    fieldsDigest: fieldsDigest(pending.newFields as FieldName[]),
    choices,
  }
  const signedIn: SignedIn = {
    ...place,
    authTime: pending.authTime,
    authTimeProven: pending.authTimeProven,
    startedAt: Math.floor(deps.clock() / 1000),
    facts: pending.facts,
    ...(pending.upstreamSidIndex === undefined ? {} : { upstreamSidIndex: pending.upstreamSidIndex }),
  }
  return { unit, signedIn }
}

const pictureOf = ({ picture }: Pending): Uint8Array | null | undefined =>
  typeof picture === 'string' ? Buffer.from(picture, 'base64') : picture
