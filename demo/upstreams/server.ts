/**
 * The simulated upstreams: one HTTP server on loopback whose first path segment names the host it stands for, e.g.
 * `http://localhost:PORT/accounts.google.com/o/oauth2/v2/auth`. Documents and tokens keep the real addresses; callers
 * rewrite them by `originMap`, for their own calls and for the browser's way to the authorization page.
 */
import { createServer } from 'node:http'
import express from 'express'
import { cast } from './cast.ts'
import { googleAccounts } from './google.ts'
import { googleKeys, googleOauth, googlePictures, googleUserinfo } from './google-token.ts'
import { graph } from './graph.ts'
import { microsoftLogin } from './microsoft.ts'
import { microsoftToken } from './microsoft-token.ts'
import { oidcLogin } from './oidc.ts'
import { oidcToken } from './oidc-token.ts'
import { overview } from './overview.ts'
import { rewrite } from './rewrite.ts'
import type { Person, Vendor } from './people.ts'
import { createPictures } from './pictures.ts'
import { resetTraps } from './traps.ts'
import type { Traps } from './traps.ts'
import { createWorld } from './world.ts'
import type { Client, LoggedRequest, World } from './world.ts'

/** What a simulation is started with; everything has a default. */
export type UpstreamsOptions = {
  /** 0, the default, takes any free port. */
  port?: number
  /** The generic OpenID provider's issuer; https://oidc.example unless told. May have a path. */
  oidcIssuer?: string
  /** Registered apps; `addClient` adds more later. */
  clients?: Partial<Record<Vendor, Client[]>>
  /** Milliseconds since 1970; the machine's clock unless told. */
  now?: () => number
}

/** As `RequestInit`; libraries also name a `body` that is undefined. */
export type FetchInit = Omit<RequestInit, 'body'> & { body?: RequestInit['body'] | undefined }

/** A running simulation. */
export type Upstreams = {
  /** `http://localhost:PORT`; its root page lists people and switches. */
  origin: string
  oidcIssuer: string
  /** Real origin → simulated origin with its path prefix. */
  originMap: Readonly<Record<string, string>>
  /** Switches to flip; `resetTraps()` puts them back. */
  traps: Traps
  resetTraps(): void
  /** Calls that arrived, oldest first. Clear by `requests.length = 0`. */
  requests: LoggedRequest[]
  /** Adds a person, or replaces the one with the same id. */
  addPerson(person: Person): void
  /** Removes a person: later exchanges of their codes and tokens fail. */
  removePerson(id: string): void
  /** Registers an app, or replaces the one with the same id. */
  addClient(vendor: Vendor, client: Client): void
  /** `fetch` that goes to the simulation for every origin in the map and refuses every other. */
  fetch: (input: string | URL | Request, init?: FetchInit) => Promise<Response>
  /** Stops listening and cuts all connections, hanging ones too. */
  close(): Promise<void>
}

/** The hosts that are simulated, apart from the generic provider. */
export const simulatedHosts = [
  'accounts.google.com',
  'oauth2.googleapis.com',
  'openidconnect.googleapis.com',
  'www.googleapis.com',
  'lh3.googleusercontent.com',
  'login.microsoftonline.com',
  'graph.microsoft.com',
] as const

const genericHost = 'oidc.example'

const secretParameters = [
  'code',
  'state',
  'nonce',
  'code_challenge',
  'login_hint',
  'id_token_hint',
  'logout_hint',
  'token',
]

/** The call as it would look at the real vendor, without what the query keeps secret. */
const logged = (method: string, url: string, realOrigins: ReadonlyMap<string, string>): LoggedRequest => {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  for (const name of secretParameters) searchParams.delete(name)
  const [, host = '', ...rest] = pathname.split('/')
  const origin = realOrigins.get(host) ?? `https://${host}`
  const query = searchParams.size === 0 ? '' : `?${searchParams.toString()}`
  return { method, url: `${origin}/${rest.join('/')}${query}` }
}

const createApp = (world: World, realOrigins: ReadonlyMap<string, string>): express.Express => {
  const pictures = createPictures()
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use((req, _res, next) => {
    const own = /^\/(?:people\/|traps$|$|\?)/.test(req.originalUrl)
    if (!own) world.requests.push(logged(req.method, req.originalUrl, realOrigins))
    next()
  })
  app.use(express.text({ type: 'application/x-www-form-urlencoded', limit: '200kb' }))
  app.use('/', overview(world, pictures))
  app.use('/accounts.google.com', googleAccounts(world))
  app.use('/oauth2.googleapis.com', googleOauth(world))
  app.use('/openidconnect.googleapis.com', googleUserinfo(world))
  app.use('/www.googleapis.com', googleKeys(world))
  app.use('/lh3.googleusercontent.com', googlePictures(world, pictures))
  app.use('/login.microsoftonline.com', microsoftToken(world), microsoftLogin(world))
  app.use('/graph.microsoft.com', graph(world, pictures))
  const issuerPath = new URL(world.oidcIssuer).pathname.replace(/\/$/, '')
  app.use(`/${genericHost}${issuerPath}`, oidcLogin(world), oidcToken(world, pictures))
  return app
}

/** Starts a simulation on 127.0.0.1. */
export const startUpstreams = async (options: UpstreamsOptions = {}): Promise<Upstreams> => {
  const oidcIssuer = options.oidcIssuer ?? `https://${genericHost}`
  const world = createWorld({ oidcIssuer, now: options.now ?? Date.now })
  for (const person of cast) world.people.set(person.id, structuredClone(person))
  for (const vendor of ['google', 'microsoft', 'oidc'] as const) {
    for (const client of options.clients?.[vendor] ?? []) world.clients[vendor].set(client.id, client)
  }

  const realOrigins = new Map([[genericHost, new URL(oidcIssuer).origin]])
  const server = createServer(createApp(world, realOrigins))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  world.origin = `http://localhost:${address.port}`
  const simulated = new Map(simulatedHosts.map((host) => [`https://${host}`, `${world.origin}/${host}`]))
  simulated.set(new URL(oidcIssuer).origin, `${world.origin}/${genericHost}`)
  const originMap = Object.fromEntries(simulated)

  return {
    origin: world.origin,
    oidcIssuer,
    originMap,
    traps: world.traps,
    resetTraps: () => resetTraps(world.traps),
    requests: world.requests,
    addPerson: (person) => void world.people.set(person.id, person),
    removePerson: (id) => void world.people.delete(id),
    addClient: (vendor, client) => void world.clients[vendor].set(client.id, client),
    fetch: async (input, { body, ...rest } = {}) => {
      const target =
        input instanceof Request
          ? new Request(rewrite(originMap, input.url), input)
          : rewrite(originMap, input)
      return fetch(target, body === undefined ? rest : { ...rest, body })
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
