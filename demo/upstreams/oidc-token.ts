/**
 * The generic OpenID provider's token endpoint, userinfo, key set and pictures.
 * A code works once, for a minute; using it twice revokes what it gave. OIDC Core §3.1.3, RFC 6749 §4.1.2
 */
import { Router } from 'express'
import type { Response } from 'express'
import { bearer, form, on, part, presentedClient, sendText, verifierFits } from './exchange.ts'
import { broken } from './faults.ts'
import { leftHalfHash, mintIdToken } from './id-token.ts'
import type { SigningKey } from './keys.ts'
import { withExtra } from './people.ts'
import type { OidcPerson } from './people.ts'
import { sendPicture } from './pictures.ts'
import type { Pictures } from './pictures.ts'
import { bentPictureUrl, bentProfile } from './profile.ts'
import { findClient, findPerson, random } from './world.ts'
import type { Client, Grant, World } from './world.ts'

const publishedNames = (world: World): string[] =>
  world.traps.oidc.keys === 'rotated' ? ['oidc-2', 'oidc-3'] : ['oidc-1', 'oidc-2']

const signingKey = (world: World): Promise<SigningKey> => {
  const trap = world.traps.oidc.keys
  if (trap === 'unknownKid') return world.keys.get('oidc-never-published')
  return world.keys.get(trap === 'rotated' ? 'oidc-3' : 'oidc-1')
}

const profileOf = (world: World, person: OidcPerson, scopes: readonly string[]): Record<string, unknown> => {
  const own = person.picture === true ? `${world.oidcIssuer}/pictures/${person.id}` : undefined
  return bentProfile(world.traps.oidc.profile, {
    ...(scopes.includes('profile') && {
      name: person.name,
      picture: bentPictureUrl(world.traps.oidc.pictureUrl, own),
    }),
    ...(scopes.includes('email') && { email: person.email, email_verified: person.emailVerified }),
  })
}

const refuse = (res: Response, status: number, error: string): void => void res.status(status).json({ error })

const provenGrant = (
  world: World,
  res: Response,
  client: Client,
  body: URLSearchParams,
): Grant | undefined => {
  const type = body.get('grant_type')
  const grant =
    type === 'refresh_token'
      ? world.refreshTokens.get(body.get('refresh_token') ?? '')
      : world.codes.get(body.get('code') ?? '')
  if (type !== 'refresh_token' && type !== 'authorization_code') {
    refuse(res, 400, 'unsupported_grant_type')
    return undefined
  }
  if (grant?.vendor === 'oidc' && grant.clientId === client.id) {
    if (type === 'refresh_token') return grant
    const fits =
      grant.redirectUri === body.get('redirect_uri') &&
      verifierFits(grant.challenge, body.get('code_verifier'))
    if (grant.used) revoke(world, grant)
    else if (fits && grant.issuedAt + 60 >= world.now()) {
      grant.used = true
      return grant
    }
    grant.used = true
  }
  refuse(res, 400, 'invalid_grant')
  return undefined
}

const revoke = (world: World, grant: Grant): void => {
  for (const tokens of [world.accessTokens, world.refreshTokens]) {
    for (const [token, value] of tokens) if (value === grant) tokens.delete(token)
  }
}

/** Routes below the issuer that apps call. */
export const oidcToken = (world: World, pictures: Pictures): Router => {
  const router = Router()

  router.get(
    '/jwks',
    on(async (_req, res) => {
      const trap = world.traps.oidc.jwks
      if (await broken(world.origin, res, trap)) return
      const keys = await Promise.all(publishedNames(world).map((name) => world.keys.get(name)))
      const jwks = keys.map(({ kid, n, e }) => ({ kty: 'RSA', use: 'sig', alg: 'RS256', kid, n, e }))
      res.json({ keys: trap === 'empty' ? [] : jwks })
    }),
  )

  router.post(
    '/token',
    on(async (req, res) => {
      const trap = world.traps.oidc.token
      res.set('Cache-Control', 'no-store')
      if (await broken(world.origin, res, trap)) return
      const body = form(req)
      const presented = presentedClient(req, body)
      const client = findClient(world, 'oidc', presented.id)
      if (client === undefined || client.secret !== presented.secret || trap === 'expiredSecret') {
        res.set('WWW-Authenticate', 'Basic realm="token endpoint"')
        return refuse(res, 401, 'invalid_client')
      }
      const grant = provenGrant(world, res, client, body)
      const person = findPerson(world, 'oidc', grant?.personId)
      if (grant === undefined) return
      if (person === undefined) return refuse(res, 400, 'invalid_grant')
      const accessToken = random(32)
      world.accessTokens.set(accessToken, grant)
      const refreshToken = grant.offline ? random(32) : undefined
      if (refreshToken !== undefined) world.refreshTokens.set(refreshToken, grant)
      const claims = {
        iss: world.oidcIssuer,
        aud: client.id,
        sub: person.sub,
        iat: world.now(),
        exp: world.now() + 600,
        auth_time: world.traps.oidc.authTime === 'off' ? undefined : grant.authTime,
        nonce: grant.nonce,
        at_hash: leftHalfHash(accessToken),
        ...profileOf(world, person, grant.scopes),
      }
      const signed = withExtra(claims, person.extra?.idToken)
      res.json({
        access_token: accessToken,
        token_type: 'Bearer',
        expires_in: 600,
        scope: grant.scopes.join(' '),
        ...(refreshToken !== undefined && { refresh_token: refreshToken }),
        ...(trap !== 'noIdToken' && {
          id_token: await mintIdToken(world, 'oidc', client, signed, await signingKey(world)),
        }),
      })
    }),
  )

  router.all(
    '/userinfo',
    on(async (req, res) => {
      const trap = world.traps.oidc.userinfo
      if (await broken(world.origin, res, trap)) return
      const grant = world.accessTokens.get(bearer(req) ?? '')
      const person = findPerson(world, 'oidc', grant?.vendor === 'oidc' ? grant.personId : undefined)
      if (grant === undefined || person === undefined) {
        res.set('WWW-Authenticate', 'Bearer error="invalid_token"')
        return refuse(res, 401, 'invalid_token')
      }
      const sub = trap === 'otherSub' ? 'another-subject' : person.sub
      res.json(withExtra({ sub, ...profileOf(world, person, grant.scopes) }, person.extra?.userinfo))
    }),
  )

  router.get(
    '/pictures/:id',
    on(async (req, res) => {
      const person = findPerson(world, 'oidc', part(req, 'id'))
      const trap = world.traps.oidc.photo
      if (person?.picture !== true || trap === 'missing') return sendText(res, 404, 'text', 'Not found')
      const bytes = await pictures.draw(person.id, 192, 'png')
      await sendPicture(world.origin, res, { bytes, type: 'image/png' }, trap)
    }),
  )

  return router
}
