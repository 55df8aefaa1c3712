/**
 * The simulated accounts.google.com: discovery and the authorization endpoint.
 * A wrong client or redirect URI gets Google's own error page and never a redirect; everything else goes back to the
 * app, with `iss` although discovery doesn't advertise it.
 * https://developers.google.com/identity/openid-connect/openid-connect
 */
import { Router } from 'express'
import type { Response } from 'express'
import {
  answerParameters,
  challengeOf,
  form,
  on,
  query,
  registeredRedirect,
  signedIn,
  signIn,
  withQuery,
} from './exchange.ts'
import type { Answer, Call } from './exchange.ts'
import { broken } from './faults.ts'
import { addressOf, sendChooser, sendErrorPage } from './pages.ts'
import type { GooglePerson } from './people.ts'
import { findClient, findPerson, peopleOf, random } from './world.ts'
import type { Client, World } from './world.ts'

const issuer = 'https://accounts.google.com'

const discovery = {
  issuer,
  authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
  device_authorization_endpoint: 'https://oauth2.googleapis.com/device/code',
  token_endpoint: 'https://oauth2.googleapis.com/token',
  userinfo_endpoint: 'https://openidconnect.googleapis.com/v1/userinfo',
  revocation_endpoint: 'https://oauth2.googleapis.com/revoke',
  jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
  response_types_supported: [
    'code',
    'token',
    'id_token',
    'code token',
    'code id_token',
    'token id_token',
    'code token id_token',
    'none',
  ],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  scopes_supported: ['openid', 'email', 'profile'],
  token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
  claims_supported: [
    'aud',
    'email',
    'email_verified',
    'exp',
    'family_name',
    'given_name',
    'iat',
    'iss',
    'name',
    'picture',
    'sub',
  ],
  code_challenge_methods_supported: ['plain', 'S256'],
  grant_types_supported: [
    'authorization_code',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
  ],
}

/** Scope names as Google repeats them: long addresses, in another order than they were asked for. */
export const grantedScope = (scopes: readonly string[], order: 'callback' | 'token'): string => {
  const long = scopes.flatMap((scope) =>
    scope === 'email' || scope === 'profile' ? [`https://www.googleapis.com/auth/userinfo.${scope}`] : [],
  )
  const short = scopes.filter((scope) => scope === 'email' || scope === 'profile').toSorted()
  const rest = scopes.filter((scope) => !['email', 'profile', 'openid'].includes(scope))
  const openid = scopes.includes('openid') ? ['openid'] : []
  return (
    order === 'callback'
      ? [...short, ...rest, ...long.toReversed(), ...openid]
      : [...openid, ...long.toSorted(), ...rest]
  ).join(' ')
}

const scopesOf = (parameters: URLSearchParams): string[] =>
  (parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '')

/** The client and redirect URI of a request, or undefined once Google's own error page has been sent. */
const admitted = async (
  world: World,
  res: Response,
  parameters: URLSearchParams,
): Promise<{ client: Client; redirectUri: string; prompts: string[] } | undefined> => {
  const refuse = async (status: number, code: string, text: string): Promise<undefined> => {
    await sendErrorPage(res, 'google', status, {
      title: 'Access blocked: authorization error',
      code: `Error ${status}: ${code}`,
      text,
    })
    return undefined
  }
  const client = findClient(world, 'google', parameters.get('client_id'))
  if (client === undefined) {
    return parameters.has('client_id')
      ? refuse(401, 'invalid_client', 'The OAuth client was not found.')
      : refuse(400, 'invalid_request', 'Missing required parameter: client_id')
  }
  const redirectUri = registeredRedirect(client, parameters)
  if (redirectUri === undefined) {
    return refuse(400, 'redirect_uri_mismatch', "This app's request is invalid.")
  }
  if (parameters.get('response_type') !== 'code') {
    return refuse(400, 'unsupported_response_type', 'The simulation knows response_type=code only.')
  }
  if (scopesOf(parameters).length === 0)
    return refuse(400, 'invalid_request', 'Missing required parameter: scope')
  const prompts = (parameters.get('prompt') ?? '').split(' ').filter((prompt) => prompt !== '')
  // Google has no prompt=login; by which page it refuses one is not documented.
  const unknown = prompts.find((prompt) => !['none', 'consent', 'select_account'].includes(prompt))
  if (unknown !== undefined || (prompts.includes('none') && prompts.length > 1)) {
    return refuse(400, 'invalid_request', `Invalid parameter value for prompt: ${prompts.join(' ')}`)
  }
  return { client, redirectUri, prompts }
}

const issParameter = (world: World): string | undefined => {
  const trap = world.traps.google.issParameter
  if (trap === 'off') return undefined
  return trap === 'wrong' ? 'https://attacker.example' : issuer
}

const goBack = (world: World, res: Response, redirectUri: string, answer: Answer): void => {
  res.redirect(303, withQuery(redirectUri, answerParameters(world, 'google', answer)))
}

/** Gives a code for a person who has chosen, or the answer that a trap wants instead. */
const grant = (
  world: World,
  req: Call,
  res: Response,
  request: { parameters: URLSearchParams; client: Client; redirectUri: string; prompts: string[] },
  person: GooglePerson,
  authTime: number,
): void => {
  const { parameters, client, redirectUri, prompts } = request
  const state = parameters.get('state') ?? undefined
  const trap = world.traps.google.authorize
  if (trap === 'accessDenied') return goBack(world, res, redirectUri, { error: 'access_denied', state })
  if (trap === 'serverError') return goBack(world, res, redirectUri, { error: 'server_error', state })
  const consent = `${client.id} ${person.id}`
  const asks = !world.consents.has(consent) || prompts.includes('consent')
  world.consents.add(consent)
  // The slash is Google's: a caller that decodes the query twice, or never, breaks on it.
  const code = `4/0A${random(36)}`
  world.codes.set(code, {
    vendor: 'google',
    clientId: client.id,
    personId: person.id,
    scopes: scopesOf(parameters),
    redirectUri,
    nonce: parameters.get('nonce') ?? undefined,
    challenge: challengeOf(parameters),
    authTime,
    issuedAt: world.now(),
    offline: parameters.get('access_type') === 'offline' && asks,
    used: false,
  })
  goBack(world, res, redirectUri, {
    state,
    iss: issParameter(world),
    code,
    scope: grantedScope(scopesOf(parameters), 'callback'),
    authuser: String(Math.max(0, [...signedIn(world, req, 'google').keys()].indexOf(person.id))),
    hd: person.hd,
    prompt: asks ? 'consent' : 'none',
  })
}

const silently = (
  world: World,
  req: Call,
  res: Response,
  request: { parameters: URLSearchParams; client: Client; redirectUri: string; prompts: string[] },
): void => {
  const hint = request.parameters.get('login_hint')
  const session = [...signedIn(world, req, 'google')].flatMap(([id, authTime]) => {
    const person = findPerson(world, 'google', id)
    const meant = person !== undefined && (hint === null || [addressOf(person), person.sub].includes(hint))
    return meant && world.consents.has(`${request.client.id} ${id}`) ? [{ person, authTime }] : []
  })
  const [only] = session
  if (session.length !== 1 || only === undefined) {
    return goBack(world, res, request.redirectUri, {
      error: world.traps.google.promptNoneError,
      state: request.parameters.get('state') ?? undefined,
    })
  }
  grant(world, req, res, request, only.person, only.authTime)
}

/** Routes of accounts.google.com. */
export const googleAccounts = (world: World): Router => {
  const router = Router()

  router.get(
    '/.well-known/openid-configuration',
    on(async (_req, res) => {
      const trap = world.traps.google.discovery
      if (await broken(world.origin, res, trap)) return
      res.set('Cache-Control', 'public, max-age=3600')
      res.json(trap === 'otherIssuer' ? { ...discovery, issuer: 'https://attacker.example' } : discovery)
    }),
  )

  router.get(
    '/o/oauth2/v2/auth',
    on(async (req, res) => {
      const parameters = query(req)
      const request = await admitted(world, res, parameters)
      if (request === undefined) return
      if (request.prompts.includes('none')) return silently(world, req, res, { ...request, parameters })
      await sendChooser(res, {
        vendor: 'google',
        clientId: request.client.id,
        people: peopleOf(world, 'google'),
        hint: parameters.get('login_hint'),
        action: `${req.baseUrl}/signin/choose`,
        cancel: `${req.baseUrl}/signin/cancel?${parameters.toString()}`,
        request: parameters.toString(),
      })
    }),
  )

  router.post(
    '/signin/choose',
    on(async (req, res) => {
      const parameters = new URLSearchParams(form(req).get('request') ?? '')
      const request = await admitted(world, res, parameters)
      if (request === undefined) return
      const person = findPerson(world, 'google', form(req).get('person'))
      if (person === undefined) {
        return sendErrorPage(res, 'google', 400, {
          title: 'Couldn’t find this account',
          code: 'Error 400: invalid_account',
          text: 'Nobody of that name signs in here.',
        })
      }
      grant(world, req, res, { ...request, parameters }, person, signIn(world, req, res, person))
    }),
  )

  router.get(
    '/signin/cancel',
    on(async (req, res) => {
      const parameters = query(req)
      const request = await admitted(world, res, parameters)
      if (request === undefined) return
      goBack(world, res, request.redirectUri, {
        error: 'access_denied',
        state: parameters.get('state') ?? undefined,
      })
    }),
  )

  return router
}
