// `npm run demo`: PostgreSQL, simulated Google and Microsoft, the real broker and two document apps, all on this machine. Prints where
// to click. `--once` does it without a person and ends.
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { createLog } from '../src/log.ts'
import { ONCE_APP, runOnce, type OnceReport } from './once.ts'
import { EmbeddedPostgresError, startEmbeddedPostgres, type EmbeddedPostgres } from './postgres.ts'
import { startSetting } from './setting.ts'

const PORTS = { broker: 4400, paperwork: 4401, signet: 4402, upstreams: 4403 } as const
const DATABASE = 'narrowgate'
const APPS = [
  {
    id: 'paperwork',
    name: 'Paperwork',
    port: PORTS.paperwork,
    secret: 'demo-paperwork-client-secret-91c0ad5e7b',
    accent: '#0b6e4f',
  },
  {
    id: 'signet',
    name: 'Signet',
    port: PORTS.signet,
    secret: 'demo-signet-client-secret-2fd8b3e6a417',
    accent: '#7a3e9d',
  },
] as const

const HELP = `npm run demo            start everything and print where to click
npm run demo -- --once  one first and one repeat sign-in per upstream, checked, without a person
npm run demo -- --fresh forget the people of earlier runs first
`

const arguments_ = new Set(process.argv.slice(2))
if (arguments_.has('--help')) {
  console.log(HELP)
  process.exit(0)
}
if (arguments_.has('--once')) process.exit(await once())

const folder = resolve('data/demo')
mkdirSync(folder, { recursive: true, mode: 0o700 })
const postgres = await startEmbeddedPostgres({
  dataDir: resolve(folder, 'postgres'),
  fresh: arguments_.has('--fresh'),
})
const setting = await startSetting({
  databaseUrl: await postgres.createDatabase(DATABASE).catch(() => postgres.databaseUrl(DATABASE)),
  folder,
  log: createLog({ level: 'warn' }),
  clients: clientsYaml(),
  port: PORTS.broker,
  upstreamPort: PORTS.upstreams,
})
// Only now: --once starts none.
const { startDocumentApp } = await import('./document-app/server.ts')
const apps = await Promise.all(
  APPS.map(({ id, name, port, secret, accent }) =>
    startDocumentApp({
      port,
      name,
      accent,
      issuer: setting.issuer,
      clientId: id,
      clientSecret: secret,
      origin: `http://localhost:${port}`,
      resource: `http://localhost:${port}/api`,
      apiAudience: `http://localhost:${port}/api`,
      apiScope: 'documents',
    }),
  ),
)
console.log(`
  Narrowgate demo

  1. Open Paperwork, a document app         http://localhost:${PORTS.paperwork}
     Sign in with Google or Microsoft; both are simulated, with people to choose from.
  2. Open Signet, another app               http://localhost:${PORTS.signet}
     You are signed in already.
  3. People and switches of the upstreams   http://localhost:${PORTS.upstreams}

  The broker is at ${setting.issuer}. Ctrl+C stops everything; people stay until --fresh.
`)

let isStopping = false
const stop = (): void => {
  if (isStopping) return
  isStopping = true
  void Promise.all(apps.map((app) => app.close()))
    .then(() => setting.close())
    .then(() => postgres.stop())
    .then(() => process.exit(0))
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)

/** Everything fresh, checked and removed again; gives the exit code. The last line that it prints is the report. */
async function once(): Promise<number> {
  const { postgres, folder } = await freshPostgres()
  try {
    const databaseUrl = await postgres.createDatabase(DATABASE)
    const setting = await startSetting({
      databaseUrl,
      folder,
      log: createLog({ level: 'warn' }),
      clients: clientsYaml(),
    })
    let checked: OnceReport
    try {
      checked = await runOnce(setting, postgres, DATABASE)
    } finally {
      await setting.close()
    }
    const { failures, ...report } = checked
    for (const failure of failures) console.error(`✗ ${failure}`)
    console.log(JSON.stringify(report))
    return failures.length === 0 && report.signIns.length === 4 ? 0 : 1
  } catch (error) {
    console.error(error)
    return 1
  } finally {
    // As long as the server runs, the folder is ours.
    for (const name of readdirSync(folder)) if (name !== 'postgres') rmSync(resolve(folder, name))
    await postgres.stop({ remove: true })
  }
}

/** A folder for each run that goes on at the same time; what a killed run left in one is cleared by the next that takes it. */
async function freshPostgres(): Promise<{ postgres: EmbeddedPostgres; folder: string }> {
  for (let slot = 1; ; slot += 1) {
    const folder = resolve(`data/once-${slot}`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    try {
      const dataDir = resolve(folder, 'postgres')
      return { postgres: await startEmbeddedPostgres({ dataDir, countable: true, fresh: true }), folder }
    } catch (error) {
      if (!(error instanceof EmbeddedPostgresError) || error.code !== 'in_use' || slot === 16) throw error
    }
  }
}

function clientsYaml(): string {
  const apps = APPS.map(
    ({ id, name, port, secret }) => `
  - id: ${id}
    name: ${name}
    secret: ${secret}
    redirectUris: [http://localhost:${port}/callback]
    postLogoutRedirectUris: [http://localhost:${port}/]
    scopes: [profile, email, company, provider_id]
    resources: { 'http://localhost:${port}/api': { scopes: documents } }`,
  )
  return `clients:${apps.join('')}
  - id: ${ONCE_APP.id}
    name: Once
    secret: ${ONCE_APP.secret}
    redirectUris: [${ONCE_APP.redirectUri}]
    scopes: [profile, email, company, provider_id]
`
}
