// The database away in the middle of a sign-in: connections cut between any two steps, and the server not letting us in at all. The person
// gets a page that says when to come back, an app gets JSON, and afterwards everything goes on where it stood.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Page } from '../../demo/browser.ts'
import { databaseUrl, withClient } from '../../demo/postgres/databases.ts'
import {
  appYaml,
  secretOf,
  testApp,
  testBrowser,
  testSetting,
  type TestApp,
  type TestSetting,
} from '../support/app.ts'
import {
  agree,
  AGREED,
  attempt,
  changingNothing,
  claimsOf,
  codeOn,
  comeBack,
  expectLogged,
  isConfirm,
  newcomer,
  signInFully,
} from './setting.ts'

let setting: TestSetting
let app: TestApp
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs') })
  app = await testApp(setting.issuer, 'docs')
})
afterAll(() => setting.close())
beforeEach(() => {
  setting.lines.length = 0
})

/** Speaks to the server from another database, so that it can say things about ours. */
async function command(text: (name: string) => string): Promise<void> {
  const name = new URL(setting.databaseUrl).pathname.slice(1)
  await withClient(databaseUrl(setting.databaseUrl, 'postgres'), (client) => client.query(text(name)))
}
const cutConnections = (): Promise<void> =>
  command((name) => `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${name}'`)
const shut = async (): Promise<void> => {
  await command((name) => `alter database ${name} allow_connections false`)
  await cutConnections()
}
const reopen = (): Promise<void> => command((name) => `alter database ${name} allow_connections true`)

/** One retry is what a person's reload is; more than one would not be recovering by itself. */
async function withOneReload(step: () => Promise<Page>): Promise<Page> {
  const page = await step()
  if (page.status !== 503) return page
  expect(codeOn(page)).toBe('storage_unavailable')
  return step()
}

test('connections cut before every step cost at most a reload', async () => {
  const person = newcomer(setting, 'google')
  const before = testBrowser({ stopAt: [`${setting.issuer}/callback/`, app.redirectUri] })
  const browser = testBrowser({ jar: before.jar })
  const sent = await app.request()

  await cutConnections()
  const choice = await withOneReload(() => before.open(sent.url))
  await cutConnections()
  const upstream = await withOneReload(() => before.press(choice, 'connector', 'google'))
  const callback = await before.press(upstream, 'person', person)
  await cutConnections()
  const confirm = await withOneReload(() => browser.open(callback.url))
  expect(isConfirm(confirm)).toBe(true)
  await cutConnections()
  const last = await withOneReload(() => agree(browser, confirm))
  await cutConnections()
  const claims = await claimsOf(app, last, sent).catch(() => claimsOf(app, last, sent))
  expect(claims.name).toBe('Dana Reyes')
})

describe('while the database is not to be reached', () => {
  const answerOf = async (url: URL, init: RequestInit = {}) => {
    const response = await fetch(url, { redirect: 'manual', ...init })
    const type = response.headers.get('content-type') ?? ''
    const retryAfter = Number(response.headers.get('retry-after'))
    return { status: response.status, type, retryAfter, html: await response.text(), url }
  }

  test('pages answer 503 and when to come back, and the sign-in goes on afterwards', async () => {
    const person = newcomer(setting, 'google')
    const onTheirWay = await comeBack(setting, app, 'google', person)
    const deciding = await attempt(app, 'google', newcomer(setting, 'google'))
    const handle = deciding.page.url.pathname
    await changingNothing(setting, async () => {
      await shut()
      try {
        const { jar } = deciding.browser
        const cookie = await jar.getCookieString(deciding.page.url.href)
        const body = new URLSearchParams({ decision: 'agree', ...AGREED })
        for (const [url, init] of [
          [(await app.request()).url, {}],
          [new URL(handle, setting.issuer), { headers: { cookie } }],
          [new URL(handle, setting.issuer), { headers: { cookie }, method: 'POST', body }],
          [
            onTheirWay.callback,
            { headers: { cookie: await onTheirWay.browser.jar.getCookieString(onTheirWay.callback.href) } },
          ],
        ] as const) {
          const answer = await answerOf(url, init)
          expect(answer).toMatchObject({ status: 503, type: expect.stringContaining('text/html') })
          expect(answer.retryAfter).toBeGreaterThan(0)
          expect(codeOn(answer)).toBe('storage_unavailable')
        }
        // In the browser itself, with what its cookies are afterwards.
        expect((await onTheirWay.browser.open(onTheirWay.callback)).status).toBe(503)
        expectLogged(setting, 'storage_unavailable')
      } finally {
        await reopen()
      }
    })
    const confirm = await onTheirWay.browser.open(onTheirWay.callback)
    expect(isConfirm(confirm)).toBe(true)
    const last = await agree(onTheirWay.browser, confirm)
    expect((await claimsOf(app, last, onTheirWay.sent)).name).toBe('Dana Reyes')
    const decided = await agree(deciding.browser, deciding.page)
    expect((await claimsOf(app, decided, deciding.sent)).sub).toBeDefined()
  })

  test('apps get JSON, the process counts as alive but not as ready, and a code still works afterwards', async () => {
    const { browser, page, sent } = await attempt(app, 'google', newcomer(setting, 'google'))
    const last = await agree(browser, page)
    const authorization = `Basic ${Buffer.from(`docs:${secretOf('docs')}`).toString('base64')}`
    await shut()
    try {
      const body = new URLSearchParams({
        grant_type: 'authorization_code',
        code: last.url.searchParams.get('code') ?? '',
        redirect_uri: app.redirectUri,
        code_verifier: sent.verifier,
      })
      for (const [path, init] of [
        ['/token', { method: 'POST', headers: { authorization }, body }],
        ['/userinfo', { headers: { authorization: `Bearer ${'a'.repeat(43)}` } }],
        [
          '/introspect',
          {
            method: 'POST',
            headers: { authorization },
            body: new URLSearchParams({ token: 'a'.repeat(43) }),
          },
        ],
      ] as const) {
        const answer = await answerOf(new URL(path, setting.issuer), init)
        expect({ path, ...answer }).toMatchObject({
          path,
          status: 503,
          type: expect.stringContaining('json'),
        })
        expect(answer.retryAfter).toBeGreaterThan(0)
        expect(JSON.parse(answer.html)).toMatchObject({ error: expect.any(String) })
      }
      expect((await answerOf(new URL('/health/live', setting.issuer))).status).toBe(200)
      expect((await answerOf(new URL('/health/ready', setting.issuer))).status).toBe(503)
      expect((await answerOf(new URL('/jwks', setting.issuer))).status).toBe(200)
    } finally {
      await reopen()
    }
    expect((await claimsOf(app, last, sent)).name).toBe('Dana Reyes')
    expect((await answerOf(new URL('/health/ready', setting.issuer))).status).toBe(200)
    expect((await signInFully(app, 'oidc', 'ola')).sub).toBeDefined()
  })
})
