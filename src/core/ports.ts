// What the core and the issuer need from outside. Storage and connectors implement these; nothing here knows SQL or HTTP.
import type { Sealed } from '../crypto/envelope.ts'
import type { AccountState, Client, UpstreamProfile } from './model.ts'

/** Milliseconds since 1970. */
export type Clock = () => number

/** The structured log: a code and fields out of an allow-list. `error` is reduced to its class, our code and its frames. */
export type LogFields = Readonly<Record<string, unknown>>
export type Log = {
  info(code: string, fields?: LogFields): void
  warn(code: string, fields?: LogFields): void
  error(code: string, fields?: LogFields): void
}

// ── Connectors ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What an app's request carries upstream, as far as the upstream knows it. `maxAge` in seconds. */
export type UpstreamRequest = {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  readonly prompts: readonly string[]
  readonly maxAge?: number
  readonly loginHint?: string
  readonly uiLocales?: string
}

export type Connector = {
  readonly id: string
  readonly kind: 'google' | 'microsoft' | 'oidc'
  readonly label: string
  /** Path on our origin to which the upstream returns. */
  readonly callbackPath: string
  /** Where the browser goes. Throws `upstream_unavailable`. */
  authorizationUrl(request: UpstreamRequest): Promise<URL>
  /** Trades the callback for a verified profile. `callbackQuery` is the query as received. Throws `upstream_*`, `connector_unavailable`, `not_admitted`, `auth_time_unproven`. */
  exchange(
    callbackQuery: URLSearchParams,
    sent: Pick<UpstreamRequest, 'state' | 'nonce' | 'codeVerifier' | 'maxAge'>,
  ): Promise<UpstreamProfile>
}

// ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One oidc-provider row. Times are Unix seconds, digests SHA-256. */
export type RecordRow = {
  readonly model: string
  readonly idDigest: Uint8Array
  readonly payloadSealed: Sealed
  readonly uidDigest?: Uint8Array
  readonly keyByIdSealed?: Sealed
  readonly keyByUidSealed?: Sealed
  readonly accountId?: string
  readonly identityId?: string
  readonly clientId?: string
  readonly grantDigest?: Uint8Array
  readonly sessionDigest?: Uint8Array
  readonly upstreamSidIndex?: Uint8Array
  readonly consumedAt?: number
  readonly expiresAt: number
  /** Sessions only: counts writes, so that two parallel ones are noticed and merged. */
  readonly version: number
}

export type AccountRow = {
  readonly id: string
  readonly state: AccountState
  readonly epoch: string
  readonly keyId: Uint8Array
  readonly wrappedKey: Uint8Array
}

export type IdentityRow = {
  readonly id: string
  readonly accountId: string
  readonly connector: string
  readonly profileSealed: Sealed
  readonly pictureIndex?: Uint8Array
  readonly state: 'active' | 'disabled'
}

export type SubjectRow = { readonly accountId: string; readonly sector: string; readonly subject: string }

/** One record with all that a request on it will need, read in one statement. */
export type RecordView = {
  readonly record: RecordRow
  readonly grant?: RecordRow
  readonly session?: RecordRow
  readonly account?: AccountRow
  readonly identity?: IdentityRow
  /** Of the account, in the sector of the record's client. */
  readonly subject?: SubjectRow
}

/** One person's identity with all that a repeat sign-in needs, read in one statement. */
export type IdentityView = {
  readonly identity: IdentityRow
  readonly account: AccountRow
  readonly agreement?: {
    readonly noticeVersion: string
    readonly termsVersion: string
    readonly fieldsDigest: Uint8Array
  }
  readonly choices: { readonly picture: boolean; readonly company: boolean }
  readonly sectors: readonly string[]
}

// ── One unit of work per request ─────────────────────────────────────────────────────────────────────────────────────────────────

export type NewAccount = {
  readonly id: string
  readonly epoch: string
  readonly keyId: Uint8Array
  readonly wrappedKey: Uint8Array
  readonly subjectKeySealed: Sealed
}

export type IdentityWrite = {
  readonly id: string
  readonly accountId: string
  readonly connector: string
  readonly profileSealed: Sealed
  /** null clears, absent keeps. */
  readonly picture?: { readonly sealed: Sealed; readonly index: Uint8Array } | null
  /** When the round trip began, Unix milliseconds by the database's clock: refused when the identity's `valid_from` is later. */
  readonly begunAt: number
}

export type AcceptanceWrite = {
  readonly accountId: string
  readonly noticeVersion: string
  readonly termsVersion: string
  readonly fieldsDigest: Uint8Array
  readonly choices: { readonly picture: boolean; readonly company: boolean }
}

export type IndexValue = { readonly kind: string; readonly keyVersion: string; readonly value: Uint8Array }

/** All that one request writes. Applied whole or not at all; conditions come first. */
export type Unit = {
  /** Sessions (uid digests) and grants (id digests) that must still be there; their rows are locked. */
  readonly requireSessions: Uint8Array[]
  readonly requireGrants: Uint8Array[]
  /** Single-use values: each must be new. */
  readonly unique: { readonly idDigest: Uint8Array; readonly expiresAt: number; readonly use: string }[]
  /** Single-use records: each must be unconsumed. Losing revokes the grant. */
  readonly consume: {
    readonly model: string
    readonly idDigest: Uint8Array
    readonly grantDigest?: Uint8Array
    readonly keepGrant: boolean
  }[]
  readonly account?: NewAccount
  readonly insertIdentity?: { readonly identity: IdentityWrite; readonly index: readonly IndexValue[] }
  readonly updateIdentity?: IdentityWrite
  readonly acceptance?: AcceptanceWrite
  readonly pictureDigests: {
    readonly accountId: string
    readonly sector: string
    readonly identityId: string
    readonly digest: Uint8Array | null
  }[]
  readonly destroy: { readonly model: string; readonly idDigest: Uint8Array }[]
  readonly revokeGrants: Uint8Array[]
  /** Sessions to end, by uid digest: another person signs in on the same browser. */
  readonly endSessions: Uint8Array[]
  readonly records: RecordRow[]
  readonly sessionClients: {
    readonly sessionDigest: Uint8Array
    readonly clientId: string
    readonly sid: string
    readonly grantDigest: Uint8Array
    readonly expiresAt: number
  }[]
  readonly disclosures: {
    readonly accountId: string
    readonly clientId: string
    readonly fields: readonly string[]
  }[]
}

/** `written`, or which condition failed. After anything but `written` nothing was written (but a lost grant's revocation). */
export type UnitOutcome =
  | 'written'
  | 'session_gone'
  | 'session_stale'
  | 'grant_gone'
  | 'consumed'
  | `replayed:${string}`
  | 'identity_exists'
  | 'identity_revoked'
  | 'account_unavailable'
  | 'epoch_not_active'
  | 'index_keys_stale'

export type Records = {
  /** Live rows only. `undefined` when there is none. */
  find(model: string, idDigest: Uint8Array): Promise<RecordView | undefined>
  findSessionByUid(uidDigest: Uint8Array): Promise<RecordView | undefined>
  apply(unit: Unit): Promise<UnitOutcome>
}

/** One upstream round trip. */
export type SignInRow = {
  readonly cookieDigest: Uint8Array
  readonly connector: string
  readonly stateDigest: Uint8Array
  readonly interactionDigest: Uint8Array
  readonly payloadSealed: Sealed
  readonly expiresAt: number
}

export type SignIns = {
  /** Stores the row if the interaction lives and belongs to one of `clients`; gives the interaction's record. One statement. */
  begin(row: SignInRow, clients: readonly string[]): Promise<RecordRow | undefined>
  /**
   * Uses the row up, once: undefined where there is none, it is late, or it was taken. With it the interaction's record, and
   * when it began by the database's clock (Unix milliseconds).
   */
  take(
    cookieDigest: Uint8Array,
  ): Promise<{ row: SignInRow; begunAt: number; interaction?: RecordRow } | undefined>
}

export type Identities = {
  /** By (kind, key version, value), any of the given: one person's identity or none. */
  find(values: readonly IndexValue[]): Promise<IdentityView | undefined>
  /** The picture behind a token's digest; undefined when the account is not active. */
  findPicture(
    tokenDigest: Uint8Array,
  ): Promise<{ account: AccountRow; identityId: string; pictureSealed: Sealed } | undefined>
}

export type Subjects = {
  /**
   * The subject of an account in a sector; `candidate` becomes it where there is none yet, and then the picture's URL is known by
   * `picture`. Two first askers get the same answer.
   */
  getOrCreate(
    accountId: string,
    sector: string,
    candidate: string,
    picture?: { readonly identityId: string; readonly digest: Uint8Array },
  ): Promise<string>
}

export type ClientRow = {
  readonly id: string
  readonly sector: string
  readonly enabled: boolean
  readonly settings: Omit<Client, 'secret'>
  readonly secretSealed?: Sealed
  readonly serverKey?: string
  readonly revision: Uint8Array
}

export type Clients = {
  all(): Promise<readonly ClientRow[]>
  /** Inserts or overwrites the rows and removes those not among `keep`, in one transaction. */
  replace(changed: readonly ClientRow[], keep: readonly string[]): Promise<{ removed: readonly string[] }>
}

// ── Keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export type ServerKeyRow = {
  readonly id: string
  readonly kind: 'index' | 'cookie' | 'audit' | 'log' | 'signing'
  readonly state: 'active' | 'retiring'
  readonly epoch: string
  readonly keySealed: Uint8Array
}

export type SigningKeyRow = {
  readonly kid: string
  readonly alg: 'ES256' | 'RS256'
  readonly state: 'next' | 'active' | 'retiring' | 'destroyed'
  readonly publicJwk: Readonly<Record<string, unknown>>
  readonly privateSealed: Sealed
  readonly serverKey: string
}

/** The add functions do nothing when another replica was first: read again afterwards. */
export type Keys = {
  activeEpoch(): Promise<string | undefined>
  addActiveEpoch(id: string): Promise<void>
  /** Newest first. */
  serverKeys(): Promise<readonly ServerKeyRow[]>
  addServerKey(row: ServerKeyRow): Promise<void>
  /** All that are not destroyed, newest first. */
  signingKeys(): Promise<readonly SigningKeyRow[]>
  addSigningKey(row: SigningKeyRow): Promise<void>
}
