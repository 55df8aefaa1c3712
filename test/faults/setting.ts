// What the fault drills share: people at a chosen step of a sign-in, the rows that an attempt may have left, and what the log says of it.
// "Changes nothing" is held by counting the rows before and after.
import { expect } from '@jest/globals'
import * as client from 'openid-client'
import { Client } from 'pg'
import type { CookieJar } from 'tough-cookie'
import type { Browser, Page } from '../../demo/browser.ts'
import { cast } from '../../demo/upstreams/cast.ts'
import type { Vendor } from '../../demo/upstreams/people.ts'
import { testBrowser, type TestApp, type TestSetting } from '../support/app.ts'

export const VENDORS = ['google', 'microsoft', 'oidc'] as const
/** Someone of each upstream with every field that it knows. */
export const EVERYTHING: Readonly<Record<Vendor, string>> = {
  google: 'dana',
  microsoft: 'robin',
  oidc: 'ola',
}

const connections = new Map<string, Promise<Client>>()

/** Asks the database itself, on a connection that ends with it. */
export async function sql<T>(
  { databaseUrl }: Pick<TestSetting, 'databaseUrl'>,
  text: string,
  values: readonly unknown[] = [],
): Promise<T[]> {
  const known = connections.get(databaseUrl) ?? openConnection(databaseUrl)
  connections.set(databaseUrl, known)
  const result = await (await known).query(text, [...values])
  return result.rows as T[]
}

async function openConnection(connectionString: string): Promise<Client> {
  const connection = new Client({ connectionString })
  connection.on('error', () => connections.delete(connectionString))
  await connection.connect()
  return connection
}

const ROWS = `select
  (select count(*) from account) as account, (select count(*) from account_key) as account_key,
  (select count(*) from identity) as identity, (select count(*) from identity_index) as identity_index,
  (select count(*) from acceptance) as acceptance, (select count(*) from subject) as subject,
  (select count(*) from disclosure) as disclosure,
  (select count(*) from record where model = 'Session' and account is not null) as session,
  (select count(*) from record where model in ('Grant', 'AuthorizationCode', 'AccessToken')) as granted,
  (select max(last_sign_in_at) from identity) as last_sign_in`

/** How many rows there are of everything that a sign-in leaves behind. */
export async function rowsOf(setting: TestSetting): Promise<Record<string, unknown>> {
  const [row] = await sql<Record<string, unknown>>(setting, ROWS)
  return row ?? {}
}

/** Runs `act` and holds that no account, identity, session or grant came, went or was used. */
export async function changingNothing<T>(setting: TestSetting, act: () => Promise<T>): Promise<T> {
  const before = await rowsOf(setting)
  const result = await act()
  expect(await rowsOf(setting)).toEqual(before)
  return result
}

/** The code that an error page shows for support. */
export const codeOn = ({ html }: Page): string | undefined =>
  /<code translate="no">(\w+)<\/code>/.exec(html)?.[1]

/** Holds that the page is an error page of ours with this status and code, and that the log has a line for it. */
export function expectRefusal(setting: TestSetting, page: Page, status: number, code: string): void {
  expect({ status: page.status, code: codeOn(page) }).toEqual({ status, code })
  expectLogged(setting, code)
}

/** Holds that the log has a warning or an error with this code since the last call, and forgets the lines. */
export function expectLogged({ lines }: TestSetting, code: string): void {
  const said = lines.filter(({ level }) => level !== 'info').map((line) => [line.code, line.fields['reason']])
  expect(said.flat()).toContain(code)
  lines.length = 0
}

/** The upstream's page where a person is chosen. */
export async function atUpstream(app: TestApp, browser: Browser, connector: string) {
  const sent = await app.request()
  const page = await browser.press(await browser.open(sent.url), 'connector', connector)
  return { sent, page }
}

/** A person who has chosen: what the app (or we) answered. */
export async function attempt(
  app: TestApp,
  connector: Vendor,
  person: string = EVERYTHING[connector],
  browser = testBrowser(),
) {
  const { sent, page } = await atUpstream(app, browser, connector)
  return { browser, sent, page: await browser.press(page, 'person', person) }
}

/** A callback that has not been opened yet, in the browser (jar) that it belongs to. */
export async function comeBack(
  setting: TestSetting,
  app: TestApp,
  connector: Vendor,
  person: string,
  jar?: CookieJar,
): Promise<{ browser: Browser; callback: URL; sent: Awaited<ReturnType<TestApp['request']>> }> {
  const before = testBrowser({
    stopAt: [`${setting.issuer}/callback/`, app.redirectUri],
    ...(jar === undefined ? {} : { jar }),
  })
  const { sent, page } = await atUpstream(app, before, connector)
  const { url } = await before.press(page, 'person', person)
  expect(url.pathname).toBe(`/callback/${connector}`)
  return { browser: testBrowser({ jar: before.jar }), callback: url, sent }
}

export const AGREED = { adult: 'yes', picture: 'yes', company: 'yes' } as const

/** Agrees on the confirm page. */
export const agree = (
  browser: Browser,
  page: Page,
  fields: Readonly<Record<string, string>> = AGREED,
): Promise<Page> => browser.press(page, 'decision', 'agree', fields)

/** Signs in to the end, agreeing if asked, and gives what userinfo says. */
export async function signInFully(
  app: TestApp,
  connector: Vendor,
  person: string,
  { browser = testBrowser(), fields = AGREED }: { browser?: Browser; fields?: Record<string, string> } = {},
): Promise<Claims & { asked: boolean }> {
  const { sent, page } = await attempt(app, connector, person, browser)
  const asked = isConfirm(page)
  const last = asked ? await agree(browser, page, fields) : page
  return { ...(await claimsOf(app, last, sent)), asked }
}

export const isConfirm = ({ url, status }: Page): boolean =>
  status === 200 && url.pathname.endsWith('/confirm')

export type Claims = Readonly<Record<string, unknown>> & {
  readonly sub: string
  readonly name?: unknown
  readonly picture?: string
}

export async function claimsOf(
  app: TestApp,
  page: Page,
  sent: Awaited<ReturnType<TestApp['request']>>,
): Promise<Claims> {
  expect(page.url.href).toContain(app.redirectUri)
  const tokens = await app.exchange(page, sent)
  return client.fetchUserInfo(app.config, tokens.access_token, tokens.claims()?.sub ?? '')
}

let newcomers = 0
/** Adds a person like the one of the cast, but whom nobody has seen yet; gives their id. */
export function newcomer(
  setting: TestSetting,
  vendor: Vendor,
  change: Readonly<Record<string, unknown>> = {},
): string {
  const model = cast.find(({ id }) => id === EVERYTHING[vendor])
  if (model === undefined) throw new Error('the cast lacks them')
  newcomers += 1
  const id = `newcomer-${newcomers}`
  const subject = String(newcomers).padStart(12, '0')
  const unique =
    vendor === 'microsoft' ? { oid: `0a0a0a0a-0000-4000-8000-${subject}` } : { sub: `9${subject}` }
  setting.upstreams.addPerson({ ...model, ...unique, ...change, id })
  return id
}

/** A POST of a form with the browser's cookies and chosen headers. */
export async function post(
  url: URL,
  jar: CookieJar,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Page> {
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: await jar.getCookieString(url.href), ...headers },
    body: new URLSearchParams(form),
  })
  return { url, status: response.status, html: await response.text() }
}
