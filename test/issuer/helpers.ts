// What the issuer's tests share: raw requests, so that a test sees exactly what went over the wire, and SQL for what the broker hides.
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import type { Browser, Page } from '../../demo/browser.ts'
import { parseClients } from '../../src/config.ts'
import {
  redirectUriOf,
  secretOf,
  signIn,
  testApp,
  testBrowser,
  type TestApp,
  type TestSetting,
} from '../support/app.ts'

export type Answer = {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Headers
}

export const basicOf = (id: string): string =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secretOf(id))}`).toString('base64')}`

/** Posts a form; the answer's JSON, or {} where it is none. */
export async function post(
  url: string,
  form: Readonly<Record<string, string>> | URLSearchParams,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return read(
    await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      body: form instanceof URLSearchParams ? form : new URLSearchParams(form),
      headers: { accept: 'application/json', ...headers },
    }),
  )
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return {
    status: response.status,
    body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
    headers: response.headers,
  }
}

/** Posts to an endpoint as a confidential app, or as a public one. */
export const postAs = (
  origin: string,
  path: string,
  id: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => post(`${origin}${path}`, form, { authorization: basicOf(id), ...headers })

export const postPublic = (
  origin: string,
  path: string,
  id: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => post(`${origin}${path}`, { ...form, client_id: id }, headers)

export const userinfo = async (origin: string, token: unknown): Promise<Answer> =>
  read(await fetch(`${origin}/userinfo`, { headers: { authorization: `Bearer ${String(token)}` } }))

export const isActive = async (origin: string, id: string, token: unknown): Promise<boolean> =>
  (await postAs(origin, '/introspect', id, { token: String(token) })).body['active'] === true

/** A public app as YAML; `lines` are further keys, indented by four. */
export const publicYaml = (id: string, lines = ''): string => `
  - id: ${id}
    name: ${id}
    kind: public
    redirectUris: [${redirectUriOf(id)}]
    scopes: [profile, email]
    refreshTokens: true
${lines}`

export type Sent = Awaited<ReturnType<TestApp['request']>>

export const codeOf = (page: Page): string => {
  const code = page.url.searchParams.get('code')
  if (code === null)
    throw new Error(`no code at ${page.url.href} (${page.status}): ${page.html.slice(0, 200)}`)
  return code
}

/** The form that redeems a code. */
export const redemption = (id: string, code: string, sent: Sent): Record<string, string> => ({
  grant_type: 'authorization_code',
  code,
  redirect_uri: redirectUriOf(id),
  code_verifier: sent.verifier,
})

/** Signs in and stops with the code in hand. */
export async function getCode(
  app: TestApp,
  {
    browser = testBrowser(),
    connector = 'google',
    person = 'dana',
    parameters = {},
  }: {
    browser?: Browser
    connector?: string
    person?: string
    parameters?: Readonly<Record<string, string>>
  } = {},
): Promise<{ code: string; sent: Sent; browser: Browser }> {
  const sent = await app.request(parameters)
  return { code: codeOf(await signIn(browser, sent.url, connector, person)), sent, browser }
}

/** Asks without a page; the code, or the error that the app is told. */
export async function askSilently(
  app: TestApp,
  browser: Browser,
  parameters: Readonly<Record<string, string>> = {},
): Promise<{ code: string | null; error: string | null; sent: Sent }> {
  const sent = await app.request({ prompt: 'none', ...parameters })
  const { url } = await browser.open(sent.url)
  return { code: url.searchParams.get('code'), error: url.searchParams.get('error'), sent }
}

/** Signs in at a confidential app and redeems the code. */
export async function getTokens(
  setting: TestSetting,
  id: string,
  options: Parameters<typeof getCode>[1] & { scope?: string; isPublic?: boolean } = {},
): Promise<{ tokens: Readonly<Record<string, unknown>>; browser: Browser; app: TestApp }> {
  const { scope, isPublic } = options
  const app = await testApp(setting.issuer, id, {
    ...(scope === undefined ? {} : { scope }),
    ...(isPublic === undefined ? {} : { isPublic }),
  })
  const { code, sent, browser } = await getCode(app, options)
  const send = isPublic === true ? postPublic : postAs
  const answer = await send(setting.issuer, '/token', id, redemption(id, code, sent))
  if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
  return { tokens: answer.body, browser, app }
}

/** One statement on the broker's database. */
export async function sql<Row = Record<string, unknown>>(
  setting: TestSetting,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new Client({ connectionString: setting.databaseUrl })
  await client.connect()
  try {
    return (await client.query(text, [...values])).rows as Row[]
  } finally {
    await client.end()
  }
}

/** Takes another list of apps into use. */
export async function setClients(setting: TestSetting, yaml: string): Promise<void> {
  await setting.broker.applyClients(
    parseClients(`clients:${yaml}`, { env: process.env, cwd: process.cwd(), production: false }),
  )
}

/** A key of an app's own, for assertions (private_key_jwt) and proofs (DPoP). */
export async function keyOf(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg: 'ES256' }
  const { kid: _kid, alg: _alg, ...bare } = jwk
  return {
    jwk,
    thumbprint: await calculateJwkThumbprint(bare),
    assertion: (id: string, issuer: string, expiresIn = '60s'): Promise<string> =>
      new SignJWT({ jti: randomUUID() })
        .setProtectedHeader({ alg: 'ES256', kid })
        .setIssuer(id)
        .setSubject(id)
        .setAudience(issuer)
        .setIssuedAt()
        .setExpirationTime(expiresIn)
        .sign(privateKey),
    proof: (method: string, url: string, claims: Record<string, unknown> = {}): Promise<string> =>
      new SignJWT({ jti: randomUUID(), htm: method, htu: url, ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: bare })
        .setIssuedAt(claims['iat'] as number | undefined)
        .sign(privateKey),
  }
}
export type OwnKey = Awaited<ReturnType<typeof keyOf>>

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** An app that proves itself by `key`, as YAML. */
export const keyAppYaml = (id: string, key: OwnKey, lines = ''): string => `
  - id: ${id}
    name: ${id}
    authMethod: private_key_jwt
    jwks: { keys: [${JSON.stringify(key.jwk)}] }
    redirectUris: [${redirectUriOf(id)}]
    scopes: [profile, email]
${lines}`

export const repeat = <T>(times: number, run: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, index) => run(index)))

/** How often each answer came, as `status error`. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status, body } of answers) {
    const key = typeof body['error'] === 'string' ? `${status} ${body['error']}` : String(status)
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

/**
 * Jest's structuredClone makes objects of another realm, and the library takes only its own realm's for a client's keys. To be called
 * before the setting starts.
 */
export function keepRealm(): void {
  globalThis.structuredClone = <T>(value: T): T =>
    value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)
}
