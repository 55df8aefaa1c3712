// The words of the house as types. UpstreamProfile and MinimalProfile are branded: only connectors make the first, only minimise()
// the second, and storage takes neither (it takes Sealed). So a profile can't skip the narrow gate: leaving out a step doesn't compile.

declare const upstreamBrand: unique symbol
declare const minimalBrand: unique symbol

/** The five fields that may be kept, and no other. `providerUserId`: Google `sub`, Microsoft `tid:oid`, else the upstream's `sub`. */
export const FIELDS = ['name', 'email', 'picture', 'company', 'providerUserId'] as const
export type FieldName = (typeof FIELDS)[number]

/** Fields that a person may decline and still sign in. */
export const OPTIONAL_FIELDS = ['picture', 'company'] as const
export type OptionalField = (typeof OPTIONAL_FIELDS)[number]
export type Choices = Readonly<Record<OptionalField, boolean>>

/** An upstream's answer about one field: `unknown` (timeout, 429) keeps what is stored, only `empty` clears it. */
export type Answer<T> = { state: 'known'; value: T } | { state: 'empty' } | { state: 'unknown' }

/** What admission looks at. `domain` is Google's `hd`; `tenant` Microsoft's `tid`. Lives in sessions and grants only, sealed. */
export type AdmissionFacts = {
  readonly connector: string
  readonly tenant?: string
  readonly domain?: string
}

/** One upstream's raw answer, made by a connector, alive for one call. `picture` is re-encoded already; `authTime` in seconds. */
export type UpstreamProfile = {
  readonly connector: string
  readonly issuer: string
  readonly providerUserId: string
  readonly name: Answer<unknown>
  readonly email: Answer<unknown>
  readonly emailVerified: boolean
  readonly company: Answer<unknown>
  readonly picture: Answer<Uint8Array>
  readonly admission: AdmissionFacts
  readonly authTime?: number
  readonly upstreamSid?: string
  readonly [upstreamBrand]: true
}
export type UpstreamAnswer = Omit<UpstreamProfile, typeof upstreamBrand>

/** Brands a connector's answer. The architecture test allows this call in connectors only. */
export const upstreamProfile = (answer: UpstreamAnswer): UpstreamProfile => answer as UpstreamProfile

/** The five fields at most, cleaned; `picture` travels beside it as bytes. What is absent is not kept. */
export type MinimalProfile = {
  readonly providerUserId: string
  readonly name?: string
  readonly email?: string
  readonly emailVerified?: boolean
  readonly company?: string
  readonly [minimalBrand]: true
}
export type MinimalFields = Omit<MinimalProfile, typeof minimalBrand>

export type AccountState = 'active' | 'restricted' | 'suspended' | 'closed'

/** Who may use what. Empty lists mean "all". Set per client in its configuration. */
export type AdmissionPolicy = {
  readonly connectors: readonly string[]
  readonly tenants: readonly string[]
  readonly domains: readonly string[]
}

/** Scopes of ours beside `openid`, each granted per client. */
export const SCOPES = ['profile', 'email', 'company', 'provider_id'] as const
export type ScopeName = (typeof SCOPES)[number]

/** A registered app, as its configuration says. Times in seconds. */
export type Client = {
  readonly id: string
  readonly name: string
  readonly enabled: boolean
  readonly kind: 'public' | 'confidential'
  readonly authMethod: 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'
  readonly secret?: string
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  readonly sector: string
  readonly scopes: readonly ScopeName[]
  readonly resources: Readonly<
    Record<string, { readonly scopes: string; readonly format: 'jwt' | 'opaque'; readonly ttl: number }>
  >
  readonly idTokenAlg: 'ES256' | 'RS256'
  readonly requirePkce: boolean
  readonly requirePar: boolean
  readonly dpop: boolean
  readonly refreshTokens: boolean
  readonly rotateRefreshTokens: boolean
  readonly leeway: number
  readonly acceptUnprovenAuthTime: boolean
  readonly admission: AdmissionPolicy
  readonly privacyUri?: string
}

/** What a sign-in tells the issuer: who, by which identity, how fresh, and what admission needs while the session lives. */
export type SignedIn = {
  readonly accountId: string
  readonly identityId: string
  readonly authTime: number
  readonly authTimeProven: boolean
  /** When our session started, Unix seconds: its absolute age counts from here, whatever the upstream's time. */
  readonly startedAt: number
  readonly facts: AdmissionFacts
  /** Keyed digest of the upstream's `sid`, in hex: an upstream's logout finds the session by it. */
  readonly upstreamSidIndex?: string
}
