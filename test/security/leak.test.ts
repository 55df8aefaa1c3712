// Canaries (attacks.md §4.4): an upstream says a hundred things more than the five fields, each a value that exists nowhere else. None
// of them, and none of the five in clear, may reach a column, a log line or an app; first the search proves that it finds.
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as client from 'openid-client'
import type { Page } from '../../demo/browser.ts'
import { findInText, findPlaintext } from '../../demo/plaintext.ts'
import { withClient } from '../../demo/postgres/databases.ts'
import { larkspur } from '../../demo/upstreams/cast.ts'
import { consumersTenant, type Person } from '../../demo/upstreams/people.ts'
import type { Log } from '../../src/core/ports.ts'
import { createLog } from '../../src/log.ts'
import { readOwnClaims } from '../../src/crypto/jwt.ts'
import {
  appYaml,
  signIn,
  testApp,
  testBrowser,
  testSetting,
  type TestApp,
  type TestSetting,
} from '../support/app.ts'
import { cloneDatabase } from '../support/database.ts'

const canary = (): string => randomBytes(16).toString('hex')

describe('the search', () => {
  const FORMS: [string, (value: string) => string | Buffer][] = [
    ['as it is', (value) => value],
    ['in the middle of ten kilobytes', (value) => `${'ab '.repeat(2000)}${value}${' yz'.repeat(2000)}`],
    ['JSON-escaped', (value) => JSON.stringify({ note: `"${value}"` })],
    ['in hex', (value) => Buffer.from(value).toString('hex')],
    ['in HEX', (value) => Buffer.from(value).toString('hex').toUpperCase()],
    ['in base64', (value) => Buffer.from(value).toString('base64')],
    ['in base64, one further', (value) => Buffer.from(`x${value}`).toString('base64')],
    ['in base64url, two further', (value) => Buffer.from(`??${value}`).toString('base64url')],
    ['reversed', (value) => Array.from(value).toReversed().join('')],
    ['its sixteen bytes in base64url', (value) => Buffer.from(value, 'hex').toString('base64url')],
    ['as a uuid', (value) => value.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')],
  ]
  const BYTES: [string, (value: string) => string | Buffer][] = [
    ['as bytes', (value) => Buffer.from(value)],
    ['its sixteen bytes', (value) => Buffer.from(`ff${value}ff`, 'hex')],
    ['in UTF-16', (value) => Buffer.from(value, 'utf16le')],
    ['in UTF-16, the other order', (value) => Buffer.from(value, 'utf16le').swap16()],
  ]

  test('finds a value in each type of column and in each form', async () => {
    const database = await cloneDatabase()
    try {
      const plants: { column: string; form: string; value: string; stored: string | Buffer }[] = []
      for (const [form, encode] of FORMS) {
        for (const column of ['text', 'jsonb', 'bytea']) {
          const value = canary()
          const stored = column === 'jsonb' ? JSON.stringify({ deep: [encode(value)] }) : encode(value)
          plants.push({ column, form, value, stored: column === 'bytea' ? Buffer.from(stored) : stored })
        }
      }
      for (const [form, encode] of BYTES) {
        const value = canary()
        plants.push({ column: 'bytea', form, value, stored: encode(value) })
      }
      const uuid = canary()
      plants.push({ column: 'uuid', form: 'as it is', value: uuid, stored: uuid })
      await withClient(database.url, async (sql) => {
        await sql.query('create table planted (text text, jsonb jsonb, bytea bytea, uuid uuid)')
        for (const { column, stored } of plants)
          await sql.query(`insert into planted (${column}) values ($1)`, [stored])
      })
      const found = await findPlaintext(
        database.url,
        plants.map(({ value }) => value),
      )
      const missed = plants.filter(
        ({ column, value }) => !found.some((hit) => hit.value === value && hit.column === column),
      )
      expect(missed.map(({ column, form }) => `${form} in ${column}`)).toEqual([])
      expect(found).toHaveLength(plants.length)
    } finally {
      await database.drop()
    }
  })

  test('finds a value in every column of ours that can hold one', async () => {
    const database = await cloneDatabase()
    try {
      const plants = await withClient(database.url, async (sql) => {
        const constraints = await sql.query<{ relation: string; name: string }>(
          "select conrelid::regclass::text as relation, conname as name from pg_constraint where contype = 'f'",
        )
        for (const { relation, name } of constraints.rows)
          await sql.query(`alter table ${relation} drop constraint ${name}`)
        const columns = await sql.query<{ table: string; column: string; type: string }>(
          `select table_name as table, column_name as column, data_type as type from information_schema.columns
           where table_schema = 'public' and table_name <> 'migration' order by 1, ordinal_position`,
        )
        const planted: { table: string; column: string; value: string }[] = []
        for (const name of new Set(columns.rows.map(({ table }) => table))) {
          const own = columns.rows.filter(({ table }) => table === name)
          const values = own.map(({ column, type }) => {
            if (type === 'boolean') return true
            if (type === 'integer') return 1
            if (type.startsWith('timestamp')) return new Date()
            const value = canary()
            planted.push({ table: name, column, value })
            if (type === 'jsonb') return JSON.stringify({ [value]: 1 })
            return type === 'bytea' ? Buffer.from(value) : value
          })
          const names = own.map(({ column }) => `"${column}"`).join(', ')
          const places = own.map((_one, index) => `$${index + 1}`).join(', ')
          await sql.query(`insert into "${name}" (${names}) values (${places})`, values)
        }
        return planted
      })
      expect(plants.length).toBeGreaterThan(60)
      const found = await findPlaintext(
        database.url,
        plants.map(({ value }) => value),
      )
      const byPlace = (a: { table: string; column: string }, b: { table: string; column: string }): number =>
        `${a.table}.${a.column}` < `${b.table}.${b.column}` ? -1 : 1
      expect(found.toSorted(byPlace)).toEqual(plants.toSorted(byPlace))
    } finally {
      await database.drop()
    }
  })

  test('finds a value in a text in each form', () => {
    for (const [form, encode] of FORMS) {
      const value = canary()
      expect([form, findInText(`before ${String(encode(value))} after`, [value, canary()])]).toEqual([
        form,
        [value],
      ])
    }
  })
})

/** All that was made up: nothing of it may appear anywhere, or only where the second list says. */
const forbidden: string[] = []
const extra = (names: readonly string[]): Record<string, unknown> => {
  const fresh = (): string => {
    const value = canary()
    forbidden.push(value)
    return value
  }
  const claims: Record<string, unknown> = Object.fromEntries(names.map((name) => [name, fresh()]))
  claims['address'] = { formatted: fresh(), street_address: fresh(), locality: fresh(), country: fresh() }
  claims['groups'] = [fresh(), fresh(), { deep: { deeper: [fresh()] } }]
  claims[fresh()] = 'a claim whose name is the canary'
  claims['_claim_sources'] = {
    src1: { endpoint: `https://claims.example/${fresh()}`, access_token: fresh() },
  }
  return claims
}
// What OpenID Connect Core §5.1, Google, Entra and Graph's user resource know beyond the five, and as many that nobody knows.
const STANDARD =
  'given_name family_name middle_name nickname profile website gender birthdate zoneinfo locale phone_number updated_at'.split(
    ' ',
  )
const ENTRA =
  'upn unique_name ipaddr in_corp wids roles puid onprem_sid pwd_exp pwd_url ctry tenant_ctry employeeid acct'.split(
    ' ',
  )
const GRAPH =
  'givenName surname jobTitle mobilePhone officeLocation department employeeId city country postalCode streetAddress aboutMe birthday mailNickname mySite faxNumber'.split(
    ' ',
  )
const UNKNOWN = Array.from({ length: 80 }, (_one, index) => `x_vendor_claim_${index}`)
const everything = () => ({
  idToken: extra([...STANDARD, ...ENTRA, ...UNKNOWN]),
  userinfo: extra([...STANDARD, ...ENTRA, ...UNKNOWN]),
  graph: extra([...GRAPH, ...UNKNOWN]),
})

/** The five fields of each: sealed in the database, in clear for the app alone. */
const five = { name: `Nm${canary()}`, company: `Co${canary()}` }
const digits = (): string => `1${BigInt(`0x${canary()}`).toString().slice(0, 20)}`
const google: Person = {
  vendor: 'google',
  id: 'canary-google',
  tag: '',
  sub: digits(),
  name: five.name,
  email: `g${canary()}@widgets.example`,
  emailVerified: true,
  hd: `${canary()}.example`,
  picture: true,
  extra: everything(),
}
const work: Person = {
  vendor: 'microsoft',
  id: 'canary-work',
  tag: '',
  tenant: larkspur.id,
  oid: randomUUID(),
  name: `Nm${canary()}`,
  upn: `u${canary()}@larkspur.example`,
  mail: `m${canary()}@larkspur.example`,
  mailDomainVerified: true,
  companyName: five.company,
  picture: true,
  extra: everything(),
}
const personal: Person = {
  vendor: 'microsoft',
  id: 'canary-personal',
  tag: '',
  tenant: consumersTenant,
  oid: `00000000-0000-0000-${canary().slice(0, 4)}-${canary().slice(0, 12)}`,
  name: `Nm${canary()}`,
  upn: `u${canary()}@outlook.example`,
  mail: `m${canary()}@outlook.example`,
  extra: everything(),
}
const oidc: Person = {
  vendor: 'oidc',
  id: 'canary-oidc',
  tag: '',
  sub: `user-${canary()}`,
  name: `Nm${canary()}`,
  email: `o${canary()}@fjord.example`,
  emailVerified: true,
  picture: true,
  extra: everything(),
}
const decliner: Person = {
  ...google,
  id: 'canary-decliner',
  sub: digits(),
  email: `d${canary()}@widgets.example`,
}
const people = [google, work, personal, oidc, decliner] as const
const ownFields = people.flatMap((person) => [
  ...(person.name === undefined ? [] : [person.name]),
  ...(person.vendor === 'google' ? [person.sub, person.email, person.hd ?? ''] : []),
  ...(person.vendor === 'microsoft'
    ? [person.oid, person.mail ?? '', person.companyName ?? five.company]
    : []),
  ...(person.vendor === 'oidc' ? [person.sub, person.email ?? ''] : []),
])
// The principal name is no field of ours.
for (const person of people) if (person.vendor === 'microsoft') forbidden.push(person.upn)

/** What apps sent: theirs to get back, ours neither to keep in clear nor to log. */
const sentByApps: string[] = []
/** Bearer values that appeared: codes, tokens, cookies. */
const bearers: string[] = []

type Answer = { app: string; text: string }
const answers: Answer[] = []
const logged: string[] = []
let setting: TestSetting
let docs: TestApp
let narrow: TestApp

/** An app that keeps all it is told. */
async function listeningApp(id: string, scope: string): Promise<TestApp> {
  const app = await testApp(setting.issuer, id, { scope })
  app.config[client.customFetch] = async (url, init) => {
    const response = await fetch(url, init as RequestInit)
    const text = await response.clone().text()
    answers.push({ app: id, text: `${JSON.stringify([...response.headers])} ${text}` })
    return response
  }
  return {
    ...app,
    async request(parameters = {}) {
      const [hint, state, nonce] = [`${canary()}@hint.example`, canary(), canary()]
      sentByApps.push(hint, state, nonce)
      const sent = await app.request({ login_hint: hint, state, nonce, ...parameters })
      return { ...sent, state, nonce }
    },
  }
}
const landed = (app: string, page: Page): Page => {
  answers.push({ app, text: page.url.href })
  return page
}

async function fullLife(person: Person): Promise<Record<string, unknown>> {
  const browser = testBrowser()
  const sent = await docs.request()
  const tokens = await docs.exchange(
    landed('docs', await signIn(browser, sent.url, person.vendor, person.id)),
    sent,
  )
  const info = await client.fetchUserInfo(docs.config, tokens.access_token, tokens.claims()?.sub ?? '')
  const refreshed = await client.refreshTokenGrant(docs.config, tokens.refresh_token ?? '')
  bearers.push(tokens.access_token, tokens.refresh_token ?? '', refreshed.access_token)
  for (const { value } of await browser.jar.getCookies(setting.issuer)) bearers.push(value)
  // Known now: the profile is renewed.
  const again = await docs.request()
  const second = await docs.exchange(
    landed('docs', await signIn(testBrowser(), again.url, person.vendor, person.id)),
    again,
  )
  bearers.push(second.access_token)
  // Another app, which gets less, in the same browser.
  const other = await narrow.request()
  const less = await narrow.exchange(landed('narrow', await browser.open(other.url)), other)
  await client.fetchUserInfo(narrow.config, less.access_token, less.claims()?.sub ?? '')
  // A code that stays.
  const kept = await narrow.request()
  bearers.push(landed('narrow', await browser.open(kept.url)).url.searchParams.get('code') ?? '')
  return info
}

beforeAll(async () => {
  const log = createLog({ level: 'info', destination: { write: (line: string) => void logged.push(line) } })
  const raw: TestSetting['lines'] = []
  const both = Object.fromEntries(
    (['info', 'warn', 'error'] as const).map((level) => [
      level,
      (code: string, fields: Readonly<Record<string, unknown>> = {}) => {
        raw.push({ level, code, fields })
        log[level](code, fields)
      },
    ]),
  ) as unknown as Log
  const clients =
    appYaml('docs', '    refreshTokens: true\n') +
    appYaml('narrow').replace('[profile, email, company, provider_id]', '[company]') +
    appYaml('closed', '    admission: { domains: [elsewhere.example] }\n')
  setting = { ...(await testSetting({ clients, log: both })), lines: raw }
  for (const person of people) setting.upstreams.addPerson(person)
  docs = await listeningApp('docs', 'openid offline_access profile email company provider_id')
  narrow = await listeningApp('narrow', 'openid company')
}, 60_000)
afterAll(() => setting.close())

describe('with a hundred canaries around each person', () => {
  test('there are a hundred and more per answer of an upstream', () => {
    for (const person of people)
      for (const claims of Object.values(person.extra ?? {})) {
        expect(Object.keys(claims).length).toBeGreaterThanOrEqual(100)
        expect(findInText(JSON.stringify(claims), forbidden).length).toBeGreaterThanOrEqual(100)
      }
  })

  test.each([
    ['google', google],
    ['microsoft, work', work],
    ['microsoft, personal', personal],
    ['oidc', oidc],
  ])('%s: first sign-in, refresh, repeat, another app', async (_vendor, person) => {
    const info = await fullLife(person)
    expect(info['name']).toBe(person.name)
    const allowed = new Set('sub name email email_verified picture company provider_id'.split(' '))
    expect(Object.keys(info).filter((claim) => !allowed.has(claim))).toEqual([])
  })

  test('declining, being refused, traps, replays and a wrong state', async () => {
    const declined = await docs.request()
    let page = await testBrowserAt(declined.url, 'google', decliner.id)
    page = landed('docs', await page.browser.press(page.page, 'decision', 'decline')) as never
    const closed = await listeningApp('closed', 'openid profile')
    await testBrowserAt((await closed.request()).url, 'google', google.id)
    const { traps } = setting.upstreams
    const faults: [() => void, Person][] = [
      [() => (traps.google.idToken = 'wrongNonce'), google],
      [() => (traps.google.idToken = 'badSignature'), google],
      [() => (traps.google.profile = 'wrongType'), google],
      [() => (traps.google.profile = 'markup'), google],
      [() => (traps.microsoft.graph = 'throttled429'), work],
      [() => (traps.microsoft.refuse = 'AADSTS50057'), work],
      [() => (traps.microsoft.issTidMismatch = 'on'), work],
      [() => (traps.oidc.idToken = 'wrongAud'), oidc],
      [() => (traps.oidc.issParameter = 'wrong'), oidc],
    ]
    for (const [set, person] of faults) {
      set()
      await signIn(testBrowser(), (await docs.request()).url, person.vendor, person.id)
      setting.upstreams.resetTraps()
    }
    // Google proves no time of authentication.
    const unproven = await signIn(
      testBrowser(),
      (await docs.request({ max_age: '0' })).url,
      'google',
      google.id,
    )
    expect(landed('docs', unproven).url.searchParams.get('error')).toBe('unmet_authentication_requirements')
    // A code twice, tokens that are none, parameters that are wrong.
    const sent = await docs.request()
    const back = await signIn(testBrowser(), sent.url, 'oidc', oidc.id)
    await docs.exchange(back, sent)
    await expect(docs.exchange(back, sent)).rejects.toThrow()
    await expect(client.refreshTokenGrant(docs.config, canary())).rejects.toThrow()
    await expect(client.fetchUserInfo(docs.config, canary(), 'x')).rejects.toThrow()
    await testBrowser().open((await docs.request({ scope: `openid ${canary()}`, max_age: 'x' })).url)
    const lost = new URL(`/callback/google?code=${canary()}&state=${canary()}`, setting.issuer)
    for (const value of lost.searchParams.values()) sentByApps.push(value)
    expect((await testBrowser().open(lost)).status).toBe(400)
  }, 60_000)

  test('one who waits to be asked and one who is on the way stay as they are', async () => {
    const waiting = await testBrowserAt((await docs.request()).url, 'google', decliner.id)
    expect(waiting.page.url.pathname).toMatch(/confirm$/)
    const leaving = testBrowser()
    await leaving.press(await leaving.open((await docs.request()).url), 'connector', 'microsoft')
    for (const browser of [waiting.browser, leaving]) {
      const { cookies } = (await browser.jar.serialize()) as { cookies: { value?: string }[] }
      bearers.push(...cookies.map(({ value = '' }) => value).filter((value) => value.length >= 22))
    }
  })
})

async function testBrowserAt(url: URL, connector: string, person: string) {
  const browser = testBrowser()
  const choice = await browser.press(await browser.open(url), 'connector', connector)
  return { browser, page: await browser.press(choice, 'person', person) }
}

describe('afterwards', () => {
  test('there is something to search: rows, log lines and answers', async () => {
    const counts = await withClient(setting.databaseUrl, async (sql) => {
      const found: number[] = []
      for (const table of ['identity', 'record', 'sign_in', 'subject', 'disclosure', 'acceptance'])
        found.push((await sql.query(`select 1 from ${table}`)).rowCount ?? 0)
      return found
    })
    expect(counts.every((count) => count > 0)).toBe(true)
    expect(counts[0]).toBe(4)
    expect(logged.length).toBeGreaterThan(100)
    expect(answers.length).toBeGreaterThan(30)
    expect(bearers.filter((value) => value.length >= 22).length).toBeGreaterThan(20)
  })

  test('no column holds a canary, a field in clear, what apps sent or a bearer value', async () => {
    const values = [...new Set([...forbidden, ...ownFields, ...sentByApps, ...bearers])].filter(
      (value) => value.length > 8,
    )
    expect(values.length).toBeGreaterThan(1500)
    expect(await findPlaintext(setting.databaseUrl, values)).toEqual([])
  })

  test('no column holds a picture in clear', async () => {
    const pictures = answers.flatMap(({ text }) => [...text.matchAll(/\/picture\/[A-Za-z0-9_-]{43}/g)])
    expect(pictures.length).toBeGreaterThan(0)
    const found: string[] = []
    for (const path of new Set(pictures.map(([match]) => match))) {
      const response = await fetch(`${setting.issuer}${path}`)
      expect(response.status).toBe(200)
      const bytes = Buffer.from(await response.arrayBuffer())
      // Any stretch from the middle; the token of the address is a bearer value too.
      const middle = bytes.subarray(bytes.length / 2, bytes.length / 2 + 32)
      found.push(
        ...(await bytesIn(setting.databaseUrl, middle)),
        ...(await findPlaintext(setting.databaseUrl, [path.slice(9)])).map(({ column }) => column),
      )
    }
    expect(found).toEqual([])
  })

  test('no log line holds any of them', () => {
    const text = `${logged.join('')}${JSON.stringify(setting.lines)}`
    expect(text).toContain('upstream_')
    const values = [...new Set([...forbidden, ...ownFields, ...sentByApps, ...bearers])].filter(
      (value) => value.length > 8,
    )
    expect(findInText(text, values)).toEqual([])
  })

  test('no answer to an app holds a canary, and a field only where it is granted', () => {
    const decoded = (text: string): string =>
      `${text} ${[...text.matchAll(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g)].map(([jwt]) => JSON.stringify(readOwnClaims(jwt))).join(' ')}`
    const told = (app: string): string =>
      answers
        .filter((answer) => answer.app === app)
        .map(({ text }) => decoded(text))
        .join('\n')
    expect(findInText(told('docs'), forbidden)).toEqual([])
    // The positive side: the app that is granted the fields has them.
    expect(told('docs')).toContain(google.name)
    expect(findInText(told('narrow'), forbidden)).toEqual([])
    const companies = new Set([google.vendor === 'google' ? google.hd : '', five.company])
    expect(findInText(told('narrow'), ownFields).filter((value) => !companies.has(value))).toEqual([])
    expect(told('narrow')).toContain(five.company)
    expect(findInText(told('closed'), [...forbidden, ...ownFields])).toEqual([])
  })
})

async function bytesIn(databaseUrl: string, needle: Buffer): Promise<string[]> {
  return withClient(databaseUrl, async (sql) => {
    const { rows } = await sql.query<{ table: string; column: string }>(
      "select table_name as table, column_name as column from information_schema.columns where table_schema = 'public' and data_type = 'bytea'",
    )
    const found: string[] = []
    for (const { table, column } of rows) {
      const hit = await sql.query(`select 1 from "${table}" where position($1::bytea in "${column}") > 0`, [
        needle,
      ])
      if (hit.rowCount !== 0) found.push(`${table}.${column}`)
    }
    return found
  })
}
