// The demo's whole setting: PostgreSQL, simulated upstreams and the real broker from a real configuration file. The tests and drills
// use it too, each with a database and ports of its own.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { compose, type Broker } from '../src/compose.ts'
import { loadConfig, parseClients, type Config } from '../src/config.ts'
import { createKeyringFile } from '../src/kms/keyring-file.ts'
import type { Log } from '../src/core/ports.ts'
import { startUpstreams, type Upstreams } from './upstreams/server.ts'

/** Of the demo only; long enough to pass the checks that real ones must pass. */
export const SECRETS = {
  google: 'demo-google-client-secret-7f3b91c2',
  microsoft: 'demo-microsoft-client-secret-58ad04e7',
  oidc: 'demo-oidc-client-secret-c6192be0',
} as const

const CLIENT_IDS = {
  google: '4210-broker.apps.googleusercontent.com',
  microsoft: '6f0c0b7e-0000-4000-8000-00000000b20c',
  oidc: 'broker',
} as const

export type Setting = {
  readonly issuer: string
  readonly config: Config
  readonly upstreams: Upstreams
  readonly broker: Broker
  /** Starts a second broker on the same database and keyring, with the same issuer, on any port. */
  replica(): Promise<{ origin: string; broker: Broker }>
  close(): Promise<void>
}

export type SettingOptions = {
  readonly databaseUrl: string
  /** Holds the configuration and the keyring. */
  readonly folder: string
  readonly log: Log
  /** 0 or none: any free port. */
  readonly port?: number
  readonly upstreamPort?: number
  /** The apps, as YAML. */
  readonly clients: string
  /** Overrides of the configuration's top level, as YAML lines. */
  readonly extra?: string
  readonly clock?: () => number
}

/** A broker's folder with configuration and keyring, and what its process needs in the environment; the upstreams run already. */
export type Prepared = {
  readonly issuer: string
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  readonly upstreams: Upstreams
}

/** Starts the upstreams and writes the folder; the broker itself is the caller's to start. */
export async function prepareSetting(
  options: Omit<SettingOptions, 'log' | 'clients' | 'clock'>,
): Promise<Prepared> {
  const { databaseUrl, folder } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const port = options.port ?? (await freePort())
  const issuer = `http://localhost:${port}`
  const upstreams = await startUpstreams({
    port: options.upstreamPort ?? 0,
    clients: Object.fromEntries(
      (['google', 'microsoft', 'oidc'] as const).map((vendor) => [
        vendor,
        [
          {
            id: CLIENT_IDS[vendor],
            secret: SECRETS[vendor],
            redirectUris: [`${issuer}/callback/${vendor}`],
            optionalClaims: ['xms_edov', 'sid', 'login_hint'] as const,
          },
        ],
      ]),
    ) as never,
  })
  const keyring = join(folder, 'keyring.json')
  if (!existsSync(keyring)) await createKeyringFile(keyring)
  writeFileSync(
    join(folder, 'narrowgate.yaml'),
    configuration(issuer, port, keyring, upstreams, options.extra ?? ''),
  )
  const env = {
    NARROWGATE_CONFIG: join(folder, 'narrowgate.yaml'),
    DATABASE_URL: databaseUrl,
    GOOGLE_CLIENT_SECRET: SECRETS.google,
    MICROSOFT_CLIENT_SECRET: SECRETS.microsoft,
    OIDC_CLIENT_SECRET: SECRETS.oidc,
  }
  return { issuer, port, env, upstreams }
}

export async function startSetting(options: SettingOptions): Promise<Setting> {
  const { folder, log, clients } = options
  const { issuer, port, env, upstreams } = await prepareSetting(options)
  const config = loadConfig({ env, cwd: folder })
  const clock = options.clock === undefined ? {} : { clock: options.clock }
  const broker = await compose(config, { log, ...clock })
  await broker.applyClients(parseClients(clients, { env, cwd: folder, production: config.production }))
  await new Promise<void>((resolve, reject) => {
    broker.server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  const replicas: Broker[] = []
  return {
    issuer,
    config,
    upstreams,
    broker,
    async replica() {
      const other = await compose(config, { log, ...clock })
      replicas.push(other)
      await new Promise<void>((resolve) => {
        other.server.listen(0, '127.0.0.1', resolve)
      })
      return { origin: `http://localhost:${(other.server.address() as AddressInfo).port}`, broker: other }
    },
    async close() {
      await Promise.all([broker, ...replicas].map((each) => each.close()))
      await upstreams.close()
    },
  }
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve()
    })
  })
  return port
}

const configuration = (
  issuer: string,
  port: number,
  keyring: string,
  upstreams: Upstreams,
  extra: string,
): string => `# Written by the demo at each start.
issuer: ${issuer}
production: false
listen: { host: 127.0.0.1, port: ${port} }
keyring: { path: ${JSON.stringify(keyring)} }
connectors:
  - { id: google, kind: google, clientId: ${CLIENT_IDS.google}, clientSecret: { env: GOOGLE_CLIENT_SECRET } }
  - { id: microsoft, kind: microsoft, clientId: ${CLIENT_IDS.microsoft}, clientSecret: { env: MICROSOFT_CLIENT_SECRET } }
  - { id: oidc, kind: oidc, label: Example ID, clientId: ${CLIENT_IDS.oidc}, clientSecret: { env: OIDC_CLIENT_SECRET }, issuer: ${upstreams.oidcIssuer} }
controller:
  name: Paperwork Demo
  contact: privacy@paperwork.example
  dpo: dpo@paperwork.example
  supervisoryAuthority: { name: Information Commissioner’s Office, url: https://ico.org.uk/make-a-complaint/ }
notice: { version: demo-1, url: https://paperwork.example/privacy }
terms: { version: demo-1, url: https://paperwork.example/terms }
outbound:
  originMap: ${JSON.stringify(upstreams.originMap)}
${extra}`
