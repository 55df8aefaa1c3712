/**
 * The simulated generic OpenID provider: a well-behaved one, with single sign-on, max_age, prompt, auth_time,
 * RFC 9207 iss (advertised) and sign-out. Its issuer is configurable and may have a path. OIDC Core 1.0
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
  signOut,
  withQuery,
} from './exchange.ts'
import type { Answer, Call } from './exchange.ts'
import { broken } from './faults.ts'
import { sendChooser, sendErrorPage } from './pages.ts'
import type { OidcPerson } from './people.ts'
import { findClient, findPerson, peopleOf, random } from './world.ts'
import type { Client, World } from './world.ts'

type Admitted = { parameters: URLSearchParams; client: Client; redirectUri: string; prompts: string[] }

const discoveryOf = (issuer: string): Record<string, unknown> => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/userinfo`,
  jwks_uri: `${issuer}/jwks`,
  end_session_endpoint: `${issuer}/logout`,
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: ['authorization_code', 'refresh_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  code_challenge_methods_supported: ['S256'],
  prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
  claims_supported: [
    'sub',
    'iss',
    'aud',
    'exp',
    'iat',
    'auth_time',
    'nonce',
    'name',
    'email',
    'email_verified',
    'picture',
  ],
  authorization_response_iss_parameter_supported: true,
})

const admitted = async (
  world: World,
  res: Response,
  parameters: URLSearchParams,
): Promise<Admitted | undefined> => {
  const client = findClient(world, 'oidc', parameters.get('client_id'))
  const redirectUri = client && registeredRedirect(client, parameters)
  if (client !== undefined && redirectUri !== undefined) {
    const prompts = (parameters.get('prompt') ?? '').split(' ').filter((prompt) => prompt !== '')
    return { parameters, client, redirectUri, prompts }
  }
  // After a failed client or redirect-URI check nothing is sent to the app. RFC 6749 §4.1.2.1
  await sendErrorPage(res, 'oidc', 400, {
    title: 'This request can’t be trusted',
    code: client === undefined ? 'invalid_client' : 'invalid_redirect_uri',
    text: 'The app or its redirect URI is not registered here.',
  })
  return undefined
}

const goBack = (world: World, res: Response, request: Admitted, answer: Answer): void => {
  const trap = world.traps.oidc.issParameter
  const iss = trap === 'off' ? undefined : trap === 'wrong' ? 'https://attacker.example' : world.oidcIssuer
  const state = request.parameters.get('state') ?? undefined
  res.redirect(
    303,
    withQuery(request.redirectUri, answerParameters(world, 'oidc', { ...answer, state, iss })),
  )
}

const grant = (
  world: World,
  res: Response,
  request: Admitted,
  person: OidcPerson,
  authTime: number,
): void => {
  const trap = world.traps.oidc.authorize
  if (trap === 'accessDenied') return goBack(world, res, request, { error: 'access_denied' })
  if (trap === 'serverError') return goBack(world, res, request, { error: 'server_error' })
  const { parameters, client, redirectUri } = request
  const scopes = (parameters.get('scope') ?? '').split(' ')
  const code = random(32)
  world.codes.set(code, {
    vendor: 'oidc',
    clientId: client.id,
    personId: person.id,
    scopes,
    redirectUri,
    nonce: parameters.get('nonce') ?? undefined,
    challenge: challengeOf(parameters),
    authTime: world.traps.oidc.authTime === 'old' ? world.now() - 86_400 : authTime,
    issuedAt: world.now(),
    offline: scopes.includes('offline_access'),
    used: false,
  })
  goBack(world, res, request, { code })
}

/** The session that may answer without the person, if any: recent enough for max_age, and not refused by prompt. */
const usableSession = (
  world: World,
  req: Call,
  { parameters, prompts }: Admitted,
): { person: OidcPerson; authTime: number } | undefined => {
  const [id, authTime] = [...signedIn(world, req, 'oidc')].at(-1) ?? []
  const person = findPerson(world, 'oidc', id)
  if (person === undefined || authTime === undefined) return undefined
  if (prompts.some((prompt) => prompt === 'login' || prompt === 'select_account' || prompt === 'consent')) {
    return undefined
  }
  // OIDC Core §3.1.2.1: older than max_age means the person must authenticate again.
  const maxAge = parameters.get('max_age')
  if (maxAge !== null && world.now() - authTime > Number(maxAge)) return undefined
  const hint = parameters.get('login_hint')
  return hint === null || [person.email, person.sub].includes(hint) ? { person, authTime } : undefined
}

/** The first rule that the request breaks and the app may be told of. */
const faultOf = ({ parameters, prompts }: Admitted): string | undefined => {
  if (parameters.get('response_type') !== 'code') return 'unsupported_response_type'
  if (!(parameters.get('scope') ?? '').split(' ').includes('openid')) return 'invalid_scope'
  if (prompts.includes('none') && prompts.length > 1) return 'invalid_request'
  const maxAge = parameters.get('max_age')
  if (maxAge !== null && !/^\d+$/.test(maxAge)) return 'invalid_request'
  const method = parameters.get('code_challenge_method')
  return parameters.has('code_challenge') && method !== 'S256' ? 'invalid_request' : undefined
}

/** Routes below the issuer, without token endpoint and userinfo. */
export const oidcLogin = (world: World): Router => {
  const router = Router()

  router.get(
    '/.well-known/openid-configuration',
    on(async (_req, res) => {
      const trap = world.traps.oidc.discovery
      if (await broken(world.origin, res, trap)) return
      const document = discoveryOf(world.oidcIssuer)
      res.json(trap === 'otherIssuer' ? { ...document, issuer: 'https://attacker.example' } : document)
    }),
  )

  router.get(
    '/authorize',
    on(async (req, res) => {
      const request = await admitted(world, res, query(req))
      if (request === undefined) return
      const fault = faultOf(request)
      if (fault !== undefined) return goBack(world, res, request, { error: fault })
      const session = usableSession(world, req, request)
      if (session !== undefined) return grant(world, res, request, session.person, session.authTime)
      if (request.prompts.includes('none')) return goBack(world, res, request, { error: 'login_required' })
      await sendChooser(res, {
        vendor: 'oidc',
        clientId: request.client.id,
        people: peopleOf(world, 'oidc'),
        hint: request.parameters.get('login_hint'),
        action: `${req.baseUrl}/choose`,
        cancel: `${req.baseUrl}/cancel?${request.parameters.toString()}`,
        request: request.parameters.toString(),
      })
    }),
  )

  router.post(
    '/choose',
    on(async (req, res) => {
      const request = await admitted(world, res, new URLSearchParams(form(req).get('request') ?? ''))
      if (request === undefined) return
      const person = findPerson(world, 'oidc', form(req).get('person'))
      if (person === undefined) return goBack(world, res, request, { error: 'access_denied' })
      grant(world, res, request, person, signIn(world, req, res, person))
    }),
  )

  router.get(
    '/cancel',
    on(async (req, res) => {
      const request = await admitted(world, res, query(req))
      if (request !== undefined) goBack(world, res, request, { error: 'access_denied' })
    }),
  )

  router.all(
    '/logout',
    on(async (req, res) => {
      signOut(world, req, res, 'oidc')
      const target = query(req).get('post_logout_redirect_uri') ?? form(req).get('post_logout_redirect_uri')
      const known = [...world.clients.oidc.values()].flatMap((one) => one.postLogoutRedirectUris ?? [])
      const state = query(req).get('state') ?? form(req).get('state')
      if (target !== null && known.includes(target)) {
        return res.redirect(303, state === null ? target : withQuery(target, new URLSearchParams({ state })))
      }
      await sendErrorPage(res, 'oidc', 200, {
        title: 'Signed out',
        code: 'signed out',
        text: 'You may close this window.',
      })
    }),
  )

  return router
}
