// Any OpenID provider that keeps to the standard. Its word counts for its own issuer only: e-mail is shown and never decides.
// OpenID Connect Core 1.0, Discovery 1.0
import * as client from 'openid-client'
import { BrokerError } from '../core/errors.ts'
import { upstreamProfile } from '../core/model.ts'
import type { Connector } from '../core/ports.ts'
import type { UpstreamClaims } from '../crypto/upstream-jwt.ts'
import { invalid, reasonOf } from './failure.ts'
import { answerOf, askWithinDeadline, EMPTY, UNKNOWN } from './optional.ts'
import type { ConnectorDeps, OidcSettings } from './settings.ts'
import { createUpstream, type Redeemed } from './upstream.ts'

const PROMPTS = ['login', 'consent', 'select_account', 'none']
const TOLERANCE = 60
const ALGORITHMS = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA'] as const),
]

/** Hosts of one provider: its issuer's, and what its settings add. */
export const oidcHosts = ({ issuer, endpointHosts = [], pictureHosts = [] }: OidcSettings): string[] => [
  new URL(issuer).host,
  ...endpointHosts,
  ...pictureHosts,
]

export function createOidc(
  settings: OidcSettings,
  deps: ConnectorDeps,
  place: { callbackPath: string; redirectUri: string },
): Connector {
  const scopes = new Set(['openid', ...(settings.scopes ?? ['profile', 'email'])])
  const upstream = createUpstream(settings, deps, {
    server: settings.issuer,
    issuer: settings.issuer,
    redirectUri: place.redirectUri,
    scope: [...scopes].join(' '),
    algorithms: ALGORITHMS,
    clientAuth:
      settings.clientAuth === 'client_secret_post'
        ? client.ClientSecretPost(settings.clientSecret)
        : client.ClientSecretBasic(settings.clientSecret),
  })

  return {
    id: settings.id,
    kind: 'oidc',
    label: settings.label,
    callbackPath: place.callbackPath,

    authorizationUrl(request) {
      const prompts = PROMPTS.filter((prompt) => request.prompts.includes(prompt))
      // OIDC Core §3.1.2.1: none stands alone.
      const prompt = prompts.includes('none') ? 'none' : prompts.join(' ')
      return upstream.authorizationUrl(request, {
        ...(prompt === '' ? {} : { prompt }),
        ...(request.maxAge === undefined ? {} : { max_age: String(request.maxAge) }),
        ...(request.loginHint === undefined ? {} : { login_hint: request.loginHint }),
        ...(request.uiLocales === undefined ? {} : { ui_locales: request.uiLocales }),
      })
    },

    exchange: (query, sent) =>
      upstream.redeem(
        query,
        sent,
        () => settings.issuer,
        async (redeemed) => {
          const { claims } = redeemed
          const authTime = parseAuthTime(claims)
          // OIDC Core §3.1.2.1, §3.1.3.7 (13): who asked for an age gets a time, and it has to be recent enough.
          const oldest = deps.clock() / 1000 - (sent.maxAge ?? Infinity) - TOLERANCE
          if (sent.maxAge !== undefined && (authTime === undefined || authTime < oldest))
            throw new BrokerError('auth_time_unproven', { cause: new Error('auth_time') })
          const [profile, picture] = await Promise.all([
            completeProfile(redeemed, settings, deps),
            askPicture(claims, settings, deps),
          ])
          return upstreamProfile({
            connector: settings.id,
            issuer: settings.issuer,
            providerUserId: claims.sub,
            ...profile,
            // There is no standard claim for it.
            company: EMPTY,
            picture,
            admission: { connector: settings.id },
            ...(authTime === undefined ? {} : { authTime }),
            ...(typeof claims['sid'] === 'string' ? { upstreamSid: claims['sid'] } : {}),
          })
        },
      ),
  }
}

function parseAuthTime({ auth_time: authTime }: UpstreamClaims): number | undefined {
  if (authTime === undefined) return undefined
  if (typeof authTime !== 'number' || !Number.isFinite(authTime)) throw invalid('id_token_auth_time')
  return authTime
}

/** Name and e-mail from the ID token, and what it lacks from userinfo, which OIDC Core §5.4 makes the usual place. */
async function completeProfile(
  { claims, userinfo }: Redeemed,
  settings: OidcSettings,
  { log }: ConnectorDeps,
) {
  const complete = claims['name'] !== undefined && claims['email'] !== undefined
  let more: UpstreamClaims | undefined = {}
  if (!complete && userinfo !== undefined) {
    more = await userinfo().catch((error: unknown) => {
      if (!(error instanceof BrokerError) || error.code === 'upstream_invalid') throw error
      log.warn('userinfo_missing', { connector: settings.id, reason: reasonOf(error) })
      return undefined
    })
  }
  const source = claims['email'] === undefined ? more : claims
  const pick = (name: 'name' | 'email') =>
    claims[name] === undefined && more === undefined ? UNKNOWN : answerOf(claims[name] ?? more?.[name])
  return {
    name: pick('name'),
    email: pick('email'),
    // The boolean and nothing that resembles it, and only from where the address comes.
    emailVerified: source?.['email_verified'] === true,
  }
}

/** Only from hosts that the operator named: the claim is a stranger's address. `_claim_sources` is never looked at. */
async function askPicture(claims: UpstreamClaims, settings: OidcSettings, deps: ConnectorDeps) {
  const url = typeof claims['picture'] === 'string' ? URL.parse(claims['picture']) : null
  if (url === null || settings.pictureHosts?.includes(url.host) !== true) return EMPTY
  return askWithinDeadline(settings, deps).picture(url)
}
