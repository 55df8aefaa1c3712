// What one broker costs: the time until it is ready, its resident memory after sign-ins of many people, the statements of a repeat
// sign-in. Bounds: ready in 2 s, under 200 MB, 10 statements.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as client from 'openid-client'
import { createBrowser, type Page } from '../../demo/browser.ts'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../demo/postgres.ts'
import { prepareSetting } from '../../demo/setting.ts'
import type { Upstreams } from '../../demo/upstreams/server.ts'
import { applyClients, startBroker } from './broker-process.ts'
import { judge, type Outcome, type Size } from './report.ts'

const SIGN_INS = { small: 200, full: 1000 } as const
const AT_ONCE = 4
const MOST_STATEMENTS = 10
const MOST_MB = 200
const MOST_STARTUP_MS = 2000
const STARTS = { small: 1, full: 3 } as const
const DATABASE = 'narrowgate'

const APP = {
  id: 'bench',
  secret: 'c8b1f05e7d3a4962a7e0-bench',
  redirectUri: 'http://localhost:4999/callback',
} as const
const CLIENTS = `clients:
  - id: ${APP.id}
    name: Bench
    secret: ${APP.secret}-${APP.secret}
    redirectUris: ['${APP.redirectUri}']
    scopes: [profile, email, company, provider_id]
`

export async function footprint(size: Size): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'narrowgate-bench-'))
  let postgres: EmbeddedPostgres | undefined
  let upstreams: Upstreams | undefined
  try {
    postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), countable: true })
    const prepared = await prepareSetting({ databaseUrl: await postgres.createDatabase(DATABASE), folder })
    upstreams = prepared.upstreams
    await applyClients(prepared, folder, CLIENTS)
    return await measure(size, { postgres, upstreams, start: () => startBroker(prepared), prepared })
  } finally {
    await upstreams?.close()
    await postgres?.stop({ remove: true })
    rmSync(folder, { recursive: true, force: true })
  }
}

type Parts = {
  readonly postgres: EmbeddedPostgres
  readonly upstreams: Upstreams
  readonly prepared: { readonly issuer: string }
  readonly start: () => ReturnType<typeof startBroker>
}

async function measure(size: Size, { postgres, upstreams, prepared, start }: Parts): Promise<Outcome> {
  const startups: number[] = []
  for (let run = 1; run < STARTS[size]; run += 1) {
    const broker = await start()
    startups.push(broker.startupMs)
    await broker.stop()
  }
  const broker = await start()
  startups.push(broker.startupMs)
  const startupMs = startups.toSorted((a, b) => a - b)[Math.floor(startups.length / 2)] ?? Infinity
  console.log(`ready after ${startups.join(', ')} ms (${startupMs} ms in the middle)`)
  try {
    const atRest = broker.residentMb()
    const config = await discover(prepared.issuer)
    const wanted = SIGN_INS[size]
    let attempted = 0
    const failures: string[] = []
    const started = performance.now()
    const work = async (): Promise<void> => {
      while (attempted < wanted) {
        attempted += 1
        const who = attempted
        addPerson(upstreams, who)
        try {
          const { tokens } = await signIn(config, `bench-${who}`)
          await client.fetchUserInfo(config, tokens.access_token, tokens.claims()?.sub ?? '')
        } catch (error) {
          failures.push(error instanceof Error ? error.message : 'unknown')
        }
        // The chooser lists everyone: it stays short.
        upstreams.removePerson(`bench-${who}`)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    const seconds = (performance.now() - started) / 1000
    const rssMb = broker.residentMb()
    console.log(
      `${attempted} first sign-ins, ${AT_ONCE} at a time, in ${seconds.toFixed(1)} s; ${failures.length} failed`,
    )
    console.log(`resident memory ${rssMb} MB after ${attempted} sign-ins, ${atRest} MB before`)

    // The first request after the rush may open connections again; the second shows what a sign-in costs.
    addPerson(upstreams, 1)
    await signIn(config, 'bench-1')
    const repeat = await postgres.countStatements(() => signIn(config, 'bench-1'), DATABASE)
    if (repeat.result.confirmed) failures.push('a repeat sign-in was asked to confirm')
    console.log(`${repeat.statements} SQL statements for a repeat sign-in`)
    for (const message of new Set(failures)) console.error(`failed: ${message}`)

    return judge(
      {
        attempted,
        failed: failures.length,
        signIns: wanted,
        startupMs,
        rssMb,
        repeatStatements: repeat.statements,
      },
      {
        [`a repeat sign-in takes 1 to ${MOST_STATEMENTS} statements`]:
          repeat.statements > 0 && repeat.statements <= MOST_STATEMENTS,
        [`resident memory is under ${MOST_MB} MB`]: rssMb < MOST_MB,
        [`start-up takes less than ${MOST_STARTUP_MS} ms`]: size === 'small' || startupMs < MOST_STARTUP_MS,
      },
    )
  } finally {
    await broker.stop()
  }
}

const discover = (issuer: string): Promise<client.Configuration> =>
  client.discovery(
    new URL(issuer),
    APP.id,
    { id_token_signed_response_alg: 'ES256' },
    client.ClientSecretBasic(`${APP.secret}-${APP.secret}`),
    { execute: [client.allowInsecureRequests] },
  )

/** Each sign-in is another person's, with a picture, as on a first day. */
function addPerson(upstreams: Upstreams, number: number): void {
  upstreams.addPerson({
    vendor: 'google',
    id: `bench-${number}`,
    tag: 'of the bench',
    sub: String(200_000_000_000_000_000_000n + BigInt(number)),
    name: `Bench Person ${number}`,
    email: `person-${number}@bench.example`,
    emailVerified: true,
    hd: 'bench.example',
    picture: true,
  })
}

/** From the app's request to its tokens. */
async function signIn(config: client.Configuration, person: string) {
  const browser = createBrowser({ stopAt: [APP.redirectUri] })
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: APP.redirectUri,
    scope: 'openid profile email company provider_id',
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  let page: Page = await browser.press(await browser.open(url), 'connector', 'google')
  page = await browser.press(page, 'person', person)
  const confirmed = page.url.pathname.endsWith('/confirm')
  if (confirmed)
    page = await browser.press(page, 'decision', 'agree', { adult: 'yes', picture: 'yes', company: 'yes' })
  const tokens = await client.authorizationCodeGrant(config, page.url, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  })
  return { confirmed, tokens }
}
