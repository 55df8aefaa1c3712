// What an app may learn: scope by scope, within what its configuration grants, from the identity that opened the session. And what it
// did learn: read off the answer itself as it leaves, so the record of disclosures can't disagree with the wire.
import { readOwnClaims } from '../crypto/jwt.ts'
import type { Client, FieldName, MinimalFields, ScopeName } from '../core/model.ts'
import type { UnitDraft } from '../core/unit.ts'

export const CLAIMS_BY_SCOPE: Readonly<Record<ScopeName, readonly string[]>> = {
  profile: ['name', 'picture'],
  email: ['email', 'email_verified'],
  company: ['company'],
  provider_id: ['provider_id'],
}

const FIELD_BY_CLAIM: Readonly<Record<string, FieldName>> = {
  name: 'name',
  picture: 'picture',
  email: 'email',
  company: 'company',
  provider_id: 'providerUserId',
}

/** The claims a client may ever get, by its granted scopes. */
export const grantedClaims = (client: Client): Set<string> =>
  new Set(client.scopes.flatMap((scope) => CLAIMS_BY_SCOPE[scope]))

/** The claims of a profile that a client may get. `pictureUrl` is the URL of this account and sector, if there is a picture. */
export function claimsOf(
  client: Client,
  profile: MinimalFields,
  pictureUrl: string | undefined,
): Record<string, unknown> {
  const all: Record<string, unknown> = {
    name: profile.name,
    picture: pictureUrl,
    email: profile.email,
    email_verified: profile.email === undefined ? undefined : (profile.emailVerified ?? false),
    company: profile.company,
    provider_id: profile.providerUserId,
  }
  const granted = grantedClaims(client)
  return Object.fromEntries(
    Object.entries(all).filter(([claim, value]) => value !== undefined && granted.has(claim)),
  )
}

/** Adds to `unit` which fields an answer of the token or userinfo endpoint gives away. `body` is that answer. */
export function recordDisclosure(unit: UnitDraft, accountId: string, clientId: string, body: unknown): void {
  const claims = claimsIn(body)
  const fields = Object.keys(FIELD_BY_CLAIM)
    .filter((claim) => claims[claim] !== undefined)
    .map((claim) => FIELD_BY_CLAIM[claim])
    .filter((field) => field !== undefined)
  if (fields.length > 0) unit.disclosures.push({ accountId, clientId, fields })
}

function claimsIn(body: unknown): Record<string, unknown> {
  if (typeof body === 'string') return readOwnClaims(body)
  if (typeof body !== 'object' || body === null) return {}
  const { id_token: idToken } = body as { id_token?: unknown }
  return typeof idToken === 'string' ? readOwnClaims(idToken) : (body as Record<string, unknown>)
}
