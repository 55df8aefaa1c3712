// One upstream as OAuth 2.0 client and OpenID Connect relying party: the authorization request and the trade of a code for claims.
// Invariant: claims come out only after openid-client's checks and, independently, verifyJwt()'s with a key from our own store.
// OIDC Core §3.1, RFC 7636, RFC 9207. Tokens live in one call.
import * as client from 'openid-client'
import type { UpstreamProfile } from '../core/model.ts'
import type { UpstreamRequest } from '../core/ports.ts'
import { verifyJwt, type JwtAlgorithm } from '../crypto/jwt.ts'
import { accessTokenFits, peekKeyId, type UpstreamClaims, type UpstreamKey } from '../crypto/upstream-jwt.ts'
import { createDocuments, type Metadata } from './documents.ts'
import { invalid, parseFailure, unavailable, type IsOurFault } from './failure.ts'
import type { ConnectorDeps, ConnectorSettings } from './settings.ts'

/** By how much clocks may differ, and how old a token may be that was made a moment ago; in seconds. Entra dates 300 back. */
const CLOCK_TOLERANCE = 60
const MAX_AGE = 3600

export type Sent = Pick<UpstreamRequest, 'state' | 'nonce' | 'codeVerifier' | 'maxAge'>

/** Proven claims, the key that signed them, and an access token that is not to outlive the call. */
export type Redeemed = {
  readonly claims: UpstreamClaims & { readonly sub: string }
  readonly key: UpstreamKey
  readonly accessToken: string
  /** Where the upstream has such an endpoint. Throws `upstream_invalid` for another person's answer, else `upstream_unavailable`. */
  readonly userinfo?: () => Promise<UpstreamClaims>
}

export type Upstream = {
  /** `parameters`: the upstream's own besides those of every request. Throws `upstream_unavailable`, `upstream_invalid`. */
  authorizationUrl(request: UpstreamRequest, parameters: Readonly<Record<string, string>>): Promise<URL>
  /**
   * Trades a callback for what `use` makes of it; then its tokens are gone. `issuerOf` says which issuer the claims must name, and sees
   * them unproven. Throws `upstream_*`, `connector_unavailable`, and what the two throw.
   */
  redeem(
    query: URLSearchParams,
    sent: Sent,
    issuerOf: (claims: UpstreamClaims) => string,
    use: (redeemed: Redeemed) => UpstreamProfile | Promise<UpstreamProfile>,
  ): Promise<UpstreamProfile>
}

export function createUpstream(
  settings: Pick<ConnectorSettings, 'id' | 'clientId' | 'clientSecret'>,
  deps: ConnectorDeps,
  upstream: {
    /** The issuer as a location, to which the discovery path is added. */
    server: string
    /** The issuer as the document must name it. */
    issuer: string
    redirectUri: string
    scope: string
    algorithms: readonly JwtAlgorithm[]
    clientAuth: client.ClientAuth
    isOurFault?: IsOurFault
  },
): Upstream {
  const { outbound, clock, log } = deps
  const { redirectUri, scope, algorithms } = upstream
  const discoveryUrl = new URL(`${upstream.server.replace(/\/$/, '')}/.well-known/openid-configuration`).href
  const documents = createDocuments({ discoveryUrl, issuer: upstream.issuer, outbound, clock })

  /**
   * A Configuration for one call, made by the library's own discovery out of our stored documents: so it has no cache of its own, which
   * would be up to a minute behind a rotation, and keeps what it knows of Entra's issuer.
   */
  const configure = async (metadata: Metadata): Promise<client.Configuration> => {
    let kid: string | undefined
    const fetch: client.CustomFetch = async (url, { method, headers, body, signal }) => {
      if (url === discoveryUrl) return Response.json(metadata)
      if (url === new URL(metadata.jwks_uri).href) return Response.json({ keys: await documents.keys(kid) })
      // The library sends forms and nothing else.
      const form = body instanceof URLSearchParams ? body : undefined
      const response = await outbound.fetch(url, { method, headers, body: form, signal })
      if (url === new URL(metadata.token_endpoint).href) kid = await peekTokenKeyId(response)
      return response
    }
    // The library reads the machine's clock; ours is a parameter.
    const skew = Math.round((clock() - Date.now()) / 1000)
    return client.discovery(
      new URL(upstream.server),
      settings.clientId,
      {
        client_secret: settings.clientSecret,
        [client.clockSkew]: skew,
        [client.clockTolerance]: CLOCK_TOLERANCE,
      },
      upstream.clientAuth,
      {
        [client.customFetch]: fetch,
        execute: [
          // OIDC Core §3.1.3.7 (6) allows TLS in place of the signature. We want the signature.
          client.enableNonRepudiationChecks,
          // Plain http is for the outbound door to allow or not: it does on loopback, outside production.
          ...(upstream.server.startsWith('http:') ? [client.allowInsecureRequests] : []),
        ],
      },
    )
  }

  /** Runs one step; whatever it throws leaves as one of our errors, written to the log. */
  const attempt = async <T>(step: (metadata: Metadata) => Promise<T>): Promise<T> => {
    try {
      return await step(await documents.metadata())
    } catch (error) {
      const failure = parseFailure(error, upstream.isOurFault)
      if (failure === undefined) throw error
      const fields = { connector: settings.id, ...failure.fields }
      // An expired secret is an alarm: nobody gets in until somebody acts.
      if (failure.error.code === 'connector_unavailable') log.error('connector_unavailable', fields)
      else if (failure.error.code !== 'upstream_declined') log.warn(failure.error.code, fields)
      throw failure.error
    }
  }

  return {
    authorizationUrl: (request, parameters) =>
      attempt(async (metadata) => {
        const url = client.buildAuthorizationUrl(await configure(metadata), {
          redirect_uri: redirectUri,
          scope,
          state: request.state,
          nonce: request.nonce,
          code_challenge: await client.calculatePKCECodeChallenge(request.codeVerifier),
          code_challenge_method: 'S256',
          ...parameters,
        })
        return outbound.browserUrl(url)
      }),

    redeem: (query, sent, issuerOf, use) =>
      attempt(async (metadata) => {
        const callback = new URL(redirectUri)
        callback.search = query.toString()
        const configuration = await configure(metadata)
        const tokens = await client.authorizationCodeGrant(configuration, callback, {
          expectedState: sent.state,
          expectedNonce: sent.nonce,
          pkceCodeVerifier: sent.codeVerifier,
          idTokenExpected: true,
        })
        const unproven = tokens.claims()
        if (tokens.id_token === undefined || unproven === undefined) throw invalid('id_token_missing')
        let key: UpstreamKey | undefined
        const { claims, alg } = await verifyJwt(tokens.id_token, {
          key: async ({ kid }) => {
            const fitting = (await documents.keys(kid)).filter((one) => kid === undefined || one.kid === kid)
            key = fitting.length === 1 ? fitting[0] : undefined
            return key
          },
          algorithms,
          typ: ['JWT', undefined],
          issuer: issuerOf(unproven),
          audience: settings.clientId,
          requiredClaims: ['exp', 'sub', 'nonce'],
          maxAge: MAX_AGE,
          clockTolerance: CLOCK_TOLERANCE,
          now: new Date(clock()),
        })
        // RFC 6749 appendix A.12: printable, so it fits a header.
        if (!/^[\x20-\x7E]+$/.test(tokens.access_token)) throw invalid('access_token')
        // RFC 8417 §4.6: a security event token is never an ID token, even under the same issuer, key and audience.
        if (Object.hasOwn(claims, 'events')) throw invalid('id_token_events')
        // OIDC Core §3.1.3.8: optional here; where it is sent, it has to be right.
        if (Object.hasOwn(claims, 'at_hash') && !accessTokenFits(claims['at_hash'], alg, tokens.access_token))
          throw invalid('id_token_at_hash')
        // OIDC Core §2: at most 255 ASCII characters.
        if (typeof claims.sub !== 'string' || !/^[\x21-\x7E]{1,255}$/.test(claims.sub) || key === undefined)
          throw invalid('id_token_sub')
        const { sub } = claims
        const accessToken = tokens.access_token
        return use({
          claims: { ...claims, sub },
          key,
          accessToken,
          ...(metadata['userinfo_endpoint'] === undefined
            ? {}
            : { userinfo: () => fetchUserInfo(configuration, accessToken, sub) }),
        })
      }),
  }
}

async function fetchUserInfo(
  configuration: client.Configuration,
  accessToken: string,
  sub: string,
): Promise<UpstreamClaims> {
  try {
    return await client.fetchUserInfo(configuration, accessToken, sub)
  } catch (error) {
    // OIDC Core §5.3.2: an answer about somebody else must not be used.
    if (error instanceof client.ClientError && error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED')
      throw invalid('userinfo_sub')
    throw unavailable(parseFailure(error)?.fields.reason ?? 'userinfo')
  }
}

/** The answer is whole already, so reading a copy costs nothing and can't fail half-way. */
async function peekTokenKeyId(response: Response): Promise<string | undefined> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined)
  return typeof body === 'object' && body !== null && 'id_token' in body
    ? peekKeyId(body.id_token)
    : undefined
}
