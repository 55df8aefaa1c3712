// The connectors of a configuration: at which upstreams people may sign in, and as which app we are registered there.
import { z } from 'zod'
import { isRecord, report, reportTwice, type Sources } from './problems.ts'
import { checkWith, GUID, guid, hostName, secret, text, webUrl } from './values.ts'

/** Whose accounts are personal ones at Microsoft: all of them lie in this tenant (upstreams C.1). */
const PERSONAL_TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad'

const AUTHORITY = new RegExp(`^(common|organizations|consumers)$|${GUID.source}`)

/** Paths of ours. A callback path is none of them and lies below none of them. */
export const OWN_PATHS = [
  '/.well-known',
  '/assets',
  '/authorize',
  '/console',
  '/health',
  '/introspect',
  '/jwks',
  '/me',
  '/metrics',
  '/par',
  '/picture',
  '/revoke',
  '/session',
  '/sign-in',
  '/token',
  '/userinfo',
] as const

function callbackProblem(path: string): string | undefined {
  if (!/^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/.test(path)) {
    return 'is not a plain path; begin with / and use letters, digits and . _ ~ - between slashes'
  }
  // Routes are found whatever their capitals.
  const lower = path.toLowerCase()
  const own = OWN_PATHS.find((ours) => lower === ours || lower.startsWith(`${ours}/`))
  return own === undefined ? undefined : `collides with ${own}, which is ours; choose another path`
}

const callbackPath = z.string().check(checkWith(callbackProblem))

const common = (sources: Sources) => ({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'is not usable as an id; use a to z, digits and -, from a letter on'),
  clientId: z.string().regex(/^[\x21-\x7e]{1,255}$/, 'is not a client id; copy it from the upstream'),
  clientSecret: secret(sources, { shortest: 16, inline: false }),
  callbackPath,
})

const google = (sources: Sources) =>
  z.strictObject({
    kind: z.literal('google'),
    label: text(40).default('Google'),
    ...common(sources),
    hostedDomain: hostName.exactOptional(),
  })

const microsoft = (sources: Sources) =>
  z
    .strictObject({
      kind: z.literal('microsoft'),
      label: text(40).default('Microsoft'),
      ...common(sources),
      authority: z
        .string()
        .regex(
          AUTHORITY,
          'is not an authority; use common, organizations, consumers or the GUID of one tenant',
        )
        .default('common'),
      graph: z.boolean().default(true),
      allowedTenants: z.array(guid).default([]),
    })
    .check((context) => {
      const { authority, allowedTenants } = context.value
      const only = authority === 'consumers' ? PERSONAL_TENANT : authority
      const isOpen = authority === 'common' || authority === 'organizations'
      if (!isOpen && allowedTenants.some((tenant) => tenant !== only)) {
        report(context, 'names tenants that the authority lets nobody in from; remove them', [
          'allowedTenants',
        ])
      }
      if (authority === 'organizations' && allowedTenants.includes(PERSONAL_TENANT)) {
        report(
          context,
          'names the tenant of personal accounts, which organizations excludes; use the authority common',
          ['allowedTenants'],
        )
      }
    })

const oidcScopes = z
  .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is not a scope; write one scope per entry'))
  .check(
    checkWith((scopes: string[]) => {
      if (!scopes.includes('openid')) return 'lacks openid; add it'
      // Upstream tokens live for one call: there is nothing to refresh.
      return scopes.includes('offline_access')
        ? 'asks for offline_access, which is never used; remove it'
        : undefined
    }),
  )

const oidc = (sources: Sources) =>
  z.strictObject({
    kind: z.literal('oidc'),
    label: text(40),
    ...common(sources),
    issuer: webUrl(sources),
    scopes: oidcScopes.default(['openid', 'email', 'profile']),
    pictureHosts: z.array(hostName).default([]),
    endpointHosts: z.array(hostName).default([]),
    clientAuth: z.literal(['client_secret_basic', 'client_secret_post']).default('client_secret_basic'),
  })

/** A connector's callback path is /callback/<id> unless it says otherwise. */
const withCallbackPath = (entry: unknown): unknown =>
  isRecord(entry) && entry['callbackPath'] === undefined && typeof entry['id'] === 'string'
    ? { ...entry, callbackPath: `/callback/${entry['id']}` }
    : entry

/** At least one connector; ids and callback paths are unique. */
export const connectorList = (sources: Sources) =>
  z
    .array(
      z.preprocess(
        withCallbackPath,
        z.discriminatedUnion('kind', [google(sources), microsoft(sources), oidc(sources)]),
      ),
    )
    .min(1, 'is empty; add at least one connector')
    .superRefine(
      (_value, context) => {
        reportTwice(context, 'id', 'give each connector its own')
        reportTwice(context, 'callbackPath', 'give each connector its own')
      },
      { when: () => true },
    )

export type ConnectorConfig = z.output<ReturnType<typeof connectorList>>[number]
export type GoogleConfig = Extract<ConnectorConfig, { kind: 'google' }>
export type MicrosoftConfig = Extract<ConnectorConfig, { kind: 'microsoft' }>
export type OidcConfig = Extract<ConnectorConfig, { kind: 'oidc' }>
