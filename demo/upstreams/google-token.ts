/**
 * The simulated oauth2.googleapis.com, openidconnect.googleapis.com, www.googleapis.com and lh3.googleusercontent.com:
 * token and revocation endpoint, userinfo, key sets, pictures.
 * A code works once, for ten minutes, with the redirect URI and PKCE verifier it was asked for.
 */
import { Router } from 'express'
import type { Response } from 'express'
import { bearer, form, on, part, presentedClient, sendText, verifierFits } from './exchange.ts'
import { broken } from './faults.ts'
import { grantedScope } from './google.ts'
import { leftHalfHash, mintIdToken } from './id-token.ts'
import type { SigningKey } from './keys.ts'
import { withExtra } from './people.ts'
import type { GooglePerson } from './people.ts'
import { sendPicture } from './pictures.ts'
import type { Pictures } from './pictures.ts'
import { bentPictureUrl, bentProfile } from './profile.ts'
import { findClient, findPerson, peopleOf, random, stable } from './world.ts'
import type { Client, Grant, World } from './world.ts'

const pictureId = (person: GooglePerson): string => `ACg8oc${stable('picture', person.id)}`

/** What Google says about a person, under the scopes granted; the same in ID token and userinfo. */
const profileOf = (
  world: World,
  person: GooglePerson,
  scopes: readonly string[],
): Record<string, unknown> => {
  const traps = world.traps.google
  const verified = person.emailVerified
  const own =
    person.picture === true ? `https://lh3.googleusercontent.com/a/${pictureId(person)}=s96-c` : undefined
  const claims = {
    ...(person.hd !== undefined && { hd: person.hd }),
    ...(scopes.includes('email') && {
      email: person.email,
      email_verified: traps.emailVerifiedAsString === 'on' ? String(verified) : verified,
    }),
    ...(scopes.includes('profile') && {
      name: person.name,
      picture: bentPictureUrl(traps.pictureUrl, own),
      given_name: person.givenName,
      family_name: person.familyName,
    }),
  }
  return bentProfile(traps.profile, claims)
}

const subjectOf = (world: World, person: GooglePerson): string =>
  world.traps.google.subChangedForSameEmail === 'on'
    ? `1${BigInt(`0x${Buffer.from(stable(person.sub)).toString('hex')}`)
        .toString()
        .slice(0, 20)}`
    : person.sub

const publishedNames = (world: World): string[] =>
  world.traps.google.keys === 'rotated' ? ['google-2', 'google-3'] : ['google-1', 'google-2']

const signingKey = (world: World): Promise<SigningKey> => {
  const trap = world.traps.google.keys
  if (trap === 'unknownKid') return world.keys.get('google-never-published')
  return world.keys.get(trap === 'rotated' ? 'google-3' : 'google-1')
}

const idTokenFor = async (
  world: World,
  client: Client,
  grant: Grant,
  person: GooglePerson,
  accessToken: string,
): Promise<string> => {
  const claims = {
    iss: world.traps.google.bareIssuer === 'on' ? 'accounts.google.com' : 'https://accounts.google.com',
    azp: client.id,
    aud: client.id,
    sub: subjectOf(world, person),
    at_hash: leftHalfHash(accessToken),
    nonce: grant.nonce,
    ...profileOf(world, person, grant.scopes),
    iat: world.now(),
    exp: world.now() + 3600,
  }
  return mintIdToken(
    world,
    'google',
    client,
    withExtra(claims, person.extra?.idToken),
    await signingKey(world),
  )
}

const refuse = (res: Response, status: number, error: string, description: string): void => {
  res.status(status).json({ error, error_description: description })
}

/** The grant that a token request proves, or undefined once it has been refused. */
const provenGrant = (
  world: World,
  res: Response,
  client: Client,
  body: URLSearchParams,
): Grant | undefined => {
  const type = body.get('grant_type')
  if (type === 'refresh_token') {
    const grant = world.refreshTokens.get(body.get('refresh_token') ?? '')
    if (grant?.vendor === 'google' && grant.clientId === client.id) return grant
    refuse(res, 400, 'invalid_grant', 'Token has been expired or revoked.')
    return undefined
  }
  if (type !== 'authorization_code') {
    refuse(res, 400, 'unsupported_grant_type', `Invalid grant_type: ${type ?? ''}`)
    return undefined
  }
  const grant = world.codes.get(body.get('code') ?? '')
  if (grant?.vendor !== 'google') {
    refuse(res, 400, 'invalid_grant', 'Malformed auth code.')
    return undefined
  }
  const spent = grant.used || grant.issuedAt + 600 < world.now() || grant.clientId !== client.id
  // Spent also by a failed attempt: whoever guesses gets one try.
  grant.used = true
  if (spent) refuse(res, 400, 'invalid_grant', 'Bad Request')
  else if (grant.redirectUri !== body.get('redirect_uri'))
    refuse(res, 400, 'redirect_uri_mismatch', 'Bad Request')
  else if (!verifierFits(grant.challenge, body.get('code_verifier'))) {
    refuse(
      res,
      400,
      'invalid_grant',
      body.has('code_verifier') ? 'Invalid code verifier.' : 'Missing code verifier.',
    )
  } else return grant
  return undefined
}

/** Routes of oauth2.googleapis.com. */
export const googleOauth = (world: World): Router => {
  const router = Router()

  router.post(
    '/token',
    on(async (req, res) => {
      const trap = world.traps.google.token
      res.set('Cache-Control', 'no-cache, no-store, max-age=0, must-revalidate')
      if (await broken(world.origin, res, trap)) return
      const body = form(req)
      const presented = presentedClient(req, body)
      const client = findClient(world, 'google', presented.id)
      if (client === undefined) return refuse(res, 401, 'invalid_client', 'The OAuth client was not found.')
      if (client.secret !== presented.secret || trap === 'expiredSecret') {
        return refuse(res, 401, 'invalid_client', 'The provided client secret is invalid.')
      }
      const grant = provenGrant(world, res, client, body)
      if (grant === undefined) return
      const person = findPerson(world, 'google', grant.personId)
      if (person === undefined) return refuse(res, 400, 'invalid_grant', 'Account has been deleted')
      const accessToken = `ya29.a0${random(60)}`
      world.accessTokens.set(accessToken, grant)
      const first = body.get('grant_type') === 'authorization_code'
      const refreshToken = first && grant.offline ? `1//0${random(48)}` : undefined
      if (refreshToken !== undefined) world.refreshTokens.set(refreshToken, grant)
      const signs = grant.scopes.includes('openid') && trap !== 'noIdToken'
      res.json({
        access_token: accessToken,
        expires_in: 3599,
        scope: grantedScope(grant.scopes, 'token'),
        token_type: 'Bearer',
        ...(signs && { id_token: await idTokenFor(world, client, grant, person, accessToken) }),
        ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      })
    }),
  )

  router.post('/revoke', (req, res) => {
    const token =
      form(req).get('token') ?? new URL(req.originalUrl, world.origin).searchParams.get('token') ?? ''
    const grant = world.accessTokens.get(token) ?? world.refreshTokens.get(token)
    if (grant?.vendor !== 'google') return refuse(res, 400, 'invalid_token', 'Token expired or revoked')
    for (const tokens of [world.accessTokens, world.refreshTokens]) {
      for (const [key, value] of tokens) if (value === grant) tokens.delete(key)
    }
    world.consents.delete(`${grant.clientId} ${grant.personId}`)
    res.status(200).json({})
  })

  return router
}

/** Routes of openidconnect.googleapis.com. */
export const googleUserinfo = (world: World): Router => {
  const router = Router()
  router.all(
    '/v1/userinfo',
    on(async (req, res) => {
      const trap = world.traps.google.userinfo
      if (await broken(world.origin, res, trap)) return
      const grant = world.accessTokens.get(bearer(req) ?? '')
      const person = findPerson(world, 'google', grant?.vendor === 'google' ? grant.personId : undefined)
      if (grant === undefined || person === undefined) {
        res.set('WWW-Authenticate', 'Bearer realm="https://accounts.google.com/", error="invalid_token"')
        return refuse(res, 401, 'invalid_request', 'Invalid Credentials')
      }
      const sub = trap === 'otherSub' ? '100000000000000000001' : subjectOf(world, person)
      res.json(withExtra({ sub, ...profileOf(world, person, grant.scopes) }, person.extra?.userinfo))
    }),
  )
  return router
}

/** Routes of www.googleapis.com: the key set as JWKS, and as PEM certificates for older libraries. */
export const googleKeys = (world: World): Router => {
  const router = Router()
  const send = async (res: Response, body: (keys: SigningKey[]) => unknown): Promise<void> => {
    const trap = world.traps.google.jwks
    if (await broken(world.origin, res, trap)) return
    const keys = await Promise.all(publishedNames(world).map((name) => world.keys.get(name)))
    res.set('Cache-Control', 'public, max-age=19800, must-revalidate, no-transform')
    res.json(body(trap === 'empty' ? [] : keys))
  }
  router.get('/oauth2/v3/certs', (_req, res) =>
    send(res, (keys) => ({
      keys: keys.map(({ kid, n, e }) => ({ kid, n, e, alg: 'RS256', use: 'sig', kty: 'RSA' })),
    })),
  )
  router.get('/oauth2/v1/certs', (_req, res) =>
    send(res, (keys) =>
      Object.fromEntries(
        keys.map(({ kid, certificate }) => {
          const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
          return [kid, `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`]
        }),
      ),
    ),
  )
  return router
}

/** Routes of lh3.googleusercontent.com: public pictures, `=s96-c` asks for 96 pixels. */
export const googlePictures = (world: World, pictures: Pictures): Router => {
  const router = Router()
  router.get(
    '/a/:name',
    on(async (req, res) => {
      const [, id, size] = /^([^=]+)(?:=s(\d{1,4})(?:-c)?)?$/.exec(part(req, 'name')) ?? []
      const person = peopleOf(world, 'google').find((one) => one.picture === true && pictureId(one) === id)
      const trap = world.traps.google.photo
      if (person === undefined || trap === 'missing') {
        return sendText(res, 404, 'html', '<!doctype html><title>Error 404 (Not Found)</title>')
      }
      res.set({ 'Cache-Control': 'public, max-age=86400, no-transform', 'X-Content-Type-Options': 'nosniff' })
      const side = Math.min(Math.max(Number(size ?? 512), 16), 1024)
      const bytes = await pictures.draw(person.id, side, 'png')
      await sendPicture(world.origin, res, { bytes, type: 'image/png' }, trap)
    }),
  )
  return router
}
