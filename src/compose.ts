// The composition root: every object is built once, here. It alone sees every room.
import { createServer, type Server } from 'node:http'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { createKeyring } from './crypto/keyring.ts'
import { digest } from './crypto/secrets.ts'
import { applyClients, loadClients, type Applied } from './core/clients.ts'
import { guardDataKeys } from './core/data-keys.ts'
import type { Client } from './core/model.ts'
import type { Clock, Log } from './core/ports.ts'
import { openServerKeys } from './core/server-keys.ts'
import type { Config } from './config.ts'
import { createConnectors, upstreamHosts } from './connectors/registry.ts'
import { createApp } from './http/app.ts'
import { statusOf } from './http/errors.ts'
import { createIssuerPages } from './http/issuer-pages.ts'
import { createIssuer, isIssuerPath } from './issuer/issuer.ts'
import { cookieNames } from './issuer/provider.ts'
import { loadKeyringFile } from './kms/keyring-file.ts'
import { createOutbound } from './outbound.ts'
import { listen } from './storage/changes.ts'
import { createClients } from './storage/clients.ts'
import { migrate, openDatabase } from './storage/database.ts'
import { createIdentities } from './storage/identities.ts'
import { createKeys } from './storage/keys.ts'
import { createRecords } from './storage/records.ts'
import { createSignIns } from './storage/sign-ins.ts'
import { createSubjects } from './storage/subjects.ts'
import { sweep } from './storage/sweep.ts'

const SWEEP_MS = 60_000
const IDLE_MS = 100

export type Broker = {
  readonly server: Server
  /** Stores apps and takes them into use. */
  applyClients(wanted: readonly Client[]): Promise<Applied>
  /** Stops taking requests, lets those under way finish, closes the database. */
  close(): Promise<void>
}

export async function compose(
  config: Config,
  { log, clock = Date.now }: { log: Log; clock?: Clock },
): Promise<Broker> {
  const kek = await loadKeyringFile(config.keyring.path)
  await migrate(config.database.url)
  const database = await openDatabase(config.database.url, config.database.poolSize)
  const refused = (what: string, error: Error): void => {
    log.error('sealed_value_refused', { model: what, error })
  }
  const { size: cacheSize, ttlMs: cacheTtlMs } = config.dataKeyCache
  const keyring = guardDataKeys(createKeyring({ kek, cacheSize, cacheTtlMs, clock }), refused)
  const serverKeys = await openServerKeys(createKeys(database), keyring, await kek.current())
  const clientStore = createClients(database)
  let clients = await loadClients(clientStore, serverKeys.sealing, refused)

  const outbound = createOutbound({
    allowedHosts: upstreamHosts(config.connectors),
    originMap: config.outbound.originMap,
    production: config.production,
  })
  const connectors = createConnectors(
    config.connectors.map((connector) => ({ ...connector, deadlineMs: config.deadlines.fetch })),
    {
      outbound,
      redirectBase: config.issuer,
      clock,
      log,
    },
  )
  const records = createRecords(database)
  const identities = createIdentities(database)

  const issuer = createIssuer({
    issuer: config.issuer,
    lifetimes: config.lifetimes,
    records,
    keyring,
    clock,
    clients: () => clients,
    subjects: createSubjects(database),
    cookieKeys: () => serverKeys.cookieKeys,
    signingJwks: () => serverKeys.signingJwks,
    replayDigest: (by, jti) => digest('replay', JSON.stringify([by, jti])),
    pages: createIssuerPages(log),
    refused,
    statusOf,
    failed: (error) => {
      log.error('server_error', { error })
    },
  })

  async function reloadClients(): Promise<void> {
    clients = await loadClients(clientStore, serverKeys.sealing, refused)
    issuer.rebuild()
  }
  const listener = await listen(
    config.database.url,
    () => {
      reloadClients().catch((error: unknown) => {
        log.error('reload_failed', { error })
      })
    },
    (error) => {
      log.warn('listener_lost', { error })
    },
  )
  const timer = setInterval(() => {
    keyring.sweep()
    sweep(database).catch((error: unknown) => {
      log.warn('sweep_failed', { error })
    })
  }, SWEEP_MS)
  timer.unref()

  const metrics = config.metrics.enabled ? new Registry() : undefined
  if (metrics !== undefined) collectDefaultMetrics({ register: metrics })

  const handler = createApp({
    issuer: config.issuer,
    signIn: {
      connectors,
      signIns: createSignIns(database),
      identities,
      records,
      keyring,
      indexKeys: () => serverKeys.indexKeys,
      epoch: () => serverKeys.epoch,
      clients: () => clients,
      clock,
      notice: { noticeVersion: config.notice.version, termsVersion: config.terms.version },
    },
    log,
    controller: {
      ...config.controller,
      supervisoryAuthority: config.controller.supervisoryAuthority.url,
    },
    notice: config.notice,
    terms: config.terms,
    interactionCookie: cookieNames(config.issuer).interaction,
    interactionSeconds: config.lifetimes.interaction,
    upstreamOrigins: (id) => upstreamOrigin(config, (url) => outbound.browserUrl(url), id),
    isReady: () => database.isReady(),
    metrics: metrics === undefined ? undefined : () => metrics.metrics(),
    identities,
    keyring,
    isIssuerPath,
    issue: (request, response) => issuer.handle(request, response),
  })

  const server = createServer(
    { requestTimeout: 15_000, headersTimeout: 10_000, maxHeaderSize: 32 * 1024 },
    handler,
  )
  return {
    server,
    async applyClients(wanted) {
      const applied = await applyClients(clientStore, wanted, serverKeys.sealing)
      await reloadClients()
      return applied
    },
    async close() {
      clearInterval(timer)
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
      // A proxy keeps its connections and sends the next request on them: each ends with the answer that is under way.
      server.prependListener('request', (_request, response) => {
        response.setHeader('connection', 'close')
      })
      const idle = setInterval(() => {
        server.closeIdleConnections()
      }, IDLE_MS)
      await closed
      clearInterval(idle)
      await listener.close()
      await outbound.close()
      await database.close()
    },
  }
}

/** Where a sign-in button's redirect ends, for the page's form-action. */
function upstreamOrigin(
  config: Config,
  browserUrl: (url: string) => URL,
  id: string,
): Promise<string | undefined> {
  const connector = config.connectors.find((candidate) => candidate.id === id)
  if (connector === undefined) return Promise.resolve(undefined)
  const origin =
    connector.kind === 'google'
      ? 'https://accounts.google.com'
      : connector.kind === 'microsoft'
        ? 'https://login.microsoftonline.com'
        : connector.issuer
  return Promise.resolve(browserUrl(origin).origin)
}
