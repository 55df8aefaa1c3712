// oidc-provider's configuration: all of the protocol is the library's; here stands only what Narrowgate decides. A Provider is built
// from a set of keys and clients and never changed: a change builds a new one (oidc-provider.md §7).
import Provider, { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import { equal, mint } from '../crypto/secrets.ts'
import { isAdmitted } from '../core/admission.ts'
import type { Client } from '../core/model.ts'
import { pictureDigest, pictureToken } from '../core/profile.ts'
import { interactionHandle } from '../core/record-seal.ts'
import { createAdapter } from './adapter.ts'
import { CLAIMS_BY_SCOPE, claimsOf } from './claims.ts'
import { clientMetadata } from './client-metadata.ts'
import type { IssuerDeps } from './issuer.ts'
import { activePerson, dataKeyOf, hasDataKey, profileOf } from './people.ts'
import { createPolicy, loadExistingGrant } from './policy.ts'
import { currentWork } from './work.ts'

export const ROUTES = {
  authorization: '/authorize',
  token: '/token',
  userinfo: '/userinfo',
  jwks: '/jwks',
  introspection: '/introspect',
  revocation: '/revoke',
  end_session: '/session/end',
  pushed_authorization_request: '/par',
} as const

// A client assertion's exp is unbounded in the library; what we remember of it is not (oidc-provider.md §4).
const LONGEST_ASSERTION_SECONDS = 300

export function buildProvider(deps: IssuerDeps): Provider {
  const clients = deps.clients()
  const { lifetimes } = deps
  const nowSeconds = (): number => Math.floor(deps.clock() / 1000)
  const byId = (id: string | undefined): Client => {
    const client = clients.get(id ?? '')
    if (client === undefined) throw new errors.InvalidClient('client is unknown')
    return client
  }
  const clientOf = (ctx: KoaContextWithOIDC): Client => byId(ctx.oidc.client?.clientId)

  async function subjectOf(accountId: string, client: Client): Promise<string> {
    const work = currentWork()
    const key = `${accountId} ${client.sector}`
    const known = work.subjects.get(key)
    if (known !== undefined) return known
    const person = work.people.get(accountId)
    const index = person?.identity?.pictureIndex
    const place = { accountId, identityId: person?.identity?.id ?? '' }
    const picture =
      index === undefined
        ? undefined
        : {
            identityId: place.identityId,
            digest: pictureDigest(
              pictureToken(await dataKeyOf(deps, work, accountId), place, client.sector, index),
            ),
          }
    const subject = await deps.subjects.getOrCreate(accountId, client.sector, mint(16), picture)
    work.subjects.set(key, subject)
    return subject
  }

  async function pictureUrl(accountId: string, client: Client): Promise<string | undefined> {
    const work = currentWork()
    const identity = work.people.get(accountId)?.identity
    if (identity?.pictureIndex === undefined) return undefined
    const place = { accountId, identityId: identity.id }
    const key = await dataKeyOf(deps, work, accountId)
    return `${deps.issuer}/picture/${pictureToken(key, place, client.sector, identity.pictureIndex)}`
  }

  /** The sign-in that a grant or session stems from: what admission is checked against. */
  const admits = (client: Client, grantId: string | undefined): boolean => {
    const work = currentWork()
    const signedIn = (grantId === undefined ? undefined : work.grants.get(grantId)?.signedIn) ?? work.signedIn
    return signedIn !== undefined && isAdmitted(client.admission, signedIn.facts)
  }

  const configuration: Configuration = {
    adapter: (model: string) => createAdapter(deps, model),
    clients: [...clients.values()].filter(({ enabled }) => enabled).map(clientMetadata),
    jwks: { keys: deps.signingJwks() },
    cookies: {
      keys: [...deps.cookieKeys()],
      names: cookieNames(deps.issuer),
      long: { httpOnly: true, sameSite: 'lax', path: '/', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    routes: ROUTES,
    scopes: ['openid', 'offline_access', ...Object.keys(CLAIMS_BY_SCOPE)],
    claims: {
      openid: ['sub'],
      ...Object.fromEntries(Object.entries(CLAIMS_BY_SCOPE).map(([k, v]) => [k, [...v]])),
    },
    responseTypes: ['code'],
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: (_ctx, accountId, client) => subjectOf(accountId, byId(client.clientId)),
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: {
      idTokenSigningAlgValues: ['ES256', 'RS256'],
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA'],
      dPoPSigningAlgValues: ['ES256', 'EdDSA'],
      userinfoSigningAlgValues: ['ES256', 'RS256'],
    },
    pkce: { required: (_ctx, client) => byId(client.clientId).requirePkce },
    acceptQueryParamAccessTokens: false,
    allowOmittingSingleRegisteredRedirectUri: false,
    clockTolerance: 10,
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      dPoP: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => {
          const accountId = 'accountId' in token ? token.accountId : undefined
          const own = byId(token.clientId)
          if (!isFamily(byId(client.clientId), own)) return false
          return (
            accountId === undefined ||
            (activePerson(currentWork(), accountId) !== undefined &&
              admits(own, 'grantId' in token ? token.grantId : undefined))
          )
        },
      },
      pushedAuthorizationRequests: { enabled: true },
      revocation: {
        enabled: true,
        // RFC 7009 §2.1: a token is its own app's to revoke.
        allowedPolicy: (_ctx, client, token) => {
          if (token.clientId !== client.clientId)
            throw new errors.InvalidRequest('the token was not issued to this client')
          return true
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (ctx) => {
          await checkHint(ctx)
          deps.pages.logout(ctx)
        },
        postLogoutSuccessSource: (ctx) => {
          deps.pages.signedOut(ctx)
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource, client) => {
          const server = byId(client.clientId).resources[resource]
          if (server === undefined) throw new errors.InvalidTarget()
          return {
            scope: server.scopes,
            audience: resource,
            accessTokenTTL: server.ttl,
            accessTokenFormat: server.format,
            ...(server.format === 'jwt' ? { jwt: { sign: { alg: 'ES256' } } } : {}),
          } as never
        },
      },
      userinfo: { enabled: true },
    },
    extraTokenClaims: (_ctx, token) =>
      'sid' in token && typeof token.sid === 'string' ? { sid: token.sid } : undefined,
    async findAccount(_ctx, accountId, token) {
      const work = currentWork()
      const person = activePerson(work, accountId)
      if (person === undefined || !(await hasDataKey(deps, work, accountId))) return undefined
      // Refresh, userinfo and the exchange: a client that no longer admits this identity gets nothing more. The grant, read together
      // with the token, says who signed in.
      if (token !== undefined) {
        const grantId = 'grantId' in token ? token.grantId : undefined
        if (grantId !== undefined && !work.grants.has(grantId)) await provider.Grant.find(grantId)
        if (!admits(byId(token.clientId), grantId)) return undefined
      }
      return {
        accountId,
        claims: async () => {
          const client = byId(token?.clientId ?? _ctx.oidc.client?.clientId)
          const profile = await profileOf(deps, work, accountId)
          if (profile === undefined) return { sub: accountId }
          return { sub: accountId, ...claimsOf(client, profile, await pictureUrl(accountId, client)) }
        },
      }
    },
    interactions: {
      policy: createPolicy(clientOf),
      // The path holds a handle, never the uid (oidc-provider.md §1).
      url: (_ctx, interaction) => `/sign-in/${interactionHandle(interaction.uid)}`,
    },
    loadExistingGrant: (ctx) => loadExistingGrant(ctx, provider, clientOf(ctx)),
    issueRefreshToken: (_ctx, client) =>
      byId(client.clientId).refreshTokens && client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: (ctx) => clientOf(ctx).rotateRefreshTokens,
    expiresWithSession: (_ctx, code) => !code.scopes.has('offline_access'),
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.accessToken,
      AuthorizationCode: () => lifetimes.code,
      Grant: () => lifetimes.refresh,
      IdToken: () => lifetimes.idToken,
      Interaction: () => lifetimes.interaction,
      PushedAuthorizationRequest: () => 60,
      // A chain of refresh tokens ends at an absolute age; oidc-provider alone would let it slide.
      RefreshToken: (_ctx, token) =>
        Math.max(1, (token.iiat ?? nowSeconds()) + lifetimes.refresh - nowSeconds()),
      Session: () => {
        const age = nowSeconds() - (currentWork().signedIn?.startedAt ?? nowSeconds())
        return Math.max(1, Math.min(lifetimes.sessionIdle, lifetimes.sessionAbsolute - age))
      },
    },
    renderError: (ctx, out, error) => {
      deps.pages.error(ctx, out, error)
    },
  }

  async function checkHint(ctx: KoaContextWithOIDC): Promise<void> {
    const hint = ctx.oidc.entities['IdTokenHint'] as { payload?: { sub?: string } } | undefined
    const accountId = ctx.oidc.session?.accountId
    const client = ctx.oidc.client
    if (hint?.payload?.sub === undefined || accountId === undefined || client === undefined) return
    // The library never compares them: another person's ID token would do (oidc-provider.md §6).
    const subject = await subjectOf(accountId, byId(client.clientId))
    if (!equal(subject, hint.payload.sub))
      throw new errors.InvalidRequest('id_token_hint names another person')
  }

  const provider: Provider = new Provider(deps.issuer, configuration)
  // The headers that it trusts by this are ours: issuer.ts sets them.
  provider.proxy = true
  // Every token carries the session's sid: an app obeys a revocation of one session by it.
  ;(provider.Client.prototype as unknown as { includeSid: () => boolean }).includeSid = () => true
  ;(
    provider.ReplayDetection as unknown as {
      unique: (iss: string, jti: string, exp: number) => Promise<boolean>
    }
  ).unique = (issuer, jti, exp) => {
    const { unit } = currentWork()
    const limit = nowSeconds() + LONGEST_ASSERTION_SECONDS
    if (exp > limit) return Promise.resolve(false)
    // Length-prefixed: the library joins both without a delimiter.
    const idDigest = deps.replayDigest(issuer, jti)
    const seen = unit.unique.some((value) => Buffer.from(value.idDigest).equals(idDigest))
    if (!seen)
      unit.unique.push({
        idDigest,
        expiresAt: Math.max(exp, nowSeconds() + 60) + 60,
        use: unit.unique.length === 0 ? 'first' : 'second',
      })
    return Promise.resolve(!seen)
  }
  return provider
}

/** Who may introspect a token: the app itself, and apps of its sector (its own API). */
const isFamily = (asker: Client, owner: Client): boolean =>
  asker.id === owner.id || asker.sector === owner.sector

export function cookieNames(issuer: string) {
  const isHttps = issuer.startsWith('https:')
  return {
    // The two path-bound cookies can't be __Host- (oidc-provider.md §1).
    session: isHttps ? '__Host-narrowgate' : 'narrowgate',
    interaction: 'narrowgate-interaction',
    resume: 'narrowgate-resume',
  }
}
