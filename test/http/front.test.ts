// The front door: headers, ids, languages, who may post, what the log says, pictures, health, and closing without cutting anyone off.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import * as client from 'openid-client'
import { withClient } from '../../demo/postgres/databases.ts'
import { cast } from '../../demo/upstreams/cast.ts'
import { compose, type Broker } from '../../src/compose.ts'
import type { Log } from '../../src/core/ports.ts'
import {
  appYaml,
  secretOf,
  signIn,
  testApp,
  testBrowser,
  testSetting,
  type TestApp,
  type TestSetting,
} from '../support/app.ts'
import { cloneDatabase } from '../support/database.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const HANDLE = '0123456789abcdef'
const SILENT: Log = { info() {}, warn() {}, error() {} }

let setting: TestSetting
let app: TestApp
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs') })
  app = await testApp(setting.issuer, 'docs')
})
afterAll(() => setting.close())

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${setting.issuer}${path}`, { redirect: 'manual', headers })
const post = (path: string, body: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${setting.issuer}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers,
    body: new URLSearchParams(body),
  })

/** The sign-in page of a fresh request, with its headers and the browser that it belongs to. */
async function signInPage() {
  const browser = testBrowser()
  const sent = await app.request()
  const page = await browser.open(sent.url)
  const cookie = await browser.jar.getCookieString(page.url.href)
  return { browser, sent, page, cookie, answer: await get(page.url.pathname, { cookie }) }
}

describe('a page', () => {
  const common = {
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
    'cache-control': 'no-store',
    'content-type': 'text/html; charset=utf-8',
  }
  const policy = (formAction: string): string =>
    `default-src 'none'; style-src 'self'; img-src 'self' data:; form-action ${formAction}; frame-ancestors 'none'; base-uri 'none'`

  test('lets a browser load our stylesheet and pictures, post to us, and nothing else', async () => {
    const { headers } = await get('/nowhere')
    expect(Object.fromEntries(headers)).toMatchObject({
      ...common,
      'content-security-policy': policy("'self'"),
    })
    for (const name of ['x-powered-by', 'server', 'etag']) expect(headers.get(name)).toBeNull()
  })

  test('where people choose an upstream lets the form end there and at the app', async () => {
    const { answer } = await signInPage()
    const { origin } = new URL(setting.upstreams.origin)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      ...common,
      'content-security-policy': policy(`'self' https: ${origin} http://localhost:4999`),
    })
  })

  test("of the issuer's own has the same policy", async () => {
    const answer = await get('/authorize?client_id=nobody', { accept: 'text/html' })
    expect(answer.status).toBe(400)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-security-policy': policy("'self'"),
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    expect(await answer.text()).toMatch(/^<!doctype html>/i)
  })

  test.each([
    ['en', undefined, 'There’s nothing at this address'],
    ['en', 'fr', 'There’s nothing at this address'],
    ['de', 'de-AT, en;q=0.5', 'Unter dieser Adresse gibt es nichts'],
    ['de', 'fr, de;q=0.4, en;q=0.2', 'Unter dieser Adresse gibt es nichts'],
  ])('that is not there says so in %s for %s', async (language, accepted, title) => {
    const answer = await get('/nowhere', accepted === undefined ? {} : { 'accept-language': accepted })
    const html = await answer.text()
    expect(answer.status).toBe(404)
    expect(html).toContain(`<html lang="${language}"`)
    expect(html).toContain(title)
    expect(html).toContain(answer.headers.get('x-request-id'))
  })
})

describe('every answer', () => {
  test('bears a request id of its own', async () => {
    const answers = await Promise.all([
      get('/health/live'),
      get('/health/ready'),
      get('/nowhere'),
      get('/jwks'),
      get('/.well-known/openid-configuration'),
      get('/authorize?client_id=nobody'),
      get(`/picture/${'a'.repeat(43)}`),
      get('/callback/google?state=x'),
      get(`/sign-in/${HANDLE}`),
      post('/token', { grant_type: 'authorization_code' }),
      post(`/sign-in/${HANDLE}`, {}),
      get('/%E0%A4%A'),
    ])
    const ids = answers.map(({ headers }) => headers.get('x-request-id') ?? '')
    expect(ids.filter((id) => !UUID.test(id))).toEqual([])
    expect(new Set(ids).size).toBe(answers.length)
    for (const { headers } of answers) expect(headers.get('x-content-type-options')).toBe('nosniff')
    const logged = setting.lines
      .filter(({ code }) => code === 'request')
      .map(({ fields }) => fields['requestId'])
    expect(logged).toEqual(expect.arrayContaining(ids))
  })

  test('to a path that is no text is a 400, not a defect', async () => {
    expect((await get('/picture/%E0%A4%A')).status).toBe(400)
  })
})

describe('a post', () => {
  test.each([
    ['from another origin', { origin: 'https://evil.example' }],
    ['from nowhere', { origin: 'null' }],
    ['from a sibling', { 'sec-fetch-site': 'same-site' }],
    ['from another site', { 'sec-fetch-site': 'cross-site' }],
    ['typed into the address bar', { 'sec-fetch-site': 'none' }],
  ])('%s is refused', async (_what, foreign) => {
    const { page, cookie } = await signInPage()
    const headers = { cookie, ...(foreign as Record<string, string>) }
    for (const path of [page.url.pathname, `${page.url.pathname}/confirm`]) {
      const answer = await post(path, { connector: 'google', decision: 'agree', adult: 'yes' }, headers)
      expect(answer.status).toBe(403)
      expect(answer.headers.getSetCookie()).toEqual([])
      expect(await answer.text()).toContain('cross_site')
    }
  })

  test.each([
    ['with our origin', () => ({ origin: setting.issuer })],
    ['that the browser calls same-origin', () => ({ 'sec-fetch-site': 'same-origin', origin: 'null' })],
    ['of a browser that says neither', () => ({})],
  ])('%s goes upstream', async (_what, own) => {
    const { page, cookie } = await signInPage()
    const answer = await post(page.url.pathname, { connector: 'google' }, { cookie, ...own() })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toContain(setting.upstreams.origin)
  })
})

describe("an interaction's handle", () => {
  test.each(['', '/confirm'])('without its cookie leads nowhere%s', async (rest) => {
    const { page } = await signInPage()
    const answer = await get(`${page.url.pathname}${rest}`)
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('interaction_expired')
  })

  test("leads nowhere with another tab's cookie", async () => {
    const one = await signInPage()
    const two = await signInPage()
    const answer = await get(one.page.url.pathname, { cookie: two.cookie })
    expect(answer.status).toBe(400)
  })
})

describe('two tabs of one browser', () => {
  test('both finish, step by step at once, though both make the same person', async () => {
    const browser = testBrowser()
    const [first, second] = [await app.request(), await app.request()]
    let one = await browser.open(first.url)
    let two = await browser.open(second.url)
    expect(one.url.pathname).not.toBe(two.url.pathname)
    one = await browser.press(one, 'connector', 'google')
    two = await browser.press(two, 'connector', 'google')
    one = await browser.press(one, 'person', 'noor')
    two = await browser.press(two, 'person', 'noor')
    expect([one, two].map(({ url }) => url.pathname.endsWith('/confirm'))).toEqual([true, true])
    two = await browser.press(two, 'decision', 'agree', { adult: 'yes' })
    one = await browser.press(one, 'decision', 'agree', { adult: 'yes' })
    const tokens = [await app.exchange(one, first), await app.exchange(two, second)]
    const [subject, other] = tokens.map((each) => each.claims()?.sub)
    expect(subject).toBeDefined()
    expect(other).toBe(subject)
  })
})

describe('the log', () => {
  test('has neither what stands behind the first segment of a path nor any query', async () => {
    const before = setting.lines.length
    const { browser, sent, page } = await signInPage()
    const end = await signIn(browser, sent.url, 'google', 'theo')
    await app.exchange(end, sent)
    await get('/nowhere/for/secret-one?secret-two=secret-three')
    await get(`/picture/${'secret'.padEnd(43, 'x')}?secret-four`)
    const lines = setting.lines.slice(before)
    const text = JSON.stringify(lines)
    const handle = page.url.pathname.split('/')[2] ?? ''
    const code = end.url.searchParams.get('code') ?? ''
    for (const secret of ['secret', handle, code, sent.state, sent.nonce, sent.verifier, 'theo', 'Lindqvist'])
      expect(text.includes(secret)).toBe(false)
    const routes = lines
      .filter((line) => line.code === 'request')
      .map(({ fields }) => String(fields['route']))
    expect(routes.filter((route) => route.split('/').length > 2 && route !== '/callback/google')).toEqual([])
    expect(routes).toEqual(expect.arrayContaining(['/sign-in', '/callback/google', '/unknown', '/picture']))
  })
})

describe("a person's picture", () => {
  const pictureOf = async (person: string): Promise<{ url: string; accountOf: string }> => {
    const sent = await app.request()
    const tokens = await app.exchange(await signIn(testBrowser(), sent.url, 'google', person), sent)
    const subject = tokens.claims()?.sub ?? ''
    const { picture = '' } = await client.fetchUserInfo(app.config, tokens.access_token, subject)
    return { url: picture, accountOf: subject }
  }

  test('is served to apps as a small private image', async () => {
    const { url } = await pictureOf('ines')
    expect(url.startsWith(`${setting.issuer}/picture/`)).toBe(true)
    const answer = await fetch(url)
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/webp',
      'cache-control': 'private, max-age=3600',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'cross-origin',
    })
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(bytes.subarray(0, 4).toString() + bytes.subarray(8, 12).toString()).toBe('RIFFWEBP')
    expect(bytes.length).toBeLessThan(64 * 1024)
  })

  test('has the same address until it changes, then a new one, and the old one is dead', async () => {
    const before = await pictureOf('dana')
    expect((await pictureOf('dana')).url).toBe(before.url)
    const dana = cast.find(({ id }) => id === 'dana')
    if (dana === undefined) throw new Error('nobody is called dana')
    setting.upstreams.removePerson('dana')
    // The simulated upstream draws a picture for each id.
    setting.upstreams.addPerson({ ...dana, id: 'dana-later' })
    const after = await pictureOf('dana-later')
    expect(after.accountOf).toBe(before.accountOf)
    expect(after.url).not.toBe(before.url)
    expect((await fetch(after.url)).status).toBe(200)
    expect((await fetch(before.url)).status).toBe(404)
  })

  test('is gone with the account', async () => {
    const { url, accountOf } = await pictureOf('amara')
    expect((await fetch(url)).status).toBe(200)
    const sql =
      "update account set state = 'closed' where id = (select account from subject where subject = $1)"
    await withClient(setting.databaseUrl, (db) => db.query(sql, [accountOf]))
    expect((await fetch(url)).status).toBe(404)
  })

  test.each(['', 'short', 'a'.repeat(43), 'a'.repeat(44), '../../health/live', '%00'.repeat(43)])(
    'is not at %p',
    async (token) => {
      const answer = await get(`/picture/${encodeURIComponent(token)}`)
      expect(answer.status).toBe(404)
    },
  )
})

describe('health', () => {
  test('is up and ready', async () => {
    expect(await (await get('/health/live')).json()).toEqual({ status: 'up' })
    expect(await (await get('/health/ready')).json()).toEqual({ status: 'ready' })
  })

  test('without the database is up and not ready', async () => {
    const database = await cloneDatabase()
    const { broker, origin } = await another(database.url)
    try {
      expect((await fetch(`${origin}/health/ready`)).status).toBe(200)
      await database.drop()
      const ready = await fetch(`${origin}/health/ready`)
      expect(ready.status).toBe(503)
      expect(await ready.json()).toEqual({ status: 'not ready' })
      expect((await fetch(`${origin}/health/live`)).status).toBe(200)
    } finally {
      await broker.close()
    }
  })
})

describe('close()', () => {
  test('lets a request in flight finish, and takes no other', async () => {
    const database = await cloneDatabase()
    const { broker, origin } = await another(database.url)
    const port = Number(new URL(origin).port)
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: 'x'.repeat(43),
      redirect_uri: app.redirectUri,
    }).toString()
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    let answer = ''
    socket.setEncoding('utf8').on('data', (part: string) => (answer += part))
    socket.write(
      [
        'POST /token HTTP/1.1',
        'Host: localhost',
        `Authorization: Basic ${Buffer.from(`docs:${secretOf('docs')}`).toString('base64')}`,
        'Content-Type: application/x-www-form-urlencoded',
        `Content-Length: ${body.length}`,
        '',
        body.slice(0, 10),
      ].join('\r\n'),
    )
    await pause(100)
    let isClosed = false
    const closing = broker.close().then(() => (isClosed = true))
    await pause(100)
    expect(isClosed).toBe(false)
    await expect(fetch(`${origin}/health/live`)).rejects.toThrow()
    const started = performance.now()
    socket.write(body.slice(10))
    await closing
    expect(answer).toMatch(/^HTTP\/1\.1 40[01] /)
    expect(answer).toContain('"error":"invalid_')
    // A connection kept alive must not keep us: left alone, it would for five seconds.
    expect(performance.now() - started).toBeLessThan(4000)
    socket.destroy()
    await database.drop()
  })
})

/** A broker of its own on another database, at any port. */
async function another(url: string): Promise<{ broker: Broker; origin: string }> {
  const broker = await compose(
    { ...setting.config, database: { ...setting.config.database, url } },
    { log: SILENT },
  )
  await new Promise<void>((resolve) => {
    broker.server.listen(0, '127.0.0.1', resolve)
  })
  return { broker, origin: `http://localhost:${(broker.server.address() as AddressInfo).port}` }
}
