// The configuration: what it fills in, what it refuses, and that one message names every problem and no secret.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { loadConfig, loadKeyringPath, parseClients } from '../src/config.ts'
import { BrokerError } from '../src/core/errors.ts'
import { ROUTES } from '../src/issuer/provider.ts'
import { OWN_PATHS } from '../src/config/connectors.ts'

const ROOT = join(import.meta.dirname, '..')
const SECRET = 'GOCSPX-w7RrmZ0Qy3vUeK1s'
const CLIENT_SECRET = 'k3Zb7Qm0y5Tn8Wc1Vx4Rf6Hd9Lp2Js0Gu7Ea3'
const ENV = {
  DATABASE_URL: 'postgres://narrowgate:n6Wq2xTz8Lc4@127.0.0.1:5432/narrowgate',
  GOOGLE_CLIENT_SECRET: SECRET,
  MICROSOFT_CLIENT_SECRET: 'Zq~8Q~uT1r4mN7xW2kB5',
  EXAMPLE_CLIENT_SECRET: 'p4Vn8Lw2Yx6Kt0Rb3Sd9',
  DOCUMENT_EDITOR_SECRET: CLIENT_SECRET,
}
const GUID = '3a1f9c52-7d11-4d0e-9a55-0c6f0f2f7a10'
const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad'

type Values = Record<string, unknown>

const google: Values = {
  id: 'google',
  kind: 'google',
  clientId: '421-a.apps.googleusercontent.com',
  clientSecret: { env: 'GOOGLE_CLIENT_SECRET' },
}
const microsoft: Values = { ...google, id: 'microsoft', kind: 'microsoft' }
const oidc: Values = {
  ...google,
  id: 'other',
  kind: 'oidc',
  label: 'Other',
  issuer: 'https://login.other.org',
}

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'))
  mkdirSync(join(folder, 'config'))
  mkdirSync(join(folder, 'keys'), { mode: 0o700 })
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const least = (changed: Values = {}): Values => ({
  issuer: 'https://id.widgets.org',
  keyring: { path: 'keys/keyring.json' },
  connectors: [google],
  controller: {
    name: 'Widgets',
    contact: 'privacy@widgets.org',
    dpo: 'https://www.widgets.org/dpo',
    supervisoryAuthority: { name: 'An authority', url: 'https://authority.widgets.org' },
  },
  notice: { version: '2026-11', url: 'https://www.widgets.org/privacy' },
  terms: { version: '3', url: 'https://www.widgets.org/terms' },
  ...changed,
})

const loadText = (text: string, env: Record<string, string | undefined> = ENV) => {
  writeFileSync(join(folder, 'config/narrowgate.yaml'), text)
  return loadConfig({ env, cwd: folder })
}
const load = (changed: Values = {}, env?: Record<string, string | undefined>) =>
  loadText(stringify(least(changed)), env)

const withSecret = (value: unknown, env: Record<string, string> = {}) =>
  load({ connectors: [{ ...google, clientSecret: value }] }, { ...ENV, ...env }).connectors[0]?.clientSecret
const fromEnv = (value: string) => withSecret({ env: 'S' }, { S: value })
const withConnector = (connector: Values) => load({ connectors: [connector] }).connectors[0]
const diverted = (to: string) => ({
  production: false,
  outbound: { originMap: { 'https://a.org': to } },
})

function refusal(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'configuration_invalid') throw error
    return error.detail ?? ''
  }
  throw new Error('nothing was refused')
}

/** The lines of the one message, each "<path> <what is wrong>; <what to do>". */
function problems(action: () => unknown): string[] {
  const [head = '', ...lines] = refusal(action).split('\n')
  expect(head).toMatch(new RegExp(`: ${lines.length} problems?$`))
  for (const line of lines) expect(line).toMatch(/^ {2}\S.*; \S/)
  return lines.map((line) => line.trim())
}

const expectProblem = (action: () => unknown, beginning: string) => {
  const [first, ...others] = problems(action)
  expect(first).toContain(beginning)
  expect(others).toEqual([])
}

describe('loadConfig()', () => {
  test('fills in every default, in seconds and milliseconds', () => {
    const config = load()
    expect(config).toMatchObject({
      production: true,
      listen: { host: '127.0.0.1', port: 8080 },
      database: { url: ENV.DATABASE_URL, poolSize: 10 },
      keyring: { path: join(folder, 'keys/keyring.json') },
      deadlines: { fetch: 1500 },
      dataKeyCache: { size: 10_000, ttlMs: 300_000 },
      logLevel: 'info',
      metrics: { enabled: false },
      outbound: { originMap: {} },
    })
    expect(config.lifetimes).toEqual({
      sessionIdle: 28_800,
      sessionAbsolute: 43_200,
      refresh: 1_209_600,
      code: 60,
      interaction: 900,
      accessToken: 600,
      idToken: 600,
    })
  })

  test('gives each kind of connector its label, callback path and own keys', () => {
    expect(load({ connectors: [google, microsoft, oidc] }).connectors).toEqual([
      { ...google, label: 'Google', clientSecret: SECRET, callbackPath: '/callback/google' },
      {
        ...microsoft,
        label: 'Microsoft',
        clientSecret: SECRET,
        callbackPath: '/callback/microsoft',
        authority: 'common',
        graph: true,
        allowedTenants: [],
      },
      {
        ...oidc,
        clientSecret: SECRET,
        callbackPath: '/callback/other',
        scopes: ['openid', 'email', 'profile'],
        pictureHosts: [],
        endpointHosts: [],
        clientAuth: 'client_secret_basic',
      },
    ])
  })

  test('reads the file that NARROWGATE_CONFIG names', () => {
    writeFileSync(join(folder, 'mine.yaml'), stringify(least({ logLevel: 'warn' })))
    expect(loadConfig({ env: { ...ENV, NARROWGATE_CONFIG: 'mine.yaml' }, cwd: folder }).logLevel).toBe('warn')
  })

  test('loads the example as it stands', () => {
    const env = { ...ENV, NARROWGATE_CONFIG: 'config/narrowgate.example.yaml' }
    const config = loadConfig({ env, cwd: ROOT })
    expect(config.connectors.map(({ kind }) => kind)).toEqual(['google', 'microsoft', 'oidc'])
  })

  test('has every key in the example, with the default that it really has', () => {
    const text = readFileSync(join(ROOT, 'config/narrowgate.example.yaml'), 'utf8')
    // A commented key is "# key: value" or "# key:"; prose has no colon right after its first word.
    const whole = text
      .replace(/^ *# hostedDomain:\n/m, '')
      .replaceAll(/^( *)# ?( *[A-Za-z]+:( .*)?)$/gm, '$1$2')
    expect(whole).not.toBe(text)
    const env = { ...ENV, NARROWGATE_CONFIG: 'config/narrowgate.example.yaml' }
    expect(loadText(whole)).toEqual(loadConfig({ env, cwd: ROOT }))
    for (const key of ['sessionIdle', 'poolSize', 'originMap', 'clientAuth', 'production']) {
      expect(whole).toMatch(new RegExp(`^ *${key}:`, 'm'))
    }
  })

  test('takes the configuration for containers, but for the secrets that only they hold', () => {
    const env = { ...ENV, NARROWGATE_CONFIG: 'docker/narrowgate.yaml' }
    const lines = problems(() => loadConfig({ env, cwd: ROOT }))
    expect(lines.map((line) => line.split(',')[0])).toEqual([
      'connectors[0].clientSecret names the file /run/secrets/google_client_secret',
      'connectors[1].clientSecret names the file /run/secrets/microsoft_client_secret',
    ])
  })

  test('names all that is wrong in one message', () => {
    const lines = problems(() =>
      load(
        {
          issuer: 'http://id.widgets.org/',
          connectors: [
            { ...google, clientSecret: 'written-out' },
            { ...google, extra: 1 },
          ],
          lifetimes: { code: '1h', sessionIdle: 8 },
          logLevel: 'loud',
          colour: 'blue',
        },
        {},
      ),
    )
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'issuer',
      'connectors[0].clientSecret',
      'connectors[1].clientSecret',
      'connectors[1].extra',
      'connectors[1].id',
      'connectors[1].callbackPath',
      'lifetimes.sessionIdle',
      'lifetimes.code',
      'logLevel',
      'colour',
      'DATABASE_URL',
    ])
  })

  test('says what to do where there is no file at all', () => {
    expectProblem(
      () => loadConfig({ env: { NARROWGATE_CONFIG: 'nowhere.yaml' }, cwd: folder }),
      "can't be read; copy config/narrowgate.example.yaml",
    )
  })

  test('names everything that an empty file lacks', () => {
    const paths = problems(() => loadText('')).map((line) => line.split(' ')[0])
    expect(paths).toEqual(['issuer', 'keyring', 'connectors', 'controller', 'notice', 'terms'])
  })

  test.each([
    ['the same key twice', 'issuer: a\nissuer: b', 'line 2 is not valid YAML (duplicate key); correct it'],
    ['an unclosed list', 'connectors: [', 'line 1 is not valid YAML'],
    ['a tag', 'issuer: !secret a', 'line 1 is not valid YAML (tag resolve failed); correct it'],
    ['an alias to nothing', 'issuer: *gone', 'holds an alias'],
    ['a list in place of keys', '- issuer', 'must be a mapping of keys'],
    ['a text in place of keys', 'hello', 'must be a mapping of keys'],
  ])('refuses %s', (_what, text, beginning) => {
    expectProblem(() => loadText(text), beginning)
  })

  test.each(['__proto__', 'constructor', 'toString'])('treats the key %s as unknown', (key) => {
    expectProblem(() => loadText(`${stringify(least())}${key}: 1\n`), `${key} is not a known key`)
  })

  test.each([
    ['http in production', 'http://127.0.0.1:8080', 'uses http, which production refuses'],
    ['a closing slash', 'https://id.widgets.org/', 'ends in a slash'],
    ['a path', 'https://id.widgets.org/a', 'has a path'],
    ['a query', 'https://id.widgets.org?a', 'has a query'],
    ['a fragment', 'https://id.widgets.org#a', 'has a fragment'],
    ['a user', 'https://a:b@id.widgets.org', 'holds a user name or password'],
    ['capitals', 'https://ID.widgets.org', 'is not in its one canonical form'],
    ['its own port', 'https://id.widgets.org:443', 'is not in its one canonical form'],
    ['another scheme', 'ftp://id.widgets.org', 'is neither https nor http'],
    ['no scheme', 'id.widgets.org', 'is not an absolute URL'],
  ])('refuses an issuer with %s', (_what, issuer, beginning) => {
    expectProblem(() => load({ issuer }), `issuer ${beginning}`)
  })

  test('takes an http issuer on this machine outside production, and nowhere else', () => {
    expect(load({ issuer: 'http://127.0.0.1:8080', production: false }).production).toBe(false)
    expectProblem(
      () => load({ issuer: 'http://id.widgets.org', production: false }),
      'issuer uses http for a host other than this machine',
    )
  })

  test.each([
    ['a misspelt production', { production: 'no' }, 'production must be true or false'],
    ['a version that YAML reads as a number', { terms: { version: 1.1, url: 'https://a.b' } }, 'quotes'],
    ['a database address in the file', { database: { url: 'x' } }, 'database.url is not a known key'],
    ['a duration without a unit', { deadlines: { fetch: '1500' } }, 'deadlines.fetch is not a duration'],
    ['a duration out of range', { deadlines: { fetch: '1min' } }, 'deadlines.fetch is out of range'],
    [
      'part of a second',
      { lifetimes: { code: '60500ms' } },
      'lifetimes.code is not a whole number of seconds',
    ],
    [
      'an idle time above the absolute one',
      { lifetimes: { sessionIdle: '13h' } },
      'lifetimes.sessionIdle is longer than',
    ],
    ['no connector', { connectors: [] }, 'connectors is empty'],
    [
      'a diverted origin',
      { outbound: { originMap: { 'https://accounts.google.com': 'http://127.0.0.1:1' } } },
      'outbound.originMap.https://accounts.google.com is refused in production',
    ],
    ['a port of no machine', { listen: { port: 65_536 } }, 'listen.port is too large; the most is 65535'],
  ])('refuses %s', (_what, changed, beginning) => {
    expectProblem(() => load(changed), beginning)
  })

  test('diverts origins outside production, to this machine only', () => {
    for (const to of ['http://127.0.0.1:9', 'http://localhost:9/a.org']) {
      expect(load(diverted(to)).outbound.originMap).toEqual({ 'https://a.org': to })
    }
    expectProblem(() => load(diverted('https://b.org')), 'outbound.originMap.https://a.org leads off')
  })

  test('refuses a keyring in a folder that others can list', () => {
    mkdirSync(join(folder, 'open'))
    chmodSync(join(folder, 'open'), 0o755)
    expectProblem(() => load({ keyring: { path: 'open/keyring.json' } }), 'keyring.path lies in the folder')
  })

  test('takes a keyring in a folder that is still to be made', () => {
    expect(load({ keyring: { path: 'later/keyring.json' } }).keyring.path).toBe(
      join(folder, 'later/keyring.json'),
    )
  })

  test('says that only the demo and the tests bring a database where none is set', () => {
    expectProblem(
      () => load({}, { ...ENV, DATABASE_URL: undefined }),
      'DATABASE_URL is not set; set it to postgres://user:password@host:5432/name (only the demo and the tests',
    )
  })

  test('reads the database address from a file too', () => {
    writeFileSync(join(folder, 'url'), `${ENV.DATABASE_URL}\n`)
    const env = { ...ENV, DATABASE_URL: undefined, DATABASE_URL_FILE: 'url' }
    expect(load({}, env).database.url).toBe(ENV.DATABASE_URL)
  })

  test.each([
    ['mysql://a@b/c', 'is not the address of a PostgreSQL database'],
    ['postgres://a:changeme@b/c', 'has a password that is weak'],
    ['postgres://a:postgres@b/c', 'has a password that is weak'],
  ])('refuses the database address %s', (url, beginning) => {
    expectProblem(() => load({}, { ...ENV, DATABASE_URL: url }), `DATABASE_URL ${beginning}`)
  })
})

describe('loadKeyringPath()', () => {
  const write = (values: Values) => {
    writeFileSync(join(folder, 'config/narrowgate.yaml'), stringify(values))
    return () => loadKeyringPath({ env: {}, cwd: folder })
  }

  test('needs neither secrets nor a database', () => {
    expect(write(least())()).toBe(join(folder, 'keys/keyring.json'))
  })

  test('needs the path itself', () => {
    expectProblem(write({}), 'keyring is missing')
  })
})

describe('A secret', () => {
  test('comes from a variable or from a file, without the newline at its end', () => {
    expect(fromEnv(SECRET)).toBe(SECRET)
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`)
    expect(withSecret({ file: 'secret' })).toBe(SECRET)
  })

  test.each([
    ['written into the file', SECRET, 'is written into the file'],
    ['missing', undefined, 'is missing; write { env: NAME } or { file: PATH }'],
    ['of two places', { env: 'A', file: 'b' }, 'says not where the secret is'],
    ['of no place', {}, 'says not where the secret is'],
    ['of a place of the wrong type', { file: 1 }, 'says not where the secret is'],
    ['in an unset variable', { env: 'UNSET' }, 'needs the environment variable UNSET'],
    ['in a missing file', { file: 'gone' }, 'names the file gone'],
  ])('is refused when it is %s', (_what, value, beginning) => {
    expectProblem(() => withSecret(value), `connectors[0].clientSecret ${beginning}`)
  })

  test.each([
    ['changeme', 'is a placeholder'],
    ['change-me-please-1234', 'is a placeholder'],
    ['your-client-secret-00', 'is a placeholder'],
    ['<paste the secret here>', 'is a placeholder'],
    ['secret', 'is too short'],
    ['GOCSPX-w7RrmZ0', 'is too short'],
    ['aaaaaaaaaaaaaaaaaaaaaaaa', 'repeats a few characters'],
    ['GOCSPX w7RrmZ0Qy3vUeK1s', 'holds white space'],
  ])('is refused when it is %s', (value, beginning) => {
    expectProblem(() => fromEnv(value), `connectors[0].clientSecret ${beginning}`)
  })

  test('is in no message, wherever it was put', () => {
    const canary = 'Xc4Rv9Tb2Yn7Um3K'
    const text = refusal(() =>
      load(
        {
          issuer: canary,
          connectors: [{ ...google, clientSecret: canary }],
          logLevel: canary,
          keyring: { path: 5, key: canary },
          notice: canary,
          lifetimes: { code: canary },
        },
        { DATABASE_URL: canary },
      ),
    )
    expect(text).not.toContain(canary)
    expect(refusal(() => loadText(`a: "${canary}\nb: *${canary}`))).not.toContain(canary)
    expect(refusal(() => loadText(`a: *${canary}`))).not.toContain(canary)
  })
})

describe('A connector', () => {
  test.each([
    'callback',
    '/',
    '/a//b',
    '/a/',
    '/a?b',
    '/a#b',
    '/../token',
    '/a/%2e%2e/b',
    '/a b',
    '/token',
    '/me',
    '/me/google',
    '/authorize/x',
    '/.well-known/x',
    '/sign-in/x',
    '/Token',
  ])('does not take the callback path %s', (callbackPath) => {
    expectProblem(() => withConnector({ ...google, callbackPath }), 'connectors[0].callbackPath')
  })

  test.each(['/auth/google/callback', '/signin-google', '/oauth2/redirect', '/callback', '/authorized'])(
    'keeps a registered redirect URI by the callback path %s',
    (callbackPath) => {
      expect(withConnector({ ...google, callbackPath })?.callbackPath).toBe(callbackPath)
    },
  )

  test('can take none of the paths that the issuer answers', () => {
    for (const route of Object.values(ROUTES)) {
      expect(OWN_PATHS.some((own) => route === own || route.startsWith(`${own}/`))).toBe(true)
    }
  })

  test('shares neither id nor callback path with another', () => {
    const second = { ...microsoft, callbackPath: '/callback/google' }
    expectProblem(() => load({ connectors: [google, second] }), 'connectors[1].callbackPath is used by')
    const capitals = { ...microsoft, callbackPath: '/Callback/Google' }
    expectProblem(() => load({ connectors: [google, capitals] }), 'connectors[1].callbackPath is used by')
    const lines = problems(() => load({ connectors: [google, { ...microsoft, id: 'google' }] }))
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'connectors[1].id',
      'connectors[1].callbackPath',
    ])
  })

  test.each([
    ['an unknown kind', { ...google, kind: 'github' }, 'connectors[0].kind is not one of the known values'],
    [
      'a key of another kind',
      { ...google, authority: 'common' },
      'connectors[0].authority is not a known key',
    ],
    ['an id with capitals', { ...google, id: 'Google', callbackPath: '/c' }, 'connectors[0].id'],
    ['a label of two lines', { ...google, label: 'a\nb' }, 'connectors[0].label holds control characters'],
    [
      'an authority by domain',
      { ...microsoft, authority: 'contoso.com' },
      'connectors[0].authority is not an authority',
    ],
    [
      'a tenant that its authority excludes',
      { ...microsoft, authority: 'consumers', allowedTenants: [GUID] },
      'connectors[0].allowedTenants names tenants',
    ],
    [
      'personal accounts among organizations',
      { ...microsoft, authority: 'organizations', allowedTenants: [PERSONAL] },
      'connectors[0].allowedTenants names the tenant of personal',
    ],
    ['an http upstream', { ...oidc, issuer: 'http://login.other.org' }, 'connectors[0].issuer uses http'],
    ['scopes without openid', { ...oidc, scopes: ['email'] }, 'connectors[0].scopes lacks openid'],
    [
      'refresh tokens upstream',
      { ...oidc, scopes: ['openid', 'offline_access'] },
      'connectors[0].scopes asks for offline_access',
    ],
    [
      'a picture host with a scheme',
      { ...oidc, pictureHosts: ['https://a.org'] },
      'connectors[0].pictureHosts[0]',
    ],
  ])('with %s is refused', (_what, connector, beginning) => {
    expectProblem(() => withConnector(connector), beginning)
  })

  test('for Google takes one Workspace domain', () => {
    expect(withConnector({ ...google, hostedDomain: 'widgets.org' })).toMatchObject({
      hostedDomain: 'widgets.org',
    })
    expectProblem(() => withConnector({ ...google, hostedDomain: '*' }), 'connectors[0].hostedDomain is not')
  })

  test.each([
    { authority: GUID, allowedTenants: [GUID] },
    { authority: 'consumers', allowedTenants: [PERSONAL] },
    { authority: 'common', allowedTenants: [GUID, PERSONAL], graph: false },
  ])('for Microsoft takes %j', (changed) => {
    expect(withConnector({ ...microsoft, ...changed })).toMatchObject(changed)
  })
})

describe('parseClients()', () => {
  const editor: Values = {
    id: 'editor',
    name: 'Editor',
    secret: { env: 'DOCUMENT_EDITOR_SECRET' },
    redirectUris: ['https://editor.widgets.org/callback'],
  }
  const desk: Values = {
    id: 'desk',
    name: 'Desk',
    kind: 'public',
    redirectUris: ['http://127.0.0.1/callback'],
  }
  const parse = (clients: Values[], production = true) =>
    parseClients(stringify({ clients }), { production, env: ENV, cwd: folder })

  test('fills in every default of a confidential client', () => {
    expect(parse([editor])).toEqual([
      {
        id: 'editor',
        name: 'Editor',
        enabled: true,
        kind: 'confidential',
        authMethod: 'client_secret_basic',
        secret: CLIENT_SECRET,
        redirectUris: ['https://editor.widgets.org/callback'],
        postLogoutRedirectUris: [],
        sector: 'editor',
        scopes: [],
        resources: {},
        idTokenAlg: 'ES256',
        requirePkce: true,
        requirePar: false,
        dpop: false,
        refreshTokens: false,
        rotateRefreshTokens: false,
        leeway: 0,
        acceptUnprovenAuthTime: false,
        admission: { connectors: [], tenants: [], domains: [] },
      },
    ])
  })

  test('gives a public client no secret and rotating refresh tokens', () => {
    expect(parse([desk])).toMatchObject([{ authMethod: 'none', rotateRefreshTokens: true }])
    expect(parse([desk])[0]).not.toHaveProperty('secret')
  })

  test('gives a resource the format jwt for five minutes', () => {
    const resources = { 'https://api.widgets.org': { scopes: 'read write' } }
    expect(parse([{ ...editor, resources }])[0]?.resources).toEqual({
      'https://api.widgets.org': { scopes: 'read write', format: 'jwt', ttl: 300 },
    })
  })

  test('loads the example as it stands', () => {
    const text = readFileSync(join(ROOT, 'config/clients.example.yaml'), 'utf8')
    const clients = parseClients(text, { production: true, env: ENV, cwd: ROOT })
    expect(clients.map(({ id }) => id)).toEqual(['document-editor', 'document-archive', 'document-desk'])
  })

  test.each([
    ['http', 'http://editor.widgets.org/', 'uses http for a host other'],
    ['http on localhost', 'http://localhost/cb', 'uses http for localhost'],
    [
      'http on a loopback address, though it is confidential',
      'http://127.0.0.1/cb',
      'uses http, which is for',
    ],
    ['a wildcard', 'https://*.widgets.org/cb', 'holds a wildcard'],
    ['a fragment', 'https://editor.widgets.org/cb#a', 'has a fragment'],
    ['a user', 'https://a@editor.widgets.org/cb', 'holds a user name'],
    ['two dots', 'https://editor.widgets.org/a/../cb', 'is not in its one canonical form'],
    ['a backslash', 'https://editor.widgets.org\\cb', 'is not in its one canonical form'],
    ['capitals in its host', 'https://Editor.widgets.org/cb', 'is not in its one canonical form'],
    ['a script', 'javascript:alert(1)', 'is not https'],
    ['a scheme of its own', 'org.widgets.editor:/cb', 'is not https'],
    ['no scheme', 'editor.widgets.org/cb', 'is not an absolute URL'],
  ])('refuses a redirect URI with %s', (_what, uri, beginning) => {
    expectProblem(
      () => parse([{ ...editor, redirectUris: [uri] }]),
      `clients[0].redirectUris[0] ${beginning}`,
    )
    expectProblem(
      () => parse([{ ...editor, postLogoutRedirectUris: [uri] }]),
      `clients[0].postLogoutRedirectUris[0] ${beginning}`,
    )
  })

  test('takes http on localhost outside production', () => {
    const redirectUris = ['http://localhost:3000/cb']
    expect(parse([{ ...editor, redirectUris }], false)[0]?.redirectUris).toEqual(redirectUris)
  })

  test.each([
    ['a public client with a secret', { ...desk, secret: editor['secret'] }, 'clients[0].secret has no use'],
    [
      'a public client with an auth method',
      { ...desk, authMethod: 'client_secret_post' },
      'clients[0].authMethod is not possible',
    ],
    ['a public client without PKCE', { ...desk, requirePkce: false }, 'clients[0].requirePkce must be true'],
    [
      'a public client with lasting refresh tokens',
      { ...desk, rotateRefreshTokens: false },
      'clients[0].rotateRefreshTokens must be true',
    ],
    [
      'a confidential client that proves nothing',
      { ...editor, secret: undefined, authMethod: 'none' },
      'clients[0].authMethod leaves',
    ],
    [
      'a confidential client without a secret',
      { ...editor, secret: undefined },
      'clients[0].secret is missing',
    ],
    [
      'a secret written out',
      { ...editor, secret: CLIENT_SECRET },
      'clients[0].secret is written into the file',
    ],
    ['no redirect URI', { ...editor, redirectUris: [] }, 'clients[0].redirectUris is empty'],
    ['an unknown scope', { ...editor, scopes: ['phone'] }, 'clients[0].scopes[0] is not a scope'],
    ['a long leeway', { ...editor, leeway: '1min' }, 'clients[0].leeway is out of range'],
    ['an id with a colon', { ...editor, id: 'a:b', sector: 'a' }, 'clients[0].id is not usable'],
    ['an unknown key', { ...editor, grant: 'password' }, 'clients[0].grant is not a known key'],
    [
      'a private key among its keys',
      {
        ...editor,
        secret: undefined,
        authMethod: 'private_key_jwt',
        jwks: { keys: [{ kty: 'EC', d: 'x' }] },
      },
      'clients[0].jwks holds a key that is not a public',
    ],
    [
      'no key to prove itself by',
      { ...editor, secret: undefined, authMethod: 'private_key_jwt' },
      'clients[0].jwks is missing',
    ],
    [
      'a long JWT',
      { ...editor, resources: { 'https://a.org': { scopes: 'a', ttl: '10min' } } },
      'clients[0].resources.https://a.org.ttl is too long for a jwt',
    ],
    [
      'a resource that is no URI',
      { ...editor, resources: { api: { scopes: 'a' } } },
      'clients[0].resources.api',
    ],
  ])('refuses %s', (_what, client, beginning) => {
    expectProblem(() => parse([client]), beginning)
  })

  test('refuses the same id and the same secret twice', () => {
    const lines = problems(() => parse([editor, editor]))
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['clients[1].id', 'clients[1].secret'])
  })

  test('refuses the same redirect URI twice', () => {
    const uri = 'https://editor.widgets.org/callback'
    expectProblem(() => parse([{ ...editor, redirectUris: [uri, uri] }]), 'clients[0].redirectUris[1] stands')
  })

  test('takes a secret written out outside production, and only a long one', () => {
    expect(parse([{ ...editor, secret: CLIENT_SECRET }], false)[0]?.secret).toBe(CLIENT_SECRET)
    expectProblem(
      () => parse([{ ...editor, secret: 'k3Zb7Qm0y5Tn8Wc1Vx4Rf6Hd' }], false),
      'clients[0].secret is too short to be a secret; use one of at least 32 characters',
    )
  })

  test('takes a public client without rotation when its tokens are bound to a key', () => {
    expect(parse([{ ...desk, rotateRefreshTokens: false, dpop: true }])[0]?.dpop).toBe(true)
  })
})
