/**
 * The simulated login.microsoftonline.com: discovery, key sets, authorization and sign-out endpoints.
 * A wrong client or redirect URI, or a person whom the authority doesn't admit, gets Microsoft's own error page and
 * never a redirect. https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
 */
import { Router } from 'express'
import type { Response } from 'express'
import { aadsts, sendAadsts } from './aadsts.ts'
import type { AadstsCode } from './aadsts.ts'
import { discoveryOf, isPersonal, issuerOf, membershipAt, parseAuthority } from './authority.ts'
import type { Authority } from './authority.ts'
import {
  answerParameters,
  challengeOf,
  form,
  on,
  part,
  query,
  registeredRedirect,
  signedIn,
  signIn,
  signOut,
  withQuery,
} from './exchange.ts'
import type { Answer, Call } from './exchange.ts'
import { broken } from './faults.ts'
import { sendChooser, sendErrorPage, sendFormPost } from './pages.ts'
import { consumersTenant } from './people.ts'
import type { MicrosoftPerson } from './people.ts'
import { findClient, findPerson, peopleOf, random, stableGuid } from './world.ts'
import type { Client, World } from './world.ts'

type Admitted = { parameters: URLSearchParams; authority: Authority; client: Client; redirectUri: string }

const ownPage = (res: Response, code: AadstsCode, more = ''): Promise<void> =>
  sendErrorPage(res, 'microsoft', 400, {
    title: 'Sorry, but we’re having trouble signing you in',
    code: `${aadsts(code).text}${more}`,
    text: 'The simulated Microsoft sends nothing to the app in this case.',
  })

/** The checked request, or undefined once an error page has been sent. */
const admitted = async (
  world: World,
  res: Response,
  authorityName: string,
  parameters: URLSearchParams,
): Promise<Admitted | undefined> => {
  const authority = parseAuthority(authorityName)
  const client = findClient(world, 'microsoft', parameters.get('client_id'))
  const redirectUri = client && registeredRedirect(client, parameters)
  if (authority !== undefined && client !== undefined && redirectUri !== undefined) {
    return { parameters, authority, client, redirectUri }
  }
  if (authority === undefined) await ownPage(res, 90002)
  else await ownPage(res, client === undefined ? 700016 : 50011)
  return undefined
}

const goBack = async (world: World, res: Response, request: Admitted, answer: Answer): Promise<void> => {
  const parameters = answerParameters(world, 'microsoft', {
    ...answer,
    state: request.parameters.get('state') ?? undefined,
  })
  const mode = request.parameters.get('response_mode') ?? 'query'
  if (mode === 'form_post') return sendFormPost(res, 'microsoft', request.redirectUri, parameters)
  if (mode === 'fragment') return res.redirect(303, `${request.redirectUri}#${parameters.toString()}`)
  res.redirect(303, withQuery(request.redirectUri, parameters))
}

const fail = (
  world: World,
  res: Response,
  request: Admitted,
  code: AadstsCode,
  error?: string,
): Promise<void> => {
  const { error: usual, text, uri } = aadsts(code)
  return goBack(world, res, request, { error: error ?? usual, error_description: text, error_uri: uri })
}

/** Gives a code for a person, or Microsoft's page when the authority doesn't admit the account. */
const grant = async (
  world: World,
  res: Response,
  request: Admitted,
  person: MicrosoftPerson,
  authTime: number,
): Promise<void> => {
  const { parameters, authority, client } = request
  const membership = membershipAt(authority, person)
  if (membership === undefined) return ownPage(res, 50020, ` ${person.upn} at ${authority.name}`)
  const trap = world.traps.microsoft.authorize
  if (trap === 'accessDenied') return fail(world, res, request, 65004)
  if (trap === 'serverError') {
    return goBack(world, res, request, {
      error: 'server_error',
      error_description: 'AADSTS90020: simulated fault',
    })
  }
  world.consents.add(`${client.id} ${person.id}`)
  const scopes = (parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
  const code = isPersonal(person) ? `M.C5_BAY.2.U.${random(32)}` : `1.AX0A${random(60)}`
  world.codes.set(code, {
    vendor: 'microsoft',
    clientId: client.id,
    personId: person.id,
    scopes,
    redirectUri: request.redirectUri,
    nonce: parameters.get('nonce') ?? undefined,
    challenge: challengeOf(parameters),
    authTime,
    issuedAt: world.now(),
    offline: scopes.includes('offline_access'),
    tenant: membership.tenant,
    authority: authority.name,
    used: false,
  })
  await goBack(world, res, request, {
    code,
    session_state: stableGuid('session', person.id),
    ...(parameters.get('client_info') === '1' && {
      client_info: clientInfo(membership.oid, membership.tenant),
    }),
  })
}

/** Who signed in, for Microsoft's own libraries: object id and tenant in base64url JSON. */
export const clientInfo = (uid: string, utid: string): string =>
  Buffer.from(JSON.stringify({ uid, utid })).toString('base64url')

const silently = (world: World, req: Call, res: Response, request: Admitted): Promise<void> => {
  const hint = request.parameters.get('login_hint')
  const session = [...signedIn(world, req, 'microsoft')].flatMap(([id, authTime]) => {
    const person = findPerson(world, 'microsoft', id)
    return person !== undefined && (hint === null || hint === person.upn) ? [{ person, authTime }] : []
  })
  const [only] = session
  if (only === undefined) return fail(world, res, request, 50058)
  if (session.length > 1) return fail(world, res, request, 50058, 'interaction_required')
  if (membershipAt(request.authority, only.person) === undefined) {
    return fail(world, res, request, 50020, 'interaction_required')
  }
  if (!world.consents.has(`${request.client.id} ${only.person.id}`)) {
    return fail(world, res, request, 65001, 'consent_required')
  }
  return grant(world, res, request, only.person, only.authTime)
}

const publishedKeys = async (world: World): Promise<Record<string, unknown>[]> => {
  const rotated = world.traps.microsoft.keys === 'rotated'
  const published = [
    { name: rotated ? 'microsoft-work-3' : 'microsoft-work-1', issuer: issuerOf(undefined) },
    { name: 'microsoft-work-2', issuer: issuerOf(undefined) },
    { name: rotated ? 'microsoft-consumers-2' : 'microsoft-consumers-1', issuer: issuerOf(consumersTenant) },
  ]
  return Promise.all(
    published.map(async ({ name, issuer }) => {
      const { kid, n, e, certificate } = await world.keys.get(name)
      return { kty: 'RSA', use: 'sig', kid, x5t: kid, n, e, x5c: [certificate.toString('base64')], issuer }
    }),
  )
}

/** Routes of login.microsoftonline.com, without the token endpoint. */
export const microsoftLogin = (world: World): Router => {
  const router = Router()

  router.get('/common/discovery/instance', (_req, res) => {
    const aliases = [
      'login.microsoftonline.com',
      'login.windows.net',
      'login.microsoft.com',
      'sts.windows.net',
    ]
    res.json({
      tenant_discovery_endpoint:
        'https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration',
      'api-version': '1.1',
      metadata: [{ preferred_network: aliases[0], preferred_cache: aliases[1], aliases }],
    })
  })

  router.get(
    '/:authority/v2.0/.well-known/openid-configuration',
    on(async (req, res) => {
      const trap = world.traps.microsoft.discovery
      if (await broken(world.origin, res, trap)) return
      const authority = parseAuthority(part(req, 'authority'))
      if (authority === undefined) return sendAadsts(world, res, 90002)
      const document = discoveryOf(authority)
      res.set('Cache-Control', 'max-age=86400, private')
      res.json(trap === 'otherIssuer' ? { ...document, issuer: 'https://attacker.example/v2.0' } : document)
    }),
  )

  router.get(
    '/:authority/discovery/v2.0/keys',
    on(async (req, res) => {
      const trap = world.traps.microsoft.jwks
      if (await broken(world.origin, res, trap)) return
      if (parseAuthority(part(req, 'authority')) === undefined) return sendAadsts(world, res, 90002)
      res.set('Cache-Control', 'max-age=86400, private')
      res.json({ keys: trap === 'empty' ? [] : await publishedKeys(world) })
    }),
  )

  router.get(
    '/:authority/oauth2/v2.0/authorize',
    on(async (req, res) => {
      const parameters = query(req)
      const request = await admitted(world, res, part(req, 'authority'), parameters)
      if (request === undefined) return
      const prompt = parameters.get('prompt')
      const hint = parameters.get('login_hint')
      if (parameters.get('response_type') !== 'code') {
        return fail(world, res, request, 90014, 'unsupported_response_type')
      }
      if (!parameters.has('scope')) return fail(world, res, request, 90014)
      // One value only, and a hint beside select_account contradicts it. The exact code is not documented.
      if (prompt !== null && !['login', 'none', 'consent', 'select_account'].includes(prompt)) {
        return fail(world, res, request, 90023)
      }
      if (prompt === 'select_account' && hint !== null) return fail(world, res, request, 90023)
      if (prompt === 'none') return silently(world, req, res, request)
      await sendChooser(res, {
        vendor: 'microsoft',
        clientId: request.client.id,
        people: peopleOf(world, 'microsoft'),
        hint,
        action: `${req.baseUrl}/${request.authority.name}/choose`,
        cancel: `${req.baseUrl}/${request.authority.name}/cancel?${parameters.toString()}`,
        request: parameters.toString(),
      })
    }),
  )

  router.post(
    '/:authority/choose',
    on(async (req, res) => {
      const parameters = new URLSearchParams(form(req).get('request') ?? '')
      const request = await admitted(world, res, part(req, 'authority'), parameters)
      if (request === undefined) return
      const person = findPerson(world, 'microsoft', form(req).get('person'))
      if (person === undefined) return ownPage(res, 50034)
      await grant(world, res, request, person, signIn(world, req, res, person))
    }),
  )

  router.get(
    '/:authority/cancel',
    on(async (req, res) => {
      const request = await admitted(world, res, part(req, 'authority'), query(req))
      if (request !== undefined) await fail(world, res, request, 65004)
    }),
  )

  router.all(
    '/:authority/oauth2/v2.0/logout',
    on(async (req, res) => {
      signOut(world, req, res, 'microsoft')
      const target = query(req).get('post_logout_redirect_uri')
      const known = [...world.clients.microsoft.values()].flatMap((one) => one.postLogoutRedirectUris ?? [])
      if (target !== null && known.includes(target)) return res.redirect(303, target)
      await sendErrorPage(res, 'microsoft', 200, {
        title: 'You signed out of your account',
        code: 'signed out',
        text: 'It’s a good idea to close all browser windows.',
      })
    }),
  )

  return router
}
