// The database away in the middle of a sign-in: connections cut between any two steps, and the server not letting us in at all. The person
// gets a page that says when to come back, an app gets JSON, and afterwards everything goes on where it stood.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Page } from '../../demo/browser.ts'
import {
  appYaml,
  secretOf,
  testApp,
  testBrowser,
  testSetting,
  type TestApp,
  type TestSetting,
} from '../support/app.ts'
import { cloneDatabase } from '../support/database.ts'
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
  const database = await cloneDatabase()
  link = await createLink(database.url)
  const whole = await testSetting({ clients: appYaml('docs'), databaseUrl: link.url })
  setting = {
    ...whole,
    databaseUrl: database.url,
    async close() {
      await whole.close()
      await link.shut()
      await database.drop()
    },
  }
  app = await testApp(setting.issuer, 'docs')
})
afterAll(() => setting.close())
beforeEach(() => {
  setting.lines.length = 0
})

/** The way to the database, to be cut (connections end, new ones come) and shut (none come). */
let link: Link
const cutConnections = (): void => link.cut()

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

  cutConnections()
  const choice = await withOneReload(() => before.open(sent.url))
  cutConnections()
  const upstream = await withOneReload(() => before.press(choice, 'connector', 'google'))
  const callback = await before.press(upstream, 'person', person)
  cutConnections()
  const confirm = await withOneReload(() => browser.open(callback.url))
  expect(isConfirm(confirm)).toBe(true)
  cutConnections()
  const last = await withOneReload(() => agree(browser, confirm))
  cutConnections()
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
      await link.shut()
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
        await link.open()
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
    await link.shut()
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
      await link.open()
    }
    expect((await claimsOf(app, last, sent)).name).toBe('Dana Reyes')
    expect((await answerOf(new URL('/health/ready', setting.issuer))).status).toBe(200)
    expect((await signInFully(app, 'oidc', 'ola')).sub).toBeDefined()
  })
})

type Link = { readonly url: string; cut(): void; shut(): Promise<void>; open(): Promise<void> }

/** A wire to a database that can be cut: what `url` leads to is the server as long as the wire is whole. */
async function createLink(to: string): Promise<Link> {
  const target = new URL(to)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy()).on('close', () => other.destroy() && sockets.delete(one))
    }
  })
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => {
      server.listen(port, '127.0.0.1', resolve)
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  const url = new URL(to)
  url.host = `127.0.0.1:${port}`
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: url.href,
    cut,
    shut: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        cut()
      }),
    open: () => listen(port),
  }
}
