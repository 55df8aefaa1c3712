/**
 * The simulated graph.microsoft.com: me, organization, photo and userinfo.
 * Needs User.Read (403 without); personal accounts ignore $select and know no organisation; who has no photo gets 404
 * ImageNotFound. https://learn.microsoft.com/en-us/graph/api/user-get
 */
import { Router } from 'express'
import type { Response } from 'express'
import { isPersonal, membershipAt, parseAuthority } from './authority.ts'
import type { Membership } from './authority.ts'
import { tenants } from './cast.ts'
import { bearer, on, part, query } from './exchange.ts'
import type { Call } from './exchange.ts'
import { broken } from './faults.ts'
import { pairwiseSubject } from './microsoft-token.ts'
import { withExtra } from './people.ts'
import type { MicrosoftPerson } from './people.ts'
import { sendPicture } from './pictures.ts'
import type { Pictures } from './pictures.ts'
import { bentPictureUrl, bentProfile } from './profile.ts'
import { findPerson, stableGuid } from './world.ts'
import type { Grant, World } from './world.ts'

type Caller = { person: MicrosoftPerson; grant: Grant; membership: Membership; personal: boolean }

const sendError = (world: World, res: Response, status: number, code: string, message: string): void => {
  const id = stableGuid('request', String(world.requests.length))
  const date = new Date(world.now() * 1000).toISOString().slice(0, 19)
  res
    .status(status)
    .json({ error: { code, message, innerError: { date, 'request-id': id, 'client-request-id': id } } })
}

const findCaller = (world: World, req: Call): Caller | undefined => {
  const grant = world.accessTokens.get(bearer(req) ?? '')
  const person = findPerson(world, 'microsoft', grant?.vendor === 'microsoft' ? grant.personId : undefined)
  const authority = parseAuthority(grant?.authority ?? '')
  const membership = person && authority && membershipAt(authority, person)
  if (grant === undefined || person === undefined || membership === undefined) return undefined
  return { person, grant, membership, personal: isPersonal(person) && !membership.guest }
}

/** The caller when token and scope allow the call; undefined once it has been refused or broken by a trap. */
const admitted = async (world: World, req: Call, res: Response): Promise<Caller | undefined> => {
  const trap = world.traps.microsoft.graph
  if (await broken(world.origin, res, trap)) return undefined
  const caller = findCaller(world, req)
  if (caller === undefined) {
    sendError(world, res, 401, 'InvalidAuthenticationToken', 'Access token is empty or invalid.')
    return undefined
  }
  const reads = caller.grant.scopes.some((scope) =>
    /^(https:\/\/graph\.microsoft\.com\/)?User\.Read$/i.test(scope),
  )
  if (reads && trap !== 'forbidden') return caller
  sendError(
    world,
    res,
    403,
    'Authorization_RequestDenied',
    'Insufficient privileges to complete the operation.',
  )
  return undefined
}

// What /me answers unasked. companyName is not among them: it comes on $select only.
const usual = [
  'businessPhones',
  'displayName',
  'givenName',
  'jobTitle',
  'mail',
  'mobilePhone',
  'officeLocation',
  'preferredLanguage',
  'surname',
  'userPrincipalName',
  'id',
]

const userOf = (world: World, { person, membership, personal }: Caller): Record<string, unknown> => {
  const words = (person.name ?? '').split(' ')
  const user = {
    businessPhones: [],
    displayName: person.name ?? null,
    givenName: words[0] ?? null,
    jobTitle: null,
    mail: personal ? null : (person.mail ?? null),
    mobilePhone: null,
    officeLocation: null,
    preferredLanguage: null,
    surname: words.at(-1) ?? null,
    userPrincipalName: person.upn,
    // The same account under another spelling: sixteen hex digits of the object id.
    id: personal ? membership.oid.slice(19).replace('-', '') : membership.oid,
    companyName: person.companyName ?? null,
    otherMails: [],
    accountEnabled: true,
    userType: membership.guest ? 'Guest' : 'Member',
  }
  return withExtra(bentProfile(world.traps.microsoft.profile, user), person.extra?.graph)
}

const only = (record: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => keys.includes(key)))

const selected = (req: Call): string[] =>
  (query(req).get('$select') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')

const sendMe = (world: World, req: Call, res: Response, caller: Caller): void => {
  const user = userOf(world, caller)
  const select = selected(req)
  if (caller.personal || select.length === 0) {
    const added = Object.keys(caller.person.extra?.graph ?? {})
    res.json({
      '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#users/$entity',
      ...only(user, [...usual, ...added]),
    })
    return
  }
  const bent = world.traps.microsoft.profile === 'off' && caller.person.extra?.graph === undefined
  const unknown = select.find((name) => bent && !Object.hasOwn(user, name))
  if (unknown !== undefined) {
    const message = `Could not find a property named '${unknown}' on type 'Microsoft.Graph.User'.`
    return sendError(world, res, 400, 'BadRequest', message)
  }
  res.json({
    '@odata.context': `https://graph.microsoft.com/v1.0/$metadata#users(${select.join(',')})/$entity`,
    ...only(user, select),
  })
}

const sizes = [48, 64, 96, 120, 240, 360, 432, 504, 648]

/** Routes of graph.microsoft.com. */
export const graph = (world: World, pictures: Pictures): Router => {
  const router = Router()

  router.get(
    '/v1.0/me',
    on(async (req, res) => {
      const caller = await admitted(world, req, res)
      if (caller !== undefined) sendMe(world, req, res, caller)
    }),
  )

  router.get(
    '/v1.0/organization',
    on(async (req, res) => {
      const caller = await admitted(world, req, res)
      if (caller === undefined) return
      const tenant = tenants.find((one) => one.id === caller.membership.tenant)
      if (caller.personal || tenant === undefined) {
        return sendError(world, res, 400, 'BadRequest', 'Not supported for personal accounts.')
      }
      const organization = {
        id: tenant.id,
        displayName: tenant.displayName,
        verifiedDomains: [
          { capabilities: 'Email', isDefault: true, isInitial: false, name: tenant.domain, type: 'Managed' },
        ],
      }
      const select = selected(req)
      res.json({
        '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#organization',
        value: [select.length === 0 ? organization : only(organization, select)],
      })
    }),
  )

  const sendPhoto = async (req: Call, res: Response, size: number): Promise<void> => {
    const caller = await admitted(world, req, res)
    if (caller === undefined) return
    const trap = world.traps.microsoft.photo
    if (trap === 'missing' || (caller.person.picture !== true && trap === 'off')) {
      return sendError(world, res, 404, 'ImageNotFound', 'The photo wasn’t found.')
    }
    const bytes = await pictures.draw(caller.person.id, size, 'jpeg')
    await sendPicture(world.origin, res, { bytes, type: 'image/jpeg' }, trap)
  }

  router.get('/v1.0/me/photo/\\$value', (req, res) => sendPhoto(req, res, 648))
  router.get('/v1.0/me/photos/:size/\\$value', (req, res) => {
    const side = sizes.find((one) => `${one}x${one}` === part(req, 'size'))
    if (side !== undefined) return sendPhoto(req, res, side)
    return sendError(world, res, 400, 'ErrorInvalidImageId', 'Unknown photo size.')
  })

  router.all(
    '/oidc/userinfo',
    on(async (req, res) => {
      const trap = world.traps.microsoft.userinfo
      if (await broken(world.origin, res, trap)) return
      const caller = findCaller(world, req)
      if (caller === undefined) {
        return sendError(world, res, 401, 'InvalidAuthenticationToken', 'Access token is empty or invalid.')
      }
      const { person, grant, membership } = caller
      const words = (person.name ?? '').split(' ')
      const claims = {
        sub: trap === 'otherSub' ? 'another-subject' : pairwiseSubject(grant.clientId, membership),
        ...bentProfile(world.traps.microsoft.profile, {
          name: person.name,
          family_name: words.at(-1),
          given_name: words[0],
          // An authenticated address: useless in a browser, and never a picture to store.
          picture: bentPictureUrl(
            world.traps.microsoft.pictureUrl,
            'https://graph.microsoft.com/v1.0/me/photo/$value',
          ),
          ...(grant.scopes.includes('email') && { email: person.mail }),
        }),
      }
      res.json(withExtra(claims, person.extra?.userinfo))
    }),
  )

  return router
}
