// Whoever can write to the database but has no key: a sealed value altered by one bit, or moved from another row, column or account, is
// refused and named in the log; its person is sent away without an error of ours, nobody gets another's data, and everyone else goes on.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import * as client from 'openid-client'
import type { Browser } from '../../demo/browser.ts'
import { withClient } from '../../demo/postgres/databases.ts'
import { BrokerError } from '../../src/core/errors.ts'
import { openServerKeys } from '../../src/core/server-keys.ts'
import { createKeyring } from '../../src/crypto/keyring.ts'
import { loadKeyringFile } from '../../src/kms/keyring-file.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { createKeys } from '../../src/storage/keys.ts'
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

const clients = appYaml('docs', '    refreshTokens: true\n') + appYaml('wiki')
let setting: TestSetting
let docs: TestApp
let wiki: TestApp
beforeAll(async () => {
  // No data key stays in memory: each request asks for the row.
  setting = await testSetting({ clients, extra: 'dataKeyCache: { size: 0 }\n' })
  docs = await testApp(setting.issuer, 'docs', { scope: 'openid offline_access profile email' })
  wiki = await testApp(setting.issuer, 'wiki', { scope: 'openid profile' })
})
afterAll(() => setting.close())
beforeEach(() => {
  setting.lines.length = 0
})

const run = (sql: string, values: readonly unknown[] = []): Promise<number> =>
  withClient(setting.databaseUrl, async (database) => (await database.query(sql, [...values])).rowCount ?? 0)
const codes = (): string[] => setting.lines.map(({ code }) => code)
const basic = `Basic ${Buffer.from(`docs:${secretOf('docs')}`).toString('base64')}`

/** Someone signed in to docs, with everything in hand that can be altered: session, grant, tokens, a code, a picture. */
type Victim = {
  readonly id: string
  readonly name: string
  readonly account: string
  readonly browser: Browser
  readonly tokens: { readonly access: string; readonly refresh: string }
  readonly code: { readonly value: string; readonly verifier: string }
  readonly picture: string
}
let people = 0
async function newVictim(): Promise<Victim> {
  people += 1
  const id = `person-${people}`
  const name = `Name ${randomUUID()}`
  setting.upstreams.addPerson({
    vendor: 'google',
    id,
    tag: '',
    sub: `10000000000000000${1000 + people}`,
    name,
    email: `${id}@widgets.example`,
    emailVerified: true,
    hd: 'widgets.example',
    picture: true,
  })
  const browser = testBrowser()
  const sent = await docs.request()
  const tokens = await docs.exchange(await signIn(browser, sent.url, 'google', id), sent)
  const info = await client.fetchUserInfo(docs.config, tokens.access_token, tokens.claims()?.sub ?? '')
  const second = await docs.request({ prompt: 'none' })
  const code = (await browser.open(second.url)).url.searchParams.get('code') ?? ''
  const account = await withClient(setting.databaseUrl, async (database) => {
    const { rows } = await database.query<{ account: string }>(
      'select account from subject where subject = $1',
      [tokens.claims()?.sub],
    )
    return rows[0]?.account ?? ''
  })
  return {
    id,
    name,
    account,
    browser,
    tokens: { access: tokens.access_token, refresh: tokens.refresh_token ?? '' },
    code: { value: code, verifier: second.verifier },
    picture: info.picture ?? '',
  }
}

/** Everything that this person's browser and apps can still ask for: status and what came back. */
async function probe(victim: Victim): Promise<{ at: string; status: number; text: string }[]> {
  const answers: { at: string; status: number; text: string }[] = []
  const ask = async (at: string, url: string | URL, init?: RequestInit): Promise<void> => {
    const response = await fetch(url, init)
    answers.push({ at, status: response.status, text: await response.text() })
  }
  const token = (body: Record<string, string>): RequestInit => ({
    method: 'POST',
    headers: { authorization: basic },
    body: new URLSearchParams(body),
  })
  await ask('/picture', victim.picture)
  await ask('/userinfo', `${setting.issuer}/userinfo`, {
    headers: { authorization: `Bearer ${victim.tokens.access}` },
  })
  await ask(
    '/token refresh',
    `${setting.issuer}/token`,
    token({ grant_type: 'refresh_token', refresh_token: victim.tokens.refresh }),
  )
  await ask(
    '/token code',
    `${setting.issuer}/token`,
    token({
      grant_type: 'authorization_code',
      code: victim.code.value,
      redirect_uri: docs.redirectUri,
      code_verifier: victim.code.verifier,
    }),
  )
  await ask('/introspect', `${setting.issuer}/introspect`, token({ token: victim.tokens.access }))
  for (const prompt of ['none', 'login'])
    for (const app of [docs, wiki]) {
      const page = await victim.browser.open((await app.request({ prompt })).url)
      answers.push({ at: `/authorize ${prompt}`, status: page.status, text: page.html })
    }
  const again = await signIn(testBrowser(), (await docs.request()).url, 'google', victim.id)
  answers.push({ at: '/callback', status: again.status, text: again.html })
  return answers
}

async function expectOthersGoOn(others: readonly Victim[]): Promise<void> {
  for (const other of others) {
    const info = await fetch(`${setting.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${other.tokens.access}` },
    })
    expect([info.status, ((await info.json()) as { name?: string }).name]).toEqual([200, other.name])
    expect((await fetch(other.picture)).status).toBe(200)
  }
  const sent = await wiki.request()
  const tokens = await wiki.exchange(
    await signIn(testBrowser(), sent.url, 'google', others[0]?.id ?? ''),
    sent,
  )
  expect(tokens.claims()?.sub).toBeDefined()
}

let donor: Victim
beforeAll(async () => {
  donor = await newVictim()
})

// Version, key id, salt, commitment, ciphertext, tag: one bit in each part of the envelope.
const PARTS = {
  version: '0',
  keyId: '5',
  salt: '30',
  commitment: '70',
  ciphertext: '81',
  tag: 'length(X) - 1',
}
const flip = (column: string, at: string): string =>
  `${column} = set_byte(${column}, ${at.replaceAll('X', column)}, get_byte(${column}, ${at.replaceAll('X', column)}) # 1)`

const OF = 'account = $1'
const record = (model: string) => `record set % where model = '${model}' and ${OF}`
const COLUMNS: [string, string, string][] = [
  ['a session', record('Session'), 'payload_sealed'],
  ['a session’s key by its cookie', record('Session'), 'key_by_id_sealed'],
  ['a grant', record('Grant'), 'payload_sealed'],
  ['a code', record('AuthorizationCode'), 'payload_sealed'],
  ['an access token', record('AccessToken'), 'payload_sealed'],
  ['a refresh token', record('RefreshToken'), 'payload_sealed'],
  ['a profile', `identity set % where ${OF}`, 'profile_sealed'],
  ['a picture', `identity set % where ${OF}`, 'picture_sealed'],
  ['an account’s key', `account_key set % where ${OF}`, 'key_sealed'],
]

async function expectRefused(victim: Victim): Promise<void> {
  setting.lines.length = 0
  const answers = await probe(victim)
  expect(answers.filter(({ status }) => status >= 500).map(({ at, status }) => `${at} ${status}`)).toEqual([])
  // Nobody sees another's data.
  expect(answers.filter(({ text }) => text.includes(donor.name)).map(({ at }) => at)).toEqual([])
  expect(codes()).toContain('sealed_value_refused')
  expect(codes()).not.toContain('server_error')
  expect(codes()).not.toContain('issuer_failed')
  expect(codes()).not.toContain('request_failed')
  await expectOthersGoOn([donor])
}

describe('without tampering', () => {
  test('all that is probed works, and nothing is refused', async () => {
    const victim = await newVictim()
    const answers = await probe(victim)
    expect(answers.map(({ at, status }) => `${at} ${status}`)).toEqual([
      '/picture 200',
      '/userinfo 200',
      '/token refresh 200',
      '/token code 200',
      '/introspect 200',
      '/authorize none 0',
      '/authorize none 0',
      '/authorize login 200',
      '/authorize login 200',
      '/callback 0',
    ])
    expect(codes()).not.toContain('sealed_value_refused')
  })
})

describe('one bit altered in', () => {
  test.each(COLUMNS)(
    '%s is refused, whichever check of the envelope finds it',
    async (_what, statement, column) => {
      // No envelope, another key's, none of ours: three ways to be refused. The profile stands for the rest of the parts.
      const { version, keyId, tag } = PARTS
      for (const at of column === 'profile_sealed' ? Object.values(PARTS) : [version, keyId, tag]) {
        const victim = await newVictim()
        const changed = await run(`update ${statement.replace('%', flip(column, at))}`, [victim.account])
        expect(changed).toBeGreaterThan(0)
        await expectRefused(victim)
      }
    },
    60_000,
  )
})

/** From the donor's row to the victim's; `$1` is the victim's account, `$2` the donor's. */
const MOVES: [string, string][] = [
  ...['Session', 'Grant', 'AuthorizationCode', 'AccessToken', 'RefreshToken'].map(
    (model): [string, string] => [
      `the payload of another’s ${model}`,
      `update record set payload_sealed = (select payload_sealed from record where model = '${model}' and account = $2 limit 1) where model = '${model}' and account = $1`,
    ],
  ),
  [
    'both keys and the payload of another’s session',
    `update record r set payload_sealed = d.payload_sealed, key_by_id_sealed = d.key_by_id_sealed, key_by_uid_sealed = d.key_by_uid_sealed
     from record d where d.model = 'Session' and d.account = $2 and r.model = 'Session' and r.account = $1`,
  ],
  [
    'a session’s other wrapped key',
    "update record set key_by_id_sealed = key_by_uid_sealed where model = 'Session' and account = $1 and $2::uuid is not null",
  ],
  [
    'a payload of another row of the same person',
    "update record r set payload_sealed = d.payload_sealed from record d where d.model = 'Session' and d.account = $1 and r.model in ('Grant', 'AccessToken') and r.account = $1 and $2::uuid is not null",
  ],
  [
    'another’s profile',
    'update identity set profile_sealed = (select profile_sealed from identity where account = $2) where account = $1',
  ],
  [
    'another’s picture',
    'update identity set picture_sealed = (select picture_sealed from identity where account = $2) where account = $1',
  ],
  [
    'the picture in the profile’s column',
    'update identity set profile_sealed = picture_sealed where account = $1 and $2::uuid is not null',
  ],
  [
    'the profile in the picture’s column',
    'update identity set picture_sealed = profile_sealed where account = $1 and $2::uuid is not null',
  ],
  [
    'another’s key',
    'update account_key k set key_id = d.key_id, key_sealed = d.key_sealed from account_key d where d.account = $2 and k.account = $1',
  ],
  [
    'the key of the audit tags as the key',
    'update account_key set key_sealed = subject_key_sealed where account = $1 and $2::uuid is not null',
  ],
]

describe('moved', () => {
  test.each(MOVES)('%s is refused', async (_what, sql) => {
    const victim = await newVictim()
    expect(await run(sql, [victim.account, donor.account])).toBeGreaterThan(0)
    await expectRefused(victim)
  })

  test.each([
    [
      'the index leads to another’s identity',
      `update identity_index set identity = (select id from identity where account = $2)
       where identity = (select id from identity where account = $1) and kind <> 'email'`,
    ],
    ['the identity hangs on another’s account', 'update identity set account = $2 where account = $1'],
    [
      'the identity hangs on another’s account, with that one’s profile',
      `update identity set account = $2, profile_sealed = (select profile_sealed from identity where account = $2 limit 1) where account = $1`,
    ],
  ])('%s: nobody is signed in as somebody else', async (_what, sql) => {
    const [attacker, target] = [await newVictim(), await newVictim()]
    expect(await run(sql, [attacker.account, target.account])).toBeGreaterThan(0)
    setting.lines.length = 0
    for (const app of [docs, wiki]) {
      const page = await signIn(testBrowser(), (await app.request()).url, 'google', attacker.id)
      expect(page.status).toBe(403)
      expect(page.html).not.toContain(target.name)
    }
    expect(codes()).toContain('sealed_value_refused')
    await expectOthersGoOn([donor])
  })
})

describe('on the way to a sign-in', () => {
  test.each(Object.keys(PARTS) as (keyof typeof PARTS)[])(
    'an interaction with one bit altered in its %s is over',
    async (part) => {
      const browser = testBrowser()
      const page = await browser.open((await docs.request()).url)
      await run(`update record set ${flip('payload_sealed', PARTS[part])} where model = 'Interaction'`)
      const again = await browser.open(page.url)
      const posted = await browser.press(page, 'connector', 'google')
      expect([again.status, posted.status]).toEqual([400, 400])
      expect(codes()).toContain('sealed_value_refused')
      await run("delete from record where model = 'Interaction'")
      await expectOthersGoOn([donor])
    },
  )

  test.each(Object.keys(PARTS) as (keyof typeof PARTS)[])(
    'a round trip with one bit altered in its %s is over',
    async (part) => {
      const browser = testBrowser()
      const page = await browser.open((await docs.request()).url)
      const chooser = await browser.press(page, 'connector', 'google')
      await run(`update sign_in set ${flip('payload_sealed', PARTS[part])}`)
      const back = await browser.press(chooser, 'person', donor.id)
      expect(back.status).toBe(400)
      expect(codes()).toContain('sealed_value_refused')
      await expectOthersGoOn([donor])
    },
  )

  test('who is asked to agree and whose interaction is exchanged for another’s is sent away', async () => {
    const [one, other] = [testBrowser(), testBrowser()]
    const page = await one.open((await docs.request()).url)
    const foreign = await other.open((await docs.request()).url)
    await run(`update record r set payload_sealed = d.payload_sealed from record d
               where r.model = 'Interaction' and d.model = 'Interaction' and r.id_digest <> d.id_digest`)
    expect([(await one.open(page.url)).status, (await other.open(foreign.url)).status]).toEqual([400, 400])
    expect(codes()).toContain('sealed_value_refused')
  })
})

describe('what the broker opens at its start', () => {
  test.each(Object.keys(PARTS) as (keyof typeof PARTS)[])(
    'an app’s secret with one bit altered in its %s shuts out that app alone',
    async (part) => {
      await run(`update client set ${flip('secret_sealed', PARTS[part])} where id = 'wiki'`)
      setting.lines.length = 0
      const replica = await setting.replica()
      expect(codes()).toContain('sealed_value_refused')
      const ask = async (app: TestApp): Promise<number> => {
        const { url } = await app.request()
        const response = await fetch(`${replica.origin}${url.pathname}${url.search}`, { redirect: 'manual' })
        return response.status
      }
      expect(await ask(docs)).toBe(303)
      expect(await ask(wiki)).toBe(400)
      await run(`update client set ${flip('secret_sealed', PARTS[part])} where id = 'wiki'`)
    },
  )

  test('an app’s secret moved from another app shuts out that app alone', async () => {
    await run(
      "update client set secret_sealed = (select secret_sealed from client where id = 'docs') where id = 'wiki'",
    )
    setting.lines.length = 0
    const replica = await setting.replica()
    expect(codes()).toContain('sealed_value_refused')
    const { url } = await wiki.request()
    expect(
      (await fetch(`${replica.origin}${url.pathname}${url.search}`, { redirect: 'manual' })).status,
    ).toBe(400)
  })

  test.each(Object.keys(PARTS) as (keyof typeof PARTS)[])(
    'a signing key with one bit altered in its %s stops a start and is named; whoever runs goes on',
    async (part) => {
      await run(`update signing_key set ${flip('private_sealed', PARTS[part])} where alg = 'ES256'`)
      const database = await openDatabase(setting.databaseUrl, 2)
      try {
        const kek = await loadKeyringFile(setting.config.keyring.path)
        const keyring = createKeyring({ kek, cacheSize: 0, cacheTtlMs: 0, clock: Date.now })
        const start = openServerKeys(createKeys(database), keyring, await kek.current())
        await expect(start).rejects.toBeInstanceOf(BrokerError)
        await expect(start).rejects.toMatchObject({
          code: 'keys_unavailable',
          detail: expect.stringMatching(/^signing key \S{43} does not open$/),
        })
      } finally {
        await database.close()
      }
      const info = await fetch(`${setting.issuer}/userinfo`, {
        headers: { authorization: `Bearer ${donor.tokens.access}` },
      })
      expect(info.status).toBe(200)
      await run(`update signing_key set ${flip('private_sealed', PARTS[part])} where alg = 'ES256'`)
    },
  )
})
