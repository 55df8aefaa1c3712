// `npm run demo`: PostgreSQL, simulated Google and Microsoft, the real broker and two document apps, all on this machine. Prints where
// to click. `--once` does it without a person and ends.
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { createLog } from '../src/log.ts'
import { startDocumentApp } from './document-app/server.ts'
import { ONCE_APP, runOnce } from './once.ts'
import { startEmbeddedPostgres } from './postgres.ts'
import { startSetting } from './setting.ts'

const PORTS = { broker: 4400, paperwork: 4401, signet: 4402, upstreams: 4403 } as const
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
const isOnce = arguments_.has('--once')
const folder = resolve(isOnce ? 'data/once' : 'data/demo')
mkdirSync(folder, { recursive: true, mode: 0o700 })

const postgres = await startEmbeddedPostgres({
  dataDir: resolve(folder, 'postgres'),
  countable: isOnce,
  fresh: isOnce || arguments_.has('--fresh'),
})
const database = 'narrowgate'
const databaseUrl = await postgres.createDatabase(database).catch(() => postgres.databaseUrl(database))
const setting = await startSetting({
  databaseUrl,
  folder,
  log: createLog({ level: 'warn' }),
  clients: clientsYaml(),
  ...(isOnce ? {} : { port: PORTS.broker, upstreamPort: PORTS.upstreams }),
})

if (isOnce) {
  const { failures, ...report } = await runOnce(setting, postgres, database)
  for (const failure of failures) console.error(`✗ ${failure}`)
  await setting.close()
  await postgres.stop({ remove: true })
  console.log(JSON.stringify(report))
  process.exit(failures.length === 0 && report.signIns.length === 4 ? 0 : 1)
}

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
