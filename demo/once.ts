// `npm run demo -- --once`: one first and one repeat sign-in per upstream, by HTTP as a browser would, with everything checked: the
// tokens, what the app was told, what lies in the database, and how many statements a sign-in cost by the server's own log.
import * as client from 'openid-client'
import { createBrowser } from './browser.ts'
import { findPlaintext } from './plaintext.ts'
import type { EmbeddedPostgres } from './postgres.ts'
import type { Setting } from './setting.ts'
import { cast } from './upstreams/cast.ts'
import type { Person } from './upstreams/people.ts'

export const ONCE_APP = {
  id: 'demo-once',
  secret: 'demo-once-client-secret-4be1d07a92c35f68',
  redirectUri: 'http://localhost:4499/callback',
} as const

type SignIn = {
  readonly connector: string
  readonly first: boolean
  readonly ms: number
  readonly sqlStatements: number
  readonly claims: readonly string[]
}
export type OnceReport = {
  readonly signIns: readonly SignIn[]
  readonly storedPlaintextFields: number
  readonly failures: readonly string[]
}

const MOST_STATEMENTS = 10
const PEOPLE = [
  {
    connector: 'google',
    person: 'dana',
    expected: ['company', 'email', 'email_verified', 'name', 'picture', 'provider_id', 'sub'],
  },
  {
    connector: 'microsoft',
    person: 'robin',
    expected: ['company', 'email', 'email_verified', 'name', 'picture', 'provider_id', 'sub'],
  },
] as const

export async function runOnce(
  setting: Setting,
  postgres: EmbeddedPostgres,
  database: string,
): Promise<OnceReport> {
  const failures: string[] = []
  const expect = (isRight: boolean, what: string): void => {
    if (!isRight) failures.push(what)
  }
  const config = await client.discovery(
    new URL(setting.issuer),
    ONCE_APP.id,
    { client_secret: ONCE_APP.secret, id_token_signed_response_alg: 'ES256' },
    client.ClientSecretBasic(ONCE_APP.secret),
    // Plain http: everything is on loopback.
    { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
  )
  const signIns: SignIn[] = []
  for (const { connector, person, expected } of PEOPLE) {
    const subjects: string[] = []
    for (const isFirst of [true, false]) {
      const started = performance.now()
      const counted = await postgres.countStatements(
        () => signInOnce(config, connector, person, expect),
        database,
      )
      const ms = Math.round(performance.now() - started)
      const { tokens, confirmed } = counted.result
      const label = `${connector} ${isFirst ? 'first' : 'repeat'}`
      const claims = tokens.claims()
      const info = await client.fetchUserInfo(config, tokens.access_token, claims?.sub ?? '')
      const introspection = await client.tokenIntrospection(config, tokens.access_token)
      subjects.push(claims?.sub ?? '')
      expect(confirmed === isFirst, `${label}: the confirm page appears the first time and only then`)
      expect(
        introspection.active && introspection['sid'] !== undefined,
        `${label}: the access token is active and carries sid`,
      )
      expect(
        JSON.stringify(Object.keys(info).toSorted()) === JSON.stringify(expected),
        `${label}: userinfo gives ${Object.keys(info).toSorted().join(' ')}`,
      )
      if (!isFirst)
        expect(
          counted.statements <= MOST_STATEMENTS,
          `${label}: ${counted.statements} statements, at most ${MOST_STATEMENTS} allowed`,
        )
      signIns.push({
        connector,
        first: isFirst,
        ms,
        sqlStatements: counted.statements,
        claims: Object.keys(info).toSorted(),
      })
    }
    expect(subjects[0] === subjects[1] && subjects[0] !== '', `${connector}: both sign-ins have one subject`)
  }
  const values = cast.filter(({ id }) => PEOPLE.some(({ person }) => person === id)).flatMap(valuesOf)
  const { url } = setting.config.database
  // A search proves nothing unless it can find: the app's id stands in clear, as it should.
  const control = await findPlaintext(url, [ONCE_APP.id])
  expect(control.length > 0, 'the search for plaintext does not find what stands there')
  const found = await findPlaintext(url, values)
  for (const { table, column } of found) failures.push(`plaintext in ${table}.${column}`)
  return { signIns, storedPlaintextFields: found.length, failures }
}

/** What an upstream told of a person; not the vendor's name or the demo's own words. Short values would be found by chance. */
const valuesOf = (person: Person): string[] => {
  const { vendor: _vendor, id: _id, tag: _tag, ...told } = person
  return Object.values(told).filter((value) => typeof value === 'string' && value.length > 5) as string[]
}

async function signInOnce(
  config: client.Configuration,
  connector: string,
  person: string,
  expect: (isRight: boolean, what: string) => void,
) {
  const browser = createBrowser({ stopAt: [ONCE_APP.redirectUri] })
  const codeVerifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: ONCE_APP.redirectUri,
    scope: 'openid profile email company provider_id',
    code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  let page = await browser.open(url)
  expect(page.status === 200, `the sign-in page answers ${page.status}`)
  page = await browser.press(page, 'connector', connector)
  page = await browser.press(page, 'person', person)
  const confirmed = page.url.pathname.endsWith('/confirm')
  if (confirmed)
    page = await browser.press(page, 'decision', 'agree', { adult: 'yes', picture: 'yes', company: 'yes' })
  const tokens = await client.authorizationCodeGrant(config, page.url, {
    pkceCodeVerifier: codeVerifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  })
  return { tokens, confirmed }
}
