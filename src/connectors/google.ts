// Google. Who someone is is `sub` alone: the same e-mail and domain under another `sub` is another person. Company is the Workspace
// domain, `hd`. https://developers.google.com/identity/openid-connect/openid-connect
import * as client from 'openid-client'
import { BrokerError } from '../core/errors.ts'
import { upstreamProfile } from '../core/model.ts'
import type { Connector } from '../core/ports.ts'
import { answerOf, askWithinDeadline, EMPTY } from './optional.ts'
import type { ConnectorDeps, GoogleSettings } from './settings.ts'
import { createUpstream, type Redeemed } from './upstream.ts'

const ISSUER = 'https://accounts.google.com'
const PICTURE_HOST = 'lh3.googleusercontent.com'

/** Where Google's endpoints and pictures live. */
export const GOOGLE_HOSTS = [
  'accounts.google.com',
  'oauth2.googleapis.com',
  'openidconnect.googleapis.com',
  'www.googleapis.com',
  PICTURE_HOST,
] as const

export function createGoogle(
  settings: GoogleSettings,
  deps: ConnectorDeps,
  place: { callbackPath: string; redirectUri: string },
): Connector {
  const upstream = createUpstream(settings, deps, {
    server: ISSUER,
    issuer: ISSUER,
    redirectUri: place.redirectUri,
    scope: 'openid email profile',
    algorithms: ['RS256'],
    clientAuth: client.ClientSecretPost(settings.clientSecret),
  })

  return {
    id: settings.id,
    kind: 'google',
    label: settings.label,
    callbackPath: place.callbackPath,

    authorizationUrl(request) {
      // Never max_age: Google documents none, and nothing may seem to have been asked that wasn't.
      const prompt = promptOf(request.prompts)
      return upstream.authorizationUrl(request, {
        ...(prompt === '' ? {} : { prompt }),
        ...(request.loginHint === undefined ? {} : { login_hint: request.loginHint }),
        ...(settings.hostedDomain === undefined ? {} : { hd: settings.hostedDomain }),
      })
    },

    exchange: (query, sent) =>
      // The bare `accounts.google.com` that Google's page also names is historical: it is refused.
      upstream.redeem(
        query,
        sent,
        () => ISSUER,
        async ({ claims }) => {
          const { hd } = claims
          // A hint in the request restricts nobody; the claim does. Never by the e-mail's domain.
          if (settings.hostedDomain !== undefined && hd !== settings.hostedDomain)
            throw new BrokerError('not_admitted', { cause: new Error('hosted_domain') })
          return upstreamProfile({
            connector: settings.id,
            issuer: ISSUER,
            providerUserId: claims.sub,
            name: answerOf(claims['name']),
            email: answerOf(claims['email']),
            emailVerified: isEmailProven(claims),
            company: answerOf(hd),
            picture: await askPicture(claims, settings, deps),
            admission: { connector: settings.id, ...(typeof hd === 'string' ? { domain: hd } : {}) },
            ...(typeof claims['auth_time'] === 'number' ? { authTime: claims['auth_time'] } : {}),
          })
        },
      ),
  }
}

/** Google knows a set of none, consent and select_account, and no login: choosing the account anew is the nearest to it. */
function promptOf(prompts: readonly string[]): string {
  if (prompts.includes('none')) return 'none'
  const known = new Set<string>()
  for (const prompt of prompts) {
    if (prompt === 'login' || prompt === 'select_account') known.add('select_account')
    if (prompt === 'consent') known.add('consent')
  }
  return [...known].join(' ')
}

/**
 * Google speaks for an address only if it is a Gmail one, or it is verified and the account belongs to a Workspace. Any other was
 * verified once, when the account was made, and may be someone else's by now.
 * https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
 */
function isEmailProven({ email, email_verified: verified, hd }: Redeemed['claims']): boolean {
  // The documentation's own sample has the text.
  if (verified !== true && verified !== 'true') return false
  const isGmail = typeof email === 'string' && /^[^@\s"]+@gmail\.com$/i.test(email)
  return isGmail || (typeof hd === 'string' && hd !== '')
}

async function askPicture(claims: Redeemed['claims'], settings: GoogleSettings, deps: ConnectorDeps) {
  const url = typeof claims['picture'] === 'string' ? URL.parse(claims['picture']) : null
  if (url?.protocol !== 'https:' || url.host !== PICTURE_HOST) return EMPTY
  // By convention the last part says which size; where it doesn't, the address stays as it is.
  url.pathname = url.pathname.replace(/=s\d{1,4}-c$/, '=s256-c')
  return askWithinDeadline(settings, deps).picture(url)
}
