// An interaction and what every step of a sign-in needs: opened by its uid, sealed again with another body under the same.
import { EnvelopeError } from '../crypto/envelope.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { blindIndex, type SecretKey } from '../crypto/secrets.ts'
import type { ConfirmReason } from './agreement.ts'
import { BrokerError, type BrokerErrorCode } from './errors.ts'
import type { AdmissionFacts, Client, MinimalFields, UpstreamProfile } from './model.ts'
import type { Clock, Connector, Identities, IndexValue, RecordRow, Records, SignIns } from './ports.ts'
import { openByBearer, sealByBearer, type RecordBody } from './record-seal.ts'
import { newUnit } from './unit.ts'

export type IndexKeys = () => readonly { readonly version: string; readonly key: SecretKey }[]

export type SignInDeps = {
  readonly connectors: ReadonlyMap<string, Connector>
  readonly signIns: SignIns
  readonly identities: Identities
  readonly records: Records
  readonly keyring: Keyring
  readonly indexKeys: IndexKeys
  /** The active epoch: new data keys are wrapped under it. */
  readonly epoch: () => string
  readonly clients: () => ReadonlyMap<string, Client>
  readonly clock: Clock
  readonly notice: { readonly noticeVersion: string; readonly termsVersion: string }
}

/** An interaction opened by its uid. `params` are the app's request. */
export type Interaction = {
  readonly uid: string
  readonly row: RecordRow
  readonly body: RecordBody
  readonly client: Client
  readonly params: Readonly<Record<string, unknown>>
  readonly returnTo: string
}

/** What waits, sealed in the interaction, for the person's word. `picture` is base64; null: the upstream has none. */
export type Pending = {
  readonly reason: ConfirmReason
  readonly connector: string
  readonly issuer: string
  readonly profile: MinimalFields
  readonly picture?: string | null
  readonly newFields: readonly string[]
  readonly facts: AdmissionFacts
  readonly authTime: number
  readonly authTimeProven: boolean
  readonly upstreamSidIndex?: string
  readonly begunAt: number
}

export type Finished = { kind: 'resume'; returnTo: string } | { kind: 'confirm'; handle: string }

/** Opens an interaction's row. Throws `interaction_expired` when it is gone, `not_found` when its client is. */
export function openInteraction(
  deps: Pick<SignInDeps, 'clients'>,
  row: RecordRow | undefined,
  uid: string,
): Interaction {
  if (row === undefined) throw new BrokerError('interaction_expired')
  const body = opened('interaction_expired', () => openByBearer(row, uid))
  const client = deps.clients().get(row.clientId ?? '')
  const { params, returnTo } = body.payload
  if (client === undefined || !client.enabled)
    throw new BrokerError('not_found', { detail: 'unknown client' })
  if (typeof params !== 'object' || params === null || typeof returnTo !== 'string')
    throw new BrokerError('interaction_expired')
  return { uid, row, body, client, params: params as Record<string, unknown>, returnTo }
}

/** What `open` gives; a sealed value that doesn't open (altered, moved) is `code` for its person, with the reason as cause for the log. */
export function opened<T>(code: BrokerErrorCode, open: () => T): T {
  try {
    return open()
  } catch (cause) {
    if (!(cause instanceof EnvelopeError)) throw cause
    throw new BrokerError(code, { cause })
  }
}

/** The interaction's row with another body. */
export function resealInteraction(
  interaction: Interaction,
  body: RecordBody,
  who?: { accountId: string; identityId: string },
): RecordRow {
  return { ...interaction.row, ...who, payloadSealed: sealByBearer('Interaction', interaction.uid, body) }
}

/** What finds an identity: one value per live index key. Keyed by provider user ID only, never by e-mail, domain or `hd`. */
export function subjectIndex(
  indexKeys: IndexKeys,
  { connector, issuer, providerUserId }: Pick<UpstreamProfile, 'connector' | 'issuer' | 'providerUserId'>,
): IndexValue[] {
  return indexKeys().map(({ version, key }) => ({
    kind: `subject:${connector}`,
    keyVersion: version,
    value: blindIndex(key, 'subject', [connector, issuer, providerUserId]),
  }))
}

/** Ends an interaction with an OAuth error for the app; gives where to resume. */
export async function refuse(
  deps: Pick<SignInDeps, 'records'>,
  interaction: Interaction,
  error: string,
  description: string,
): Promise<string> {
  const { pending: _forgotten, ...body } = interaction.body
  const unit = newUnit()
  const result = { error, error_description: description }
  unit.records.push(resealInteraction(interaction, { ...body, payload: { ...body.payload, result } }))
  const outcome = await deps.records.apply(unit)
  if (outcome !== 'written') throw new BrokerError('interaction_expired')
  return interaction.returnTo
}
