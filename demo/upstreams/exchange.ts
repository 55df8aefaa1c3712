/**
 * What the three vendors share at their authorization and token endpoints: browser sessions, PKCE, client
 * authentication and the going back to the app. Each vendor's own rules stay in its own file.
 */
import { createHash } from 'node:crypto'
import type { Request, RequestHandler, Response } from 'express'
import type { Person, Vendor } from './people.ts'
import { random } from './world.ts'
import type { Client, Grant, World } from './world.ts'

/** Sends a short text or page. */
export const sendText = (res: Response, status: number, type: 'text' | 'html', text: string): void => {
  res.status(status).type(type).send(text)
}

/** A call as the routes here see it. */
export type Call = Request<Record<string, string>>

/** An asynchronous handler for express; a failure shows in the answer, for this is a simulation. */
export const on =
  (handler: (req: Call, res: Response) => Promise<void>): RequestHandler<Record<string, string>> =>
  (req, res) => {
    handler(req, res).catch((error: unknown) => {
      if (res.headersSent) res.destroy()
      else sendText(res, 500, 'text', `simulation failed: ${String(error)}`)
    })
  }

/** A named part of the path. */
export const part = (req: Call, name: string): string => req.params[name] ?? ''

/** Parameters of the query. */
export const query = (req: Call): URLSearchParams => new URL(req.originalUrl, 'http://localhost').searchParams

/** Parameters of a form body; empty when there is none. */
export const form = (req: Call): URLSearchParams => {
  const body: unknown = req.body
  return new URLSearchParams(typeof body === 'string' ? body : '')
}

/** A bearer token from the Authorization header. */
export const bearer = (req: Call): string | undefined =>
  /^Bearer (\S+)$/i.exec(req.headers.authorization ?? '')?.[1]

const cookieName = (vendor: Vendor): string => `simulated-${vendor}-session`

const sessionId = (req: Call, vendor: Vendor): string | undefined =>
  (req.headers.cookie ?? '')
    .split(/; */)
    .find((pair) => pair.startsWith(`${cookieName(vendor)}=`))
    ?.slice(cookieName(vendor).length + 1)

/** People signed in at this vendor in this browser, oldest first, with the time of their sign-in. */
export const signedIn = (world: World, req: Call, vendor: Vendor): Map<string, number> =>
  world.sessions.get(sessionId(req, vendor) ?? '') ?? new Map<string, number>()

/** Signs a person in at the vendor in this browser; returns the time, in seconds. */
export const signIn = (world: World, req: Call, res: Response, person: Person): number => {
  const found = sessionId(req, person.vendor)
  const id = found !== undefined && world.sessions.has(found) ? found : random()
  const people = world.sessions.get(id) ?? new Map<string, number>()
  people.delete(person.id)
  people.set(person.id, world.now())
  world.sessions.set(id, people)
  res.cookie(cookieName(person.vendor), id, { httpOnly: true, sameSite: 'lax', path: req.baseUrl })
  return world.now()
}

/** Ends the browser's session at this vendor. */
export const signOut = (world: World, req: Call, res: Response, vendor: Vendor): void => {
  world.sessions.delete(sessionId(req, vendor) ?? '')
  res.clearCookie(cookieName(vendor), { path: req.baseUrl })
}

/** Parameters that go back to the app; `undefined` ones are left out. */
export type Answer = Record<string, string | undefined>

/** The answer's parameters in order, after the vendor's `authorize` trap had its way with them. */
export const answerParameters = (world: World, vendor: Vendor, answer: Answer): URLSearchParams => {
  const trap = world.traps[vendor].authorize
  const changed = { ...answer }
  if (trap === 'dropState') delete changed['state']
  if (trap === 'wrongState') changed['state'] = random()
  const parameters = new URLSearchParams(
    Object.entries(changed).filter((pair): pair is [string, string] => pair[1] !== undefined),
  )
  if (trap === 'duplicateCode' && answer['code'] !== undefined) parameters.append('code', random())
  return parameters
}

/** Adds parameters to a redirect URI, keeping a query that it already has. */
export const withQuery = (uri: string, parameters: URLSearchParams): string =>
  `${uri}${uri.includes('?') ? '&' : '?'}${parameters.toString()}`

/** The PKCE challenge of an authorization request; the method is `plain` unless told. RFC 7636 §4.3 */
export const challengeOf = (parameters: URLSearchParams): Grant['challenge'] => {
  const value = parameters.get('code_challenge')
  return value === null ? undefined : { value, method: parameters.get('code_challenge_method') ?? 'plain' }
}

/** Whether the verifier fits what was asked for, also when nothing was. RFC 7636 §4.6 */
export const verifierFits = (challenge: Grant['challenge'], verifier: string | null): boolean => {
  if (challenge === undefined) return verifier === null
  if (verifier === null) return false
  if (challenge.method === 'plain') return verifier === challenge.value
  return createHash('sha256').update(verifier).digest('base64url') === challenge.value
}

// The id and secret are form-encoded before they are joined. RFC 6749 §2.3.1
const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))

/** Client id and secret as presented in the body or by HTTP Basic. RFC 6749 §2.3.1 */
export const presentedClient = (
  req: Call,
  body: URLSearchParams,
): { id: string | null; secret: string | null } => {
  const basic = /^Basic (\S+)$/i.exec(req.headers.authorization ?? '')?.[1]
  if (basic === undefined) return { id: body.get('client_id'), secret: body.get('client_secret') }
  const [id = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  return { id: decode(id), secret: decode(rest.join(':')) }
}

/** The client's redirect URI that the request names, compared as an exact string. */
export const registeredRedirect = (client: Client, parameters: URLSearchParams): string | undefined =>
  client.redirectUris.find((uri) => uri === parameters.get('redirect_uri'))
