// The database and all keys of the service open no live code, token, interaction, session or round trip: that takes the bearer value,
// which only its bearer has. Grants, which are no credential, open under the account's key.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as client from 'openid-client'
import { bearerKey, sealingKey, type SealingKey } from '../../src/crypto/envelope.ts'
import { mintKey, mintKeyId } from '../../src/crypto/secrets.ts'
import { recordDigest, sealByBearer, sealGrant } from '../../src/core/record-seal.ts'
import {
  appYaml,
  secretOf,
  signIn,
  testApp,
  testBrowser,
  testSetting,
  type TestSetting,
} from '../support/app.ts'
import { guesses, openAll, placeOf, seize, type Loot, type Opened } from './opener.ts'

/** Every bearer value that the flow brought to light, by what it is. */
const bearers = new Map<string, string>()
let setting: TestSetting
let loot: Loot
const keep = (name: string, value: string | null | undefined): void => {
  if (typeof value !== 'string' || value.length < 22) throw new Error(`no ${name}`)
  bearers.set(name, value)
}
const pathOf = (page: { url: URL }): string => page.url.href

beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs', '    refreshTokens: true\n') })
  const app = await testApp(setting.issuer, 'docs', { scope: 'openid offline_access profile email' })
  const cookie = async (browser: ReturnType<typeof testBrowser>, url: string, name: string | RegExp) =>
    (await browser.jar.getCookies(url)).find(({ key }) =>
      typeof name === 'string' ? key === name : name.test(key),
    )?.value

  // One is signed in, with tokens in hand.
  const first = await app.request()
  const one = testBrowser()
  const tokens = await app.exchange(await signIn(one, first.url, 'google', 'dana'), first)
  keep('access token', tokens.access_token)
  keep('refresh token', tokens.refresh_token)
  keep('session cookie', await cookie(one, setting.issuer, 'narrowgate'))
  // The same person in another app window: a code that is not redeemed yet.
  const second = await app.request({ prompt: 'none' })
  keep('code', (await one.open(second.url)).url.searchParams.get('code'))
  keep('session cookie', await cookie(one, setting.issuer, 'narrowgate'))
  // Another has gone upstream and is not back; a third is asked to agree.
  const third = await app.request({ login_hint: 'robin@larkspur.example' })
  const two = testBrowser()
  const choice = await two.open(third.url)
  keep('interaction cookie', await cookie(two, pathOf(choice), 'narrowgate-interaction'))
  await two.press(choice, 'connector', 'microsoft')
  const roundTrip = await cookie(two, `${setting.issuer}/callback/microsoft`, /^narrowgate-signin-/)
  keep('sign-in cookie', roundTrip)
  const fourth = await app.request()
  const three = testBrowser()
  let asked = await three.press(await three.open(fourth.url), 'connector', 'oidc')
  asked = await three.press(asked, 'person', 'ola')
  keep('interaction cookie of who is asked', await cookie(three, pathOf(asked), 'narrowgate-interaction'))
  // The one who is signed in is asked to sign in again: the library puts the session's cookie into that interaction.
  const again = await one.open((await app.request({ prompt: 'login' })).url)
  keep('interaction cookie beside a session', await cookie(one, pathOf(again), 'narrowgate-interaction'))
  // And a pushed request.
  const pushed = await fetch(`${setting.issuer}/par`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`docs:${secretOf('docs')}`).toString('base64')}` },
    body: new URLSearchParams({ ...Object.fromEntries(third.url.searchParams), state: client.randomState() }),
  })
  const { request_uri: requestUri } = (await pushed.json()) as { request_uri: string }
  keep('pushed request', requestUri.split(':').at(-1))

  loot = await seize(setting.databaseUrl, setting.config.keyring.path)
})
afterAll(() => setting.close())

const placesOf = (model: string): string[] =>
  [...(loot.rows['record'] ?? []), ...(loot.rows['sign_in'] ?? [])]
    .map(placeOf)
    .filter((place) => place.startsWith(`${model} `))
const bearerKeys = (): Map<string, SealingKey> =>
  new Map([...bearers].map(([name, value]) => [name, bearerKey(value)]))
const allKeys = (): Map<string, SealingKey> => new Map([...loot.keys, ...guesses(loot)])

describe('the opener', () => {
  test('holds every key of the service', () => {
    const kinds = [...loot.keys.keys()].map((name) => name.split(' ').slice(0, 2).join(' '))
    for (const kind of ['index key', 'cookie key', 'signing key', 'data key']) expect(kinds).toContain(kind)
    expect(kinds.some((kind) => kind.startsWith('KEK'))).toBe(true)
  })

  test('finds a row of every kind to try its keys on', () => {
    for (const model of [
      'AccessToken',
      'AuthorizationCode',
      'Grant',
      'Interaction',
      'PushedAuthorizationRequest',
      'RefreshToken',
      'Session',
      'SignIn',
    ])
      expect([model, placesOf(model).length]).not.toEqual([model, 0])
  })

  test('does open what lies under a key of the service: planted rows', () => {
    const [name, key] = [...loot.keys][0] ?? ['', sealingKey(mintKeyId(), mintKey())]
    const id = 'x'.repeat(43)
    const row = (model: string, payloadSealed: Uint8Array) => ({
      model,
      id_digest: recordDigest(model, id),
      payload_sealed: payloadSealed,
      account: null,
    })
    const planted: Loot = {
      ...loot,
      rows: {
        ...loot.rows,
        record: [
          row('Grant', sealGrant(key, '', id, { payload: { a: 1 } })),
          // A build that sealed a code under something that stands in the database.
          row('AuthorizationCode', sealByBearer('AuthorizationCode', id, { payload: { b: 2 } })),
        ],
        client: [{ id }],
      },
    }
    const opened = openAll(planted, new Map([...loot.keys, ...guesses(planted)]))
    expect(opened.map(({ by }) => by)).toEqual([name, expect.stringMatching(/^the text xxx/)])
  })
})

describe('with the KEK and every server key in hand', () => {
  test('but no bearer value, nothing opens but grants', () => {
    const opened = openAll(loot, allKeys())
    expect(opened.filter(({ place }) => !place.startsWith('Grant '))).toEqual([])
    expect(new Set(opened.map(({ place }) => place.replace(' payload_sealed', '')))).toEqual(
      new Set(placesOf('Grant')),
    )
    expect(opened.every(({ by }) => by.startsWith('data key '))).toBe(true)
  })

  test('and another person’s bearer values, nothing of this one opens', () => {
    // A fresh value of the same form stands for every other person's.
    const others = new Map([['another', bearerKey(client.randomState())]])
    expect(openAll(loot, others)).toEqual([])
  })

  test.each([
    ['code', 'AuthorizationCode'],
    ['access token', 'AccessToken'],
    ['refresh token', 'RefreshToken'],
    ['session cookie', 'Session'],
    ['interaction cookie', 'Interaction'],
    ['interaction cookie of who is asked', 'Interaction'],
    ['interaction cookie beside a session', 'Interaction'],
    ['sign-in cookie', 'SignIn'],
    ['pushed request', 'PushedAuthorizationRequest'],
  ])('the %s opens its %s, and nothing else', (name, model) => {
    const opened = openAll(loot, new Map([[name, bearerKey(bearers.get(name) ?? '')]]))
    const places = new Set(opened.map(({ place }) => place.split(' ').slice(0, 2).join(' ')))
    const [place = ''] = places
    expect([...places]).toHaveLength(1)
    expect(placesOf(model)).toContain(place)
    // A session opens through its row's key: first that, then the payload.
    expect(opened).toHaveLength(model === 'Session' ? 2 : 1)
    expect(() => JSON.parse(opened.at(-1)?.text ?? '') as unknown).not.toThrow()
  })
})

describe('no opened payload holds', () => {
  let payloads: Opened[]
  beforeAll(() => {
    payloads = openAll(loot, new Map([...bearerKeys(), ...loot.keys]))
  })
  /** Uids of sessions: they open a session's row, and by design stand in what is bound to it. */
  const uids = (): string[] =>
    payloads
      .filter(({ place }) => /^Session .* payload_sealed$/.test(place))
      .map(({ text }) => (JSON.parse(text) as { payload: { uid: string } }).payload.uid)

  test('another’s bearer value, but the round trip that of its interaction', () => {
    // Opened: codes, tokens, grants, the session, the interactions, the round trip, the pushed request.
    expect(new Set(payloads.map(({ place }) => place.split(' ')[0])).size).toBe(8)
    const found = payloads.flatMap(({ place, by, text }) =>
      [...bearers]
        .filter(([name, value]) => name !== by && text.includes(value))
        .map(([name]) => `${place.split(' ')[0]} holds the ${name}`),
    )
    expect(found).toEqual(['SignIn holds the interaction cookie'])
  })

  test('its own bearer value, but an interaction where to resume', () => {
    const found = payloads.filter(({ by, text }) => text.includes(bearers.get(by) ?? '\0'))
    expect(new Set(found.map(({ place }) => place.split(' ')[0]))).toEqual(new Set(['Interaction']))
  })

  test('a session’s uid where our own keys would open it', () => {
    expect(uids().length).toBeGreaterThan(0)
    const grants = payloads.filter(({ place }) => place.startsWith('Grant '))
    expect(grants.length).toBeGreaterThan(0)
    for (const { text } of grants) for (const uid of uids()) expect(text).not.toContain(uid)
    const plain = JSON.stringify(loot.rows)
    for (const value of [...bearers.values(), ...uids()]) expect(plain).not.toContain(value)
  })
})
