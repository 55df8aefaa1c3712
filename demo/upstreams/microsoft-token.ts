/**
 * The simulated Microsoft token endpoint and its ID tokens: work, personal and guest accounts.
 * No at_hash from here, no email_verified, no picture; `email` is whatever the directory's mail attribute says.
 * https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
 */
import { Router } from 'express'
import type { Response } from 'express'
import { isAadstsCode, sendAadsts } from './aadsts.ts'
import { isPersonal, issuerOf, membershipAt, parseAuthority } from './authority.ts'
import type { Membership } from './authority.ts'
import { form, on, part, presentedClient, verifierFits } from './exchange.ts'
import { broken } from './faults.ts'
import { mintIdToken } from './id-token.ts'
import type { SigningKey } from './keys.ts'
import { clientInfo } from './microsoft.ts'
import { withExtra } from './people.ts'
import type { MicrosoftPerson } from './people.ts'
import { bentProfile } from './profile.ts'
import { findClient, findPerson, random, stable, stableGuid } from './world.ts'
import type { Client, Grant, World } from './world.ts'

const defaultOptionalClaims: NonNullable<Client['optionalClaims']> = ['xms_edov', 'sid', 'login_hint']

const edov = {
  boolean: (verified: boolean) => verified,
  number: (verified: boolean) => Number(verified),
  text: (verified: boolean) => String(verified),
  textNumber: (verified: boolean) => String(Number(verified)),
} as const

const emailClaims = (world: World, client: Client, person: MicrosoftPerson): Record<string, unknown> => {
  const verified = isPersonal(person) || person.mailDomainVerified === true
  if (person.mail === undefined) return {}
  if (!verified && world.traps.microsoft.removeUnverifiedEmail === 'on') return {}
  const optional = client.optionalClaims ?? defaultOptionalClaims
  const sendsEdov = optional.includes('xms_edov') && !isPersonal(person)
  return { email: person.mail, ...(sendsEdov && { xms_edov: edov[world.traps.microsoft.xmsEdov](verified) }) }
}

/** The pairwise subject: another one for every app and, for guests, every tenant. */
export const pairwiseSubject = (client: string, membership: Membership): string =>
  stable('sub', client, membership.tenant, membership.oid)

/** iss and tid, bent by Microsoft's own traps. */
const tenantClaims = (world: World, tenant: string): Record<string, unknown> => {
  const traps = world.traps.microsoft
  if (traps.tidMissing === 'on') return { iss: issuerOf('undefined') }
  if (traps.tidNotGuid === 'on') return { iss: issuerOf('evil'), tid: 'evil' }
  if (traps.issTidMismatch === 'on') return { iss: issuerOf(tenant), tid: stableGuid('other tenant') }
  if (traps.v1Token === 'on') return { iss: `https://sts.windows.net/${tenant}/`, tid: tenant, ver: '1.0' }
  return { iss: issuerOf(tenant), tid: tenant }
}

const idTokenClaims = (
  world: World,
  client: Client,
  grant: Grant,
  person: MicrosoftPerson,
  membership: Membership,
): Record<string, unknown> => {
  const optional = client.optionalClaims ?? defaultOptionalClaims
  // Entra dates its tokens five minutes back.
  const iat = world.now() - 300
  const personal = isPersonal(person) && !membership.guest
  return {
    ver: '2.0',
    aud: client.id,
    iat,
    nbf: iat,
    exp: iat + (personal ? 86_700 : 3900),
    ...(grant.scopes.includes('profile') && {
      name: person.name,
      preferred_username: person.upn,
      oid: membership.oid,
    }),
    ...(grant.scopes.includes('email') && emailClaims(world, client, person)),
    nonce: grant.nonce,
    ...(personal ? { aio: `D${random(20)}` } : { rh: `1.AX0A${random(8)}.` }),
    ...(membership.guest && {
      idp: isPersonal(person) ? 'live.com' : `https://sts.windows.net/${person.tenant}/`,
    }),
    ...(optional.includes('acct') && !personal && { acct: membership.guest ? 1 : 0 }),
    ...(optional.includes('auth_time') && { auth_time: grant.authTime }),
    ...(optional.includes('sid') && { sid: stableGuid('sid', person.id, String(grant.authTime)) }),
    ...(optional.includes('login_hint') && { login_hint: `O.${stable('hint', person.id)}` }),
    sub: pairwiseSubject(client.id, membership),
    uti: random(16),
    ...tenantClaims(world, membership.tenant),
  }
}

const signingKey = (world: World, person: MicrosoftPerson, membership: Membership): Promise<SigningKey> => {
  const traps = world.traps.microsoft
  if (traps.unpublishedKey === 'on') return world.keys.get('microsoft-work-0')
  if (traps.keys === 'unknownKid') return world.keys.get('microsoft-never-published')
  const rotated = traps.keys === 'rotated'
  const personal = isPersonal(person) && !membership.guest
  if (personal || traps.consumerKeySignsWorkToken === 'on') {
    return world.keys.get(rotated ? 'microsoft-consumers-2' : 'microsoft-consumers-1')
  }
  return world.keys.get(rotated ? 'microsoft-work-3' : 'microsoft-work-1')
}

/** Callers must not look inside: a work account's token only resembles a JWT, a personal one's doesn't. */
const opaqueAccessToken = (person: MicrosoftPerson): string =>
  isPersonal(person)
    ? `EwB${random(80)}`
    : `${Buffer.from('{"typ":"JWT","nonce":"simulated","alg":"RS256"}').toString('base64url')}.${random(90)}.${random(64)}`

/** The grant that a token request proves, or undefined once it has been refused. */
const provenGrant = (
  world: World,
  res: Response,
  client: Client,
  authority: string,
  body: URLSearchParams,
): Grant | undefined => {
  const type = body.get('grant_type')
  if (type === 'refresh_token') {
    const grant = world.refreshTokens.get(body.get('refresh_token') ?? '')
    if (grant?.vendor === 'microsoft' && grant.clientId === client.id) return grant
    sendAadsts(world, res, 70000)
    return undefined
  }
  if (type !== 'authorization_code') {
    sendAadsts(world, res, type === null ? 90014 : 9001023)
    return undefined
  }
  const grant = world.codes.get(body.get('code') ?? '')
  if (grant?.vendor !== 'microsoft' || grant.clientId !== client.id) sendAadsts(world, res, 70000)
  else if (grant.used) sendAadsts(world, res, 54005)
  else if (grant.issuedAt + 600 < world.now()) sendAadsts(world, res, 70008)
  else if (grant.authority !== authority) sendAadsts(world, res, 700005)
  else {
    grant.used = true
    if (grant.redirectUri !== body.get('redirect_uri')) sendAadsts(world, res, 50011)
    else if (!verifierFits(grant.challenge, body.get('code_verifier'))) sendAadsts(world, res, 501481)
    else return grant
  }
  return undefined
}

const isGraphScope = (scope: string): boolean =>
  !['openid', 'profile', 'email', 'offline_access'].includes(scope)

/** Routes of the token endpoint. */
export const microsoftToken = (world: World): Router => {
  const router = Router()
  router.post(
    '/:authority/oauth2/v2.0/token',
    on(async (req, res) => {
      const trap = world.traps.microsoft.token
      res.set('Cache-Control', 'no-store, no-cache')
      if (await broken(world.origin, res, trap)) return
      const authority = parseAuthority(part(req, 'authority'))
      if (authority === undefined) return sendAadsts(world, res, 90002)
      const body = form(req)
      const presented = presentedClient(req, body)
      const client = findClient(world, 'microsoft', presented.id)
      if (client === undefined) return sendAadsts(world, res, 700016)
      if (presented.secret === null) return sendAadsts(world, res, 7000218)
      if (presented.secret !== client.secret) return sendAadsts(world, res, 7000215)
      if (trap === 'expiredSecret') return sendAadsts(world, res, 7000222)
      const refused = Number(world.traps.microsoft.refuse.replace('AADSTS', ''))
      if (isAadstsCode(refused)) return sendAadsts(world, res, refused)
      const grant = provenGrant(world, res, client, authority.name, body)
      if (grant === undefined) return
      const person = findPerson(world, 'microsoft', grant.personId)
      if (person === undefined) return sendAadsts(world, res, 50034)
      const membership = membershipAt(authority, person)
      if (membership === undefined) return sendAadsts(world, res, 50020)

      const accessToken = opaqueAccessToken(person)
      world.accessTokens.set(accessToken, grant)
      const refreshToken = grant.offline
        ? `${isPersonal(person) ? 'M.C5_BAY.0.U.' : '1.AX0A'}${random(72)}`
        : undefined
      if (refreshToken !== undefined) world.refreshTokens.set(refreshToken, grant)
      const claims = withExtra(
        bentProfile(world.traps.microsoft.profile, idTokenClaims(world, client, grant, person, membership)),
        person.extra?.idToken,
      )
      const key = await signingKey(world, person, membership)
      const signs = grant.scopes.includes('openid') && trap !== 'noIdToken'
      const graph = grant.scopes
        .filter(isGraphScope)
        .map((scope) => scope.replace('https://graph.microsoft.com/', ''))
      res.json({
        token_type: 'Bearer',
        scope: [
          ...grant.scopes.filter((scope) => !isGraphScope(scope) && scope !== 'offline_access'),
          ...graph.map((scope) => `https://graph.microsoft.com/${scope}`),
        ].join(' '),
        expires_in: 3599 + (grant.issuedAt % 1800),
        ext_expires_in: 3599 + (grant.issuedAt % 1800),
        access_token: accessToken,
        ...(refreshToken !== undefined && { refresh_token: refreshToken }),
        ...(signs && { id_token: await mintIdToken(world, 'microsoft', client, claims, key) }),
        ...(body.get('client_info') === '1' && {
          client_info: clientInfo(membership.oid, membership.tenant),
        }),
      })
    }),
  )
  return router
}
