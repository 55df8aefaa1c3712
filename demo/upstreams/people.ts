/**
 * The people who can sign in at the simulated upstreams, as types.
 * A person belongs to one vendor and carries only what that vendor knows; anything odd goes into `extra`.
 */

/** Which upstream: the simulated Google, Microsoft, or the generic OpenID provider. */
export type Vendor = 'google' | 'microsoft' | 'oidc'

/** Claims laid over the vendor's own answer. A value of `undefined` removes the claim. */
export type Extra = {
  idToken?: Record<string, unknown>
  userinfo?: Record<string, unknown>
  graph?: Record<string, unknown>
}

type Common = {
  /** Short, unique over all vendors: the value of the chooser's button. */
  id: string
  /** What is special about this person, in a few words for the chooser. */
  tag: string
  name?: string
  /** Whether the upstream has a picture of this person. */
  picture?: boolean
  extra?: Extra
}

/** A Google account. `hd` is the hosted domain: Workspace accounts only. */
export type GooglePerson = Common & {
  vendor: 'google'
  sub: string
  givenName?: string
  familyName?: string
  email: string
  emailVerified: boolean
  hd?: string
}

/**
 * A Microsoft account. `tenant` is the home tenant's GUID, or `consumersTenant` for a personal account.
 * `guestOf` is a second tenant that knows this person under another object id.
 */
export type MicrosoftPerson = Common & {
  vendor: 'microsoft'
  tenant: string
  oid: string
  /** User principal name: `preferred_username`. */
  upn: string
  /** The directory's mail attribute; without it there is no `email` claim. */
  mail?: string
  /** Whether the mail's domain is verified in the tenant (`xms_edov`). */
  mailDomainVerified?: boolean
  companyName?: string
  guestOf?: { tenant: string; oid: string }
}

/** An account at the generic OpenID provider, with its standard claims as they are sent. */
export type OidcPerson = Common & {
  vendor: 'oidc'
  sub: string
  email?: string
  emailVerified?: boolean
}

export type Person = GooglePerson | MicrosoftPerson | OidcPerson

/** One Entra directory. */
export type Tenant = { id: string; domain: string; displayName: string }

/** The fixed tenant of all personal Microsoft accounts. */
export const consumersTenant = '9188040d-6c67-4c5b-b112-36a304b66dad'

/** Claims with `extra` laid over them; `undefined` removes. */
export const withExtra = (
  claims: Record<string, unknown>,
  extra: Record<string, unknown> | undefined,
): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ ...claims, ...extra }).filter(([, value]) => value !== undefined))
