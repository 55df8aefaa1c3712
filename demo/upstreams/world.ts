/**
 * Everything one simulation remembers, built once by `startUpstreams()`: people, clients, browsers' sessions, codes and
 * tokens. Nothing outlives the object. Codes and tokens lie here in clear: they open nothing outside the simulation.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createKeyRing } from './keys.ts'
import type { KeyRing } from './keys.ts'
import type { Person, Vendor } from './people.ts'
import { createTraps } from './traps.ts'
import type { Traps } from './traps.ts'

/** An app registered at a simulated upstream. Redirect URIs are compared as exact strings. */
export type Client = {
  id: string
  secret: string
  redirectUris: string[]
  /** Where sign-out may return to (Microsoft, generic OpenID provider). */
  postLogoutRedirectUris?: string[]
  /** Microsoft's optional claims; `xms_edov`, `sid` and `login_hint` unless told. */
  optionalClaims?: ('auth_time' | 'xms_edov' | 'sid' | 'login_hint' | 'acct')[]
}

/** What a person granted in one authorization; codes and tokens point to it. */
export type Grant = {
  vendor: Vendor
  clientId: string
  personId: string
  scopes: string[]
  redirectUri: string
  nonce: string | undefined
  challenge: { value: string; method: string } | undefined
  /** Seconds since 1970. */
  authTime: number
  issuedAt: number
  /** Whether the code brings a refresh token. */
  offline: boolean
  /** Microsoft: the tenant signed in to, and the authority's path segment. */
  tenant?: string
  authority?: string
  maxAge?: boolean
  used: boolean
}

/** One call that arrived, with the URL a caller would see at the real vendor; secrets in the query are left out. */
export type LoggedRequest = { method: string; url: string }

export type World = {
  /** `http://localhost:PORT`; empty until the server listens. */
  origin: string
  /** The generic provider's issuer. */
  oidcIssuer: string
  traps: Traps
  keys: KeyRing
  people: Map<string, Person>
  clients: Record<Vendor, Map<string, Client>>
  requests: LoggedRequest[]
  /** Browser cookie → people signed in there, with the time of it. */
  sessions: Map<string, Map<string, number>>
  codes: Map<string, Grant>
  accessTokens: Map<string, Grant>
  refreshTokens: Map<string, Grant>
  /** `client person` of every consent given. */
  consents: Set<string>
  /** Seconds since 1970. */
  now(): number
}

/** An unguessable text of `bytes` random bytes in base64url. */
export const random = (bytes = 24): string => randomBytes(bytes).toString('base64url')

/** A stable text for a name, e.g. a pairwise subject; base64url of SHA-256. */
export const stable = (...parts: string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('base64url')

/** A stable GUID for a name. */
export const stableGuid = (...parts: string[]): string => {
  const hex = createHash('sha256').update(parts.join('\n')).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

/** The registered client of a vendor, if any. */
export const findClient = (world: World, vendor: Vendor, id: string | null): Client | undefined =>
  id === null ? undefined : world.clients[vendor].get(id)

/** Everyone at one vendor. */
export const peopleOf = <V extends Vendor>(world: World, vendor: V): Extract<Person, { vendor: V }>[] =>
  [...world.people.values()].filter(
    (person): person is Extract<Person, { vendor: V }> => person.vendor === vendor,
  )

/** One person of one vendor, if there. */
export const findPerson = <V extends Vendor>(
  world: World,
  vendor: V,
  id: string | null | undefined,
): Extract<Person, { vendor: V }> | undefined => peopleOf(world, vendor).find((person) => person.id === id)

/** An empty world. */
export const createWorld = (options: { oidcIssuer: string; now: () => number }): World => ({
  origin: '',
  oidcIssuer: options.oidcIssuer,
  traps: createTraps(),
  keys: createKeyRing(),
  people: new Map(),
  clients: { google: new Map(), microsoft: new Map(), oidc: new Map() },
  requests: [],
  sessions: new Map(),
  codes: new Map(),
  accessTokens: new Map(),
  refreshTokens: new Map(),
  consents: new Set(),
  now: () => Math.floor(options.now() / 1000),
})
