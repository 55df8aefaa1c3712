// A client of the broker for tests, on openid-client; and the whole setting on a cloned database, up in a second.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as client from 'openid-client'
import { createBrowser, type Browser, type Page } from '../../demo/browser.ts'
import { startSetting, type Setting, type SettingOptions } from '../../demo/setting.ts'
import type { Log } from '../../src/core/ports.ts'
import { cloneDatabase } from './database.ts'

export type LogLine = {
  level: 'info' | 'warn' | 'error'
  code: string
  fields: Readonly<Record<string, unknown>>
}
export type TestSetting = Setting & { readonly databaseUrl: string; readonly lines: LogLine[] }

/** Every confidential app's secret in tests; with the app's id behind it. */
export const secretOf = (id: string): string => `5f1c7a90b3d24e68a1b2c3d4e5f60718-${id}`
export const redirectUriOf = (id: string): string => `http://localhost:4999/${id}/callback`

/** A confidential app as YAML; `lines` are further keys, indented by four. */
export const appYaml = (id: string, lines = ''): string => `
  - id: ${id}
    name: ${id}
    secret: ${secretOf(id)}
    redirectUris: [${redirectUriOf(id)}]
    postLogoutRedirectUris: [http://localhost:4999/${id}/bye]
    scopes: [profile, email, company, provider_id]
${lines}`

/** A setting with a database of its own; close() drops it. */
export async function testSetting(
  options: Partial<SettingOptions> & { clients: string },
): Promise<TestSetting> {
  const database = await cloneDatabase()
  const lines: LogLine[] = []
  const log: Log = Object.fromEntries(
    (['info', 'warn', 'error'] as const).map((level) => [
      level,
      (code: string, fields: Readonly<Record<string, unknown>> = {}) => lines.push({ level, code, fields }),
    ]),
  ) as never
  const setting = await startSetting({
    databaseUrl: database.url,
    folder: mkdtempSync(join(tmpdir(), 'narrowgate-test-')),
    log,
    ...options,
    clients: `clients:${options.clients}`,
  })
  return {
    ...setting,
    databaseUrl: database.url,
    lines,
    async close() {
      await setting.close()
      await database.drop()
    },
  }
}

export type TestApp = {
  readonly config: client.Configuration
  readonly redirectUri: string
  /** A fresh authorization request; parameters override. */
  request(
    parameters?: Readonly<Record<string, string>>,
  ): Promise<{ url: URL; verifier: string; state: string; nonce: string }>
  /** Trades the page that a browser ended on for tokens. */
  exchange(
    page: Page,
    sent: { verifier: string; state: string; nonce: string },
  ): ReturnType<typeof client.authorizationCodeGrant>
}

export async function testApp(
  issuer: string,
  id: string,
  options: { isPublic?: boolean; scope?: string } = {},
): Promise<TestApp> {
  const { isPublic = false, scope = 'openid profile email company provider_id' } = options
  const config = await client.discovery(
    new URL(issuer),
    id,
    { id_token_signed_response_alg: 'ES256' },
    isPublic ? client.None() : client.ClientSecretBasic(secretOf(id)),
    { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
  )
  const redirectUri = redirectUriOf(id)
  return {
    config,
    redirectUri,
    async request(parameters = {}) {
      const verifier = client.randomPKCECodeVerifier()
      const state = client.randomState()
      const nonce = client.randomNonce()
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...parameters,
      })
      return { url, verifier, state, nonce }
    },
    exchange: (page, { verifier, state, nonce }) =>
      client.authorizationCodeGrant(config, page.url, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      }),
  }
}

/** A browser that stops where an app would take over. */
export const testBrowser = (options: Parameters<typeof createBrowser>[0] = {}): Browser =>
  createBrowser({ stopAt: ['http://localhost:4999'], ...options })

/** Signs a person in and agrees to everything if asked; the page where the app takes over (or where it went wrong). */
export async function signIn(browser: Browser, url: URL, connector: string, person: string): Promise<Page> {
  let page = await browser.open(url)
  if (page.status === 200 && page.html.includes('name="connector"'))
    page = await browser.press(page, 'connector', connector)
  if (page.html.includes('name="person"')) page = await browser.press(page, 'person', person)
  if (page.url.pathname.endsWith('/confirm')) {
    page = await browser.press(page, 'decision', 'agree', { adult: 'yes', picture: 'yes', company: 'yes' })
  }
  return page
}
