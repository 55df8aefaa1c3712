// Single use under concurrency: twenty at once over two replicas, and one wins. The loser hears the error of its protocol, never a 500.
import { createHash } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import {
  appYaml,
  redirectUriOf,
  signIn,
  testApp,
  testBrowser,
  testSetting,
  type TestApp,
  type TestSetting,
} from '../support/app.ts'
import {
  ASSERTION_TYPE,
  askSilently,
  basicOf,
  codeOf,
  getCode,
  getTokens,
  isActive,
  keepRealm,
  keyAppYaml,
  keyOf,
  post,
  postAs,
  postPublic,
  publicYaml,
  redemption,
  repeat,
  sql,
  tally,
  userinfo,
  type Answer,
  type OwnKey,
} from '../issuer/helpers.ts'

const TIMES = 20

let setting: TestSetting
let origins: string[]
let archiveKey: OwnKey
let deskKey: OwnKey
const originOf = (index: number): string => origins[index % origins.length] ?? setting.issuer

beforeAll(async () => {
  keepRealm()
  archiveKey = await keyOf('archive-1')
  deskKey = await keyOf('desk-1')
  setting = await testSetting({
    clock: () => Date.now(),
    clients: [
      appYaml('docs', '    refreshTokens: true'),
      appYaml('wiki'),
      appYaml('mail'),
      appYaml('plan'),
      publicYaml('phone'),
      publicYaml('patient', '    leeway: 5s'),
      publicYaml('bound', '    dpop: true'),
      keyAppYaml('archive', archiveKey, '    refreshTokens: true'),
    ].join(''),
  })
  origins = [setting.issuer, (await setting.replica()).origin]
})
afterAll(() => setting.close())
afterEach(() => {
  jest.restoreAllMocks()
  expect(setting.lines.filter(({ level }) => level === 'error')).toEqual([])
})

const winnerOf = (answers: readonly Answer[]): Readonly<Record<string, unknown>> =>
  answers.find(({ status }) => status === 200)?.body ?? {}

describe('one authorization code redeemed twenty times', () => {
  test('at once over two replicas gives tokens once, and then takes them back', async () => {
    const app = await testApp(setting.issuer, 'docs', { scope: 'openid profile offline_access' })
    const { code, sent } = await getCode(app)
    const answers = await repeat(TIMES, (index) =>
      postAs(originOf(index), '/token', 'docs', redemption('docs', code, sent)),
    )
    expect(tally(answers)).toEqual({ '200': 1, '400 invalid_grant': TIMES - 1 })
    const winner = winnerOf(answers)
    for (const origin of origins) {
      expect((await userinfo(origin, winner['access_token'])).status).toBe(401)
      expect(await isActive(origin, 'docs', winner['access_token'])).toBe(false)
      expect(await isActive(origin, 'docs', winner['refresh_token'])).toBe(false)
    }
    const refresh = { grant_type: 'refresh_token', refresh_token: String(winner['refresh_token']) }
    expect(tally([await postAs(setting.issuer, '/token', 'docs', refresh)])).toEqual({
      '400 invalid_grant': 1,
    })
  })

  test('by a public app gives tokens once', async () => {
    const app = await testApp(setting.issuer, 'phone', { isPublic: true, scope: 'openid profile' })
    const { code, sent } = await getCode(app)
    const answers = await repeat(TIMES, (index) =>
      postPublic(originOf(index), '/token', 'phone', redemption('phone', code, sent)),
    )
    expect(tally(answers)).toEqual({ '200': 1, '400 invalid_grant': TIMES - 1 })
    expect((await userinfo(setting.issuer, winnerOf(answers)['access_token'])).status).toBe(401)
  })

  test('one after the other, on the other replica, takes the tokens back', async () => {
    const app = await testApp(setting.issuer, 'docs')
    const { code, sent } = await getCode(app)
    const first = await postAs(originOf(0), '/token', 'docs', redemption('docs', code, sent))
    expect((await userinfo(originOf(1), first.body['access_token'])).status).toBe(200)
    const second = await postAs(originOf(1), '/token', 'docs', redemption('docs', code, sent))
    expect(tally([second])).toEqual({ '400 invalid_grant': 1 })
    expect((await userinfo(originOf(0), first.body['access_token'])).status).toBe(401)
  })
})

describe('one refresh token of a public app used twenty times', () => {
  const options = { isPublic: true, scope: 'openid profile offline_access' }
  const useOf = (token: unknown): Record<string, string> => ({
    grant_type: 'refresh_token',
    refresh_token: String(token),
  })

  test('at once over two replicas gives tokens once, and then takes them back', async () => {
    const { tokens } = await getTokens(setting, 'phone', options)
    const answers = await repeat(TIMES, (index) =>
      postPublic(originOf(index), '/token', 'phone', useOf(tokens['refresh_token'])),
    )
    expect(tally(answers)).toEqual({ '200': 1, '400 invalid_grant': TIMES - 1 })
    const winner = winnerOf(answers)
    expect((await userinfo(setting.issuer, winner['access_token'])).status).toBe(401)
    const after = await postPublic(setting.issuer, '/token', 'phone', useOf(winner['refresh_token']))
    expect(tally([after])).toEqual({ '400 invalid_grant': 1 })
  })

  test('within its leeway leaves the winner alone; later it ends the whole chain', async () => {
    const { tokens } = await getTokens(setting, 'patient', options)
    const answers = await repeat(TIMES, (index) =>
      postPublic(originOf(index), '/token', 'patient', useOf(tokens['refresh_token'])),
    )
    expect(tally(answers)).toEqual({ '200': 1, '400 invalid_grant': TIMES - 1 })
    const winner = winnerOf(answers)
    expect((await userinfo(setting.issuer, winner['access_token'])).status).toBe(200)
    const next = await postPublic(setting.issuer, '/token', 'patient', useOf(winner['refresh_token']))
    expect(next.status).toBe(200)

    const now = Date.now() + 7000
    jest.spyOn(Date, 'now').mockImplementation(() => now)
    const late = await postPublic(setting.issuer, '/token', 'patient', useOf(tokens['refresh_token']))
    expect(tally([late])).toEqual({ '400 invalid_grant': 1 })
    expect((await userinfo(setting.issuer, next.body['access_token'])).status).toBe(401)
    const dead = await postPublic(setting.issuer, '/token', 'patient', useOf(next.body['refresh_token']))
    expect(tally([dead])).toEqual({ '400 invalid_grant': 1 })
  })
})

describe('one client assertion', () => {
  const proven = async (expiresIn = '60s'): Promise<Record<string, string>> => ({
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await archiveKey.assertion('archive', setting.issuer, expiresIn),
  })
  const code = async () => {
    const app = await testApp(setting.issuer, 'docs')
    const sent = await app.request()
    const url = new URL(sent.url)
    url.searchParams.set('client_id', 'archive')
    url.searchParams.set('redirect_uri', redirectUriOf('archive'))
    url.searchParams.set('scope', 'openid profile')
    return { code: codeOf(await signIn(testBrowser(), url, 'google', 'dana')), sent }
  }

  test('used twenty times at once over two replicas proves the app once', async () => {
    const form = { ...(await proven()), token: 'x'.repeat(43) }
    const answers = await repeat(TIMES, (index) => post(`${originOf(index)}/introspect`, form))
    expect(tally(answers)).toEqual({ '200': 1, '401 invalid_client': TIMES - 1 })
  })

  test('used twenty times with one code gives tokens once, and a replay takes nothing back', async () => {
    const { code: value, sent } = await code()
    const form = { ...(await proven()), ...redemption('archive', value, sent) }
    const answers = await repeat(TIMES, (index) => post(`${originOf(index)}/token`, form))
    expect(tally(answers)).toEqual({ '200': 1, '401 invalid_client': TIMES - 1 })
    expect((await userinfo(setting.issuer, winnerOf(answers)['access_token'])).status).toBe(200)
  })

  test('is refused afterwards too, by a replica that was not there', async () => {
    const form = { ...(await proven()), token: 'x'.repeat(43) }
    expect((await post(`${setting.issuer}/introspect`, form)).status).toBe(200)
    const { origin } = await setting.replica()
    expect(tally([await post(`${origin}/introspect`, form)])).toEqual({ '401 invalid_client': 1 })
  })

  test('that would have to be remembered for more than five minutes is refused', async () => {
    const form = { ...(await proven('1h')), token: 'x'.repeat(43) }
    expect(tally([await post(`${setting.issuer}/introspect`, form)])).toEqual({ '401 invalid_client': 1 })
  })
})

describe('one DPoP proof', () => {
  const bearer = async () => {
    const app = await testApp(setting.issuer, 'bound', { isPublic: true, scope: 'openid profile' })
    const { code, sent } = await getCode(app)
    const answer = await postPublic(setting.issuer, '/token', 'bound', redemption('bound', code, sent), {
      dpop: await deskKey.proof('POST', `${setting.issuer}/token`),
    })
    expect(answer.status).toBe(200)
    return answer.body
  }

  test('is good for one redemption', async () => {
    const app = await testApp(setting.issuer, 'bound', { isPublic: true, scope: 'openid profile' })
    const dpop = await deskKey.proof('POST', `${setting.issuer}/token`)
    const one = await getCode(app)
    const two = await getCode(app)
    const first = await postPublic(originOf(0), '/token', 'bound', redemption('bound', one.code, one.sent), {
      dpop,
    })
    expect(first.status).toBe(200)
    const second = await postPublic(originOf(1), '/token', 'bound', redemption('bound', two.code, two.sent), {
      dpop,
    })
    expect(tally([second])).toEqual({ '400 invalid_grant': 1 })
  })

  test('is good for one call, of twenty at once and on a new replica', async () => {
    const { access_token: token } = await bearer()
    const ath = createHash('sha256').update(String(token)).digest('base64url')
    const dpop = await deskKey.proof('GET', `${setting.issuer}/userinfo`, { ath })
    const call = (origin: string) =>
      fetch(`${origin}/userinfo`, { headers: { authorization: `DPoP ${String(token)}`, dpop } })
    const answers = await repeat(TIMES, (index) => call(originOf(index)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(TIMES - 1)
    const { origin } = await setting.replica()
    const late = await call(origin)
    expect(late.status).toBe(401)
    expect(late.headers.get('www-authenticate')).toContain('invalid_token')
  })
})

describe('one pushed request', () => {
  async function push(app: TestApp): Promise<URL> {
    const sent = await app.request({ prompt: 'none' })
    const answer = await post(`${setting.issuer}/par`, sent.url.searchParams, {
      authorization: basicOf('docs'),
    })
    expect(answer.status).toBe(201)
    const url = new URL(`${setting.issuer}/authorize`)
    url.searchParams.set('client_id', 'docs')
    url.searchParams.set('request_uri', String(answer.body['request_uri']))
    return url
  }

  test('gives one code, and an error page the second time', async () => {
    const app = await testApp(setting.issuer, 'docs')
    const { browser } = await getCode(app)
    const url = await push(app)
    expect((await browser.open(url)).url.searchParams.get('code')).not.toBeNull()
    const again = await browser.open(url)
    expect(again.status).toBe(400)
  })

  test('used twenty times at once over two replicas gives one code', async () => {
    const app = await testApp(setting.issuer, 'docs')
    const { browser } = await getCode(app)
    const url = await push(app)
    const cookie = await browser.jar.getCookieString(setting.issuer)
    const answers = await repeat(TIMES, (index) =>
      fetch(`${originOf(index)}${url.pathname}${url.search}`, { redirect: 'manual', headers: { cookie } }),
    )
    const codes = answers.filter(({ headers }) => headers.get('location')?.includes('code=') === true)
    expect(codes).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(TIMES - 1)
  })
})

describe('windows of one browser', () => {
  const idsOf = ['docs', 'wiki', 'mail', 'plan']

  test.each([2, 4])('that ask for %i apps at once keep all of them', async (count) => {
    const apps = await Promise.all(
      idsOf.slice(0, count).map(async (id) => ({ id, app: await testApp(setting.issuer, id) })),
    )
    const start = await testApp(setting.issuer, 'docs')
    const { browser } = await getCode(start)
    const asked = await Promise.all(apps.map(({ app }) => askSilently(app, browser)))
    expect(asked.map(({ error }) => error)).toEqual(apps.map(() => null))
    const answers = await Promise.all(
      apps.map(({ id }, index) => {
        const { code, sent } = asked[index] ?? {}
        if (code === undefined || code === null || sent === undefined) throw new Error('no code')
        return postAs(originOf(index), '/token', id, redemption(id, code, sent))
      }),
    )
    expect(tally(answers)).toEqual({ '200': count })
    for (const { app } of apps) expect((await askSilently(app, browser)).code).not.toBeNull()
    for (const [index, { body }] of answers.entries())
      expect((await userinfo(originOf(index), body['access_token'])).status).toBe(200)
  })

  test('that ask for one app at once all get in', async () => {
    const first = await testApp(setting.issuer, 'docs')
    const wiki = await testApp(setting.issuer, 'wiki')
    const { browser } = await getCode(first)
    const asked = await repeat(4, () => askSilently(wiki, browser))
    const answers = await Promise.all(
      asked.map(({ code, sent }, index) =>
        postAs(originOf(index), '/token', 'wiki', redemption('wiki', code ?? '', sent)),
      ),
    )
    expect(tally(answers)).toEqual({ '200': 4 })
  })
})

describe('a window that signs in again', () => {
  test('while others ask silently renews the cookie, and the session stays', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { browser, app } = await getTokens(setting, 'docs')
      const wiki = await testApp(setting.issuer, 'wiki')
      const old = await browser.jar.getCookieString(setting.issuer)
      const stopAt = ['http://localhost:4999', `${setting.issuer}/authorize/`]
      const window = testBrowser({ stopAt, jar: browser.jar })
      const sent = await app.request({ prompt: 'select_account' })
      const resume = await signIn(window, sent.url, 'google', 'dana')
      expect(resume.url.pathname).toMatch(/^\/authorize\/./)
      const [end] = await Promise.all([
        browser.open(resume.url),
        ...Array.from({ length: 3 }, () => askSilently(wiki, browser)),
      ])
      const answer = await postAs(originOf(round), '/token', 'docs', redemption('docs', codeOf(end), sent))
      expect(answer.status).toBe(200)
      expect((await userinfo(setting.issuer, answer.body['access_token'])).status).toBe(200)
      const thief = await fetch((await app.request({ prompt: 'none' })).url, {
        redirect: 'manual',
        headers: { cookie: old },
      })
      expect(thief.headers.get('location')).toContain('error=login_required')
    }
  })
})

describe('one way back from upstream', () => {
  test('taken twenty times at once over two replicas signs in once', async () => {
    const app = await testApp(setting.issuer, 'docs')
    await getCode(app, { person: 'theo' })
    const browser = testBrowser({ stopAt: ['http://localhost:4999', `${setting.issuer}/callback`] })
    const sent = await app.request()
    let page = await browser.press(await browser.open(sent.url), 'connector', 'google')
    page = await browser.press(page, 'person', 'theo')
    expect(page.url.pathname).toBe('/callback/google')
    const cookie = await browser.jar.getCookieString(page.url.href)
    const answers = await repeat(TIMES, (index) =>
      fetch(`${originOf(index)}${page.url.pathname}${page.url.search}`, {
        redirect: 'manual',
        headers: { cookie },
      }),
    )
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(TIMES - 1)
    const location = answers.find(({ status }) => status === 303)?.headers.get('location') ?? ''
    const end = await browser.open(new URL(location, setting.issuer))
    expect((await app.exchange(end, sent)).access_token).toBeDefined()
    // And once more, when all is over.
    const late = await fetch(page.url, { redirect: 'manual', headers: { cookie } })
    expect(late.status).toBe(400)
  })

  test('is worth nothing in another browser', async () => {
    const app = await testApp(setting.issuer, 'docs')
    const stopAt = ['http://localhost:4999', `${setting.issuer}/callback`]
    const browser = testBrowser({ stopAt })
    const sent = await app.request()
    let page = await browser.press(await browser.open(sent.url), 'connector', 'google')
    page = await browser.press(page, 'person', 'theo')
    const victim = testBrowser({ stopAt })
    await victim.press(await victim.open((await app.request()).url), 'connector', 'google')
    const cookie = await victim.jar.getCookieString(page.url.href)
    const stolen = await fetch(page.url, { redirect: 'manual', headers: { cookie } })
    expect(stolen.status).toBe(400)
    expect(stolen.headers.get('location')).toBeNull()
  })
})

describe('one session used from all sides at once', () => {
  const ROUNDS = 6
  const refresh = (token: unknown): Record<string, string> => ({
    grant_type: 'refresh_token',
    refresh_token: String(token),
  })

  test('by windows, redemptions, refreshes and a replay, never breaks', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { tokens, browser, app } = await getTokens(setting, 'docs')
      const [first, second] = [await askSilently(app, browser), await askSilently(app, browser)]
      const redeem = (origin: string, { code, sent }: typeof first): Promise<Answer> =>
        postAs(origin, '/token', 'docs', redemption('docs', code ?? '', sent))
      const statuses = await Promise.all([
        ...Array.from({ length: 6 }, async () => (await askSilently(app, browser)).error),
        ...Array.from(
          { length: 6 },
          async (_, index) =>
            (await postAs(originOf(index), '/token', 'docs', refresh(tokens['refresh_token']))).status,
        ),
        redeem(originOf(0), first).then(({ status }) => status),
        redeem(originOf(1), second).then(({ status }) => status),
        redeem(originOf(0), second).then(({ status }) => status),
        postAs(originOf(1), '/revoke', 'docs', { token: String(tokens['access_token']) }).then(
          ({ status }) => status,
        ),
      ])
      expect(statuses.filter((status) => typeof status === 'number' && status >= 500)).toEqual([])
      expect(statuses.filter((status) => status === 'server_error')).toEqual([])
    }
  })

  test('and signed out of meanwhile, leaves nothing alive', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { tokens, browser, app } = await getTokens(setting, 'docs')
      const wiki = await testApp(setting.issuer, 'wiki')
      const page = await browser.open(`${setting.issuer}/session/end`)
      const [answers] = await Promise.all([
        repeat(8, (index) => postAs(originOf(index), '/token', 'docs', refresh(tokens['refresh_token']))),
        browser.press(page, 'logout', 'yes'),
        repeat(4, (index) => askSilently(index % 2 === 0 ? app : wiki, browser)),
      ])
      expect(answers.filter(({ status }) => status >= 500)).toEqual([])
      for (const { body } of answers) {
        if (body['access_token'] !== undefined)
          expect(await isActive(setting.issuer, 'docs', body['access_token'])).toBe(false)
      }
      expect((await askSilently(app, browser)).error).toBe('login_required')
    }
  })
})

describe('what hangs on one session is locked in one order', () => {
  /** Holds a lock on the rows of `model` until `release`; `canLock` tells whether another's rows are free meanwhile. */
  async function hold(model: string) {
    const holder = new Client({ connectionString: setting.databaseUrl })
    await holder.connect()
    await holder.query('begin')
    await holder.query('select 1 from record where model = $1 for update', [model])
    return {
      async untilSomebodyWaits(): Promise<void> {
        for (let round = 0; round < 1000; round += 1) {
          const { rows } = await holder.query<{ waiting: number }>(
            'select count(*)::int as waiting from pg_locks where not granted',
          )
          if ((rows[0]?.waiting ?? 0) > 0) return
        }
        throw new Error('nobody came to wait')
      },
      canLock: (other: string): Promise<boolean> =>
        holder.query('select 1 from record where model = $1 for update nowait', [other]).then(
          () => true,
          () => false,
        ),
      async release(): Promise<void> {
        await holder.query('rollback')
        await holder.end()
      },
    }
  }
  const OTHERS = ['Grant', 'AuthorizationCode', 'RefreshToken', 'AccessToken']

  test.each(['a window', 'a redemption', 'a sign-out'])(
    'by %s: while it waits for the session it holds nothing else',
    async (who) => {
      await sql(setting, 'delete from record')
      const { browser, app } = await getTokens(setting, 'docs')
      const { code, sent } = await askSilently(app, browser)
      const page = await browser.open(`${setting.issuer}/session/end`)
      const lock = await hold('Session')
      const under =
        who === 'a window'
          ? askSilently(app, browser)
          : who === 'a redemption'
            ? postAs(setting.issuer, '/token', 'docs', redemption('docs', code ?? '', sent))
            : browser.press(page, 'logout', 'yes')
      try {
        await lock.untilSomebodyWaits()
        for (const other of OTHERS) expect([other, await lock.canLock(other)]).toEqual([other, true])
      } finally {
        await lock.release()
        await under
      }
    },
  )

  test.each(['a redemption', 'a replay', 'a refresh', 'a revocation'])(
    'by %s: while it waits for the grant it holds no token',
    async (who) => {
      await sql(setting, 'delete from record')
      const { tokens, browser, app } = await getTokens(setting, 'docs', {
        scope: 'openid offline_access',
        parameters: { prompt: 'consent' },
      })
      const { code, sent } = await askSilently(app, browser)
      const redeem = () => postAs(setting.issuer, '/token', 'docs', redemption('docs', code ?? '', sent))
      if (who === 'a replay') await redeem()
      const lock = await hold('Grant')
      const under =
        who === 'a redemption' || who === 'a replay'
          ? redeem()
          : postAs(
              setting.issuer,
              who === 'a refresh' ? '/token' : '/revoke',
              'docs',
              who === 'a refresh'
                ? { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }
                : { token: String(tokens['refresh_token']) },
            )
      try {
        await lock.untilSomebodyWaits()
        for (const other of OTHERS.slice(1)) expect([other, await lock.canLock(other)]).toEqual([other, true])
      } finally {
        await lock.release()
        await under
      }
    },
  )
})

describe('one confirm page', () => {
  test('agreed to twenty times at once makes one account and one session', async () => {
    const app = await testApp(setting.issuer, 'docs')
    const browser = testBrowser()
    const sent = await app.request()
    let page = await browser.press(await browser.open(sent.url), 'connector', 'google')
    page = await browser.press(page, 'person', 'noor')
    expect(page.url.pathname).toMatch(/\/confirm$/)
    const cookie = await browser.jar.getCookieString(page.url.href)
    const before = await sql<{ count: string }>(setting, 'select count(*) from account')
    const answers = await repeat(TIMES, (index) =>
      fetch(`${originOf(index)}${page.url.pathname}`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie },
        body: new URLSearchParams({ decision: 'agree', adult: 'yes' }),
      }),
    )
    expect(answers.map(({ status }) => status).filter((status) => status >= 500)).toEqual([])
    const after = await sql<{ count: string }>(setting, 'select count(*) from account')
    expect(Number(after[0]?.count)).toBe(Number(before[0]?.count) + 1)
    const location = answers.find(({ status }) => status === 303)?.headers.get('location') ?? ''
    const end = await browser.open(new URL(location, setting.issuer))
    expect((await app.exchange(end, sent)).access_token).toBeDefined()
    const again = await browser.open(new URL(location, setting.issuer))
    expect(again.url.searchParams.get('code')).toBeNull()
    expect(again.status).toBe(400)
  })
})
