// The clients file: which apps may send people here, and what each is told about them. It becomes core's Client, defaults filled in.
// Specifications: RFC 6749 §3.1.2 and RFC 9700 §2.1 (exact redirect URIs), RFC 8252 §7.3 (loopback), RFC 8707 §2 (resources).
import { z } from 'zod'
import { SCOPES, type Client } from '../core/model.ts'
import { isRecord, parseValues, parseYaml, report, reportTwice, type Sources } from './problems.ts'
import { checkWith, guid, hostName, identifier, isLoopback, seconds, secret, text, webUrl } from './values.ts'

/** Our own minting gives 43 characters; nothing shorter than this is worth having as a client's secret. */
const SHORTEST_SECRET = 32

/**
 * The clients that `text`, a YAML document, lists under `clients`; secrets come from this process's environment and files below its
 * folder unless told. Throws `configuration_invalid` with every problem.
 */
export function parseClients(
  text: string,
  { env = process.env, cwd = process.cwd(), production }: Pick<Sources, 'production'> & Partial<Sources>,
): Client[] {
  const name = 'clients'
  const sources = { env, cwd, production }
  const schema = z.strictObject({ clients: clientList(sources) })
  return parseValues(name, schema, parseYaml(name, text)).clients.map(toClient)
}

const clientList = (sources: Sources) =>
  z.array(z.preprocess(withDefaults, clientSchema(sources))).superRefine(
    (_value, context) => {
      reportTwice(context, 'id', 'give each client its own')
      reportTwice(context, 'secret', 'give each client its own')
    },
    { when: () => true },
  )

/** Defaults that depend on other keys. */
function withDefaults(entry: unknown): unknown {
  if (!isRecord(entry)) return entry
  const isPublic = entry['kind'] === 'public'
  return {
    sector: entry['id'],
    authMethod: isPublic ? 'none' : 'client_secret_basic',
    rotateRefreshTokens: isPublic,
    ...entry,
  }
}

const clientSchema = (sources: Sources) =>
  z
    .strictObject({
      id: identifier,
      name: text(80),
      enabled: z.boolean().default(true),
      kind: z.literal(['confidential', 'public']).default('confidential'),
      authMethod: z.literal(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']),
      secret: secret(sources, { shortest: SHORTEST_SECRET, inline: !sources.production }).optional(),
      jwks: z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())).min(1) }).optional(),
      redirectUris: z.array(z.string()).min(1, 'is empty; add the address that the app is called back at'),
      postLogoutRedirectUris: z.array(z.string()).default([]),
      sector: identifier,
      scopes: z
        .array(z.literal([...SCOPES], { error: `is not a scope; use ${SCOPES.join(', ')}` }))
        .default([]),
      resources: z.record(z.string().check(checkWith(resourceProblem)), resource).default({}),
      idTokenAlg: z.literal(['ES256', 'RS256']).default('ES256'),
      requirePkce: z.boolean().default(true),
      requirePar: z.boolean().default(false),
      dpop: z.boolean().default(false),
      refreshTokens: z.boolean().default(false),
      rotateRefreshTokens: z.boolean(),
      leeway: seconds('0s', '10s').prefault('0s'),
      acceptUnprovenAuthTime: z.boolean().default(false),
      admission: z
        .strictObject({
          connectors: z.array(identifier).default([]),
          tenants: z.array(guid).default([]),
          domains: z.array(hostName).default([]),
        })
        .prefault({}),
      privacyUri: webUrl(sources).optional(),
    })
    .superRefine((_value, context) => checkClient(context, sources), { when: () => true })

type Values = z.output<ReturnType<typeof clientSchema>>

/** What no single key shows. Runs on values that may be wrong in themselves, so that all problems are found at once. */
function checkClient(context: z.core.ParsePayload, sources: Sources): void {
  if (!isRecord(context.value)) return
  const client = context.value as Partial<Values>
  const isPublic = client.kind === 'public'
  const at = (key: keyof Values, message: string): void => report(context, message, [key])
  const usesSecret = client.authMethod === 'client_secret_basic' || client.authMethod === 'client_secret_post'

  if (isPublic && client.authMethod !== 'none')
    at('authMethod', 'is not possible for a public client; remove it')
  if (!isPublic && client.authMethod === 'none')
    at('authMethod', 'leaves a confidential client unproven; choose another, or make the client public')
  if (usesSecret && !isPublic && client.secret === undefined)
    at('secret', 'is missing; write { env: NAME } or { file: PATH }')
  if (!usesSecret && client.secret !== undefined)
    at('secret', `has no use ${isPublic ? 'in a public client' : 'with this authMethod'}; remove it`)

  if (client.authMethod === 'private_key_jwt' && client.jwks === undefined)
    at('jwks', "is missing; put the client's public keys there")
  if (client.authMethod !== 'private_key_jwt' && client.jwks !== undefined)
    at('jwks', 'has no use without authMethod private_key_jwt; remove it')
  if (Array.isArray(client.jwks?.keys) && client.jwks.keys.some((key) => !isPublicKey(key)))
    at('jwks', 'holds a key that is not a public EC, RSA or OKP key; replace it by the public part')

  // RFC 9700 §2.1.1: PKCE is what protects a public client's code.
  if (isPublic && client.requirePkce === false)
    at('requirePkce', 'must be true for a public client; remove it')
  // RFC 9700 §2.2.2: a public client's refresh tokens are rotated or bound to a key.
  if (isPublic && client.rotateRefreshTokens === false && client.dpop !== true)
    at('rotateRefreshTokens', 'must be true for a public client without dpop; remove it')

  for (const key of ['redirectUris', 'postLogoutRedirectUris'] as const) {
    const uris: readonly unknown[] = Array.isArray(client[key]) ? client[key] : []
    for (const [index, uri] of uris.entries()) {
      const problem =
        uris.indexOf(uri) === index
          ? redirectProblem(uri, { isPublic, production: sources.production })
          : 'stands there twice; remove one'
      if (problem !== undefined) report(context, problem, [key, index])
    }
  }
}

/** What is wrong with an address to send a browser to. They are compared as strings, so only one spelling is let in. */
function redirectProblem(
  value: unknown,
  { isPublic, production }: { isPublic: boolean; production: boolean },
): string | undefined {
  if (typeof value !== 'string') return undefined
  if (value.includes('*')) return 'holds a wildcard; list each address'
  if (value.includes('#')) return 'has a fragment; remove everything from # on'
  if (!URL.canParse(value)) return 'is not an absolute URL; write it out, from https:// on'
  const url = new URL(value)
  if (url.username !== '' || url.password !== '') return 'holds a user name or password; remove it'
  if (url.href !== value && url.href !== `${value}/`)
    return 'is not in its one canonical form; write it as a browser shows it'
  if (url.protocol === 'https:') return undefined
  if (url.protocol !== 'http:')
    return 'is not https; use https, or http on a loopback address for a native app'
  if (!isLoopback(url)) return 'uses http for a host other than the same machine; use https'
  if (!production) return undefined
  // RFC 8252 §8.3: a name can be made to resolve elsewhere, an address can't.
  if (url.hostname === 'localhost') return 'uses http for localhost; use 127.0.0.1 or [::1]'
  return isPublic ? undefined : 'uses http, which is for native apps; use https, or make the client public'
}

const SCOPE_LIST = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/

const resource = z
  .strictObject({
    scopes: z.string().regex(SCOPE_LIST, 'is not a list of scopes; separate them by one space'),
    format: z.literal(['jwt', 'opaque']).default('jwt'),
    ttl: seconds('30s', '1h').prefault('5min'),
  })
  .check((context) => {
    const { format, ttl } = context.value
    // A JWT can't be taken back before it ends.
    if (format === 'jwt' && ttl > 300)
      report(context, 'is too long for a jwt; give 5min at most, or use the format opaque', ['ttl'])
  })

// RFC 8707 §2: an absolute URI without a fragment.
const resourceProblem = (value: string): string | undefined =>
  URL.canParse(value) && !value.includes('#') && !/\s/.test(value)
    ? undefined
    : 'is not an absolute URI without a fragment; write it out, from https:// on'

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const isPublicKey = (key: unknown): boolean =>
  isRecord(key) &&
  ['EC', 'RSA', 'OKP'].includes(String(key['kty'])) &&
  !PRIVATE_MEMBERS.some((member) => member in key)

function toClient({ secret: ownSecret, jwks, privacyUri, ...rest }: Values): Client {
  return {
    ...rest,
    ...(ownSecret === undefined ? {} : { secret: ownSecret }),
    ...(jwks === undefined ? {} : { jwks }),
    ...(privacyUri === undefined ? {} : { privacyUri }),
  }
}
