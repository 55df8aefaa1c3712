// Connectors against the simulated upstreams, over HTTP, with a clock and a log that tests can read.
import { mint } from '../../src/crypto/secrets.ts'
import { BrokerError } from '../../src/core/errors.ts'
import type { UpstreamProfile } from '../../src/core/model.ts'
import type { Connector, UpstreamRequest } from '../../src/core/ports.ts'
import { createConnectors, upstreamHosts } from '../../src/connectors/registry.ts'
import type { ConnectorSettings } from '../../src/connectors/settings.ts'
import { createOutbound, type Outbound } from '../../src/outbound.ts'
import { startUpstreams, type Upstreams } from '../../demo/upstreams/server.ts'
import { createVisitor } from '../../demo/upstreams/visitor.ts'

export const REDIRECT_BASE = 'https://id.example'
export const KINDS = ['google', 'microsoft', 'oidc'] as const
export type Kind = (typeof KINDS)[number]

// With everything that a form must encode, as Microsoft asks for.
export const secretOf = (kind: Kind): string => `${kind} s&cret %+=1`
export const redirectUriOf = (kind: Kind): string => `${REDIRECT_BASE}/callback/${kind}`

const common = (kind: Kind) => ({
  id: kind,
  label: kind,
  clientId: `broker-${kind}`,
  clientSecret: secretOf(kind),
})
export const SETTINGS = {
  google: { ...common('google'), kind: 'google' },
  microsoft: { ...common('microsoft'), kind: 'microsoft', authority: 'common' },
  oidc: { ...common('oidc'), kind: 'oidc', issuer: 'https://oidc.example', pictureHosts: ['oidc.example'] },
} as const satisfies Record<Kind, ConnectorSettings>

// Closed with the world: idle connections would keep the run alive.
const outbounds: Outbound[] = []

/** Simulated upstreams at which each kind is registered. */
export const startWorld = async (): Promise<Upstreams> => {
  const world = await startUpstreams({
    now: () => Date.now() + skew,
    clients: {
      google: [clientOf('google')],
      microsoft: [clientOf('microsoft')],
      oidc: [clientOf('oidc')],
    },
  })
  return {
    ...world,
    close: async () => {
      await Promise.all(outbounds.map((outbound) => outbound.close()))
      await world.close()
    },
  }
}

const clientOf = (kind: Kind) => ({
  id: `broker-${kind}`,
  secret: secretOf(kind),
  redirectUris: [redirectUriOf(kind)],
})

// The simulation's clock and the connectors' move together.
let skew = 0
// By how much the connectors' clock is late.
let late = 0

export type Sent = Pick<UpstreamRequest, 'state' | 'nonce' | 'codeVerifier' | 'maxAge'>
export type LogLine = { level: 'warn' | 'error'; code: string; fields: unknown }

export type Setting = {
  connector: Connector
  log: LogLine[]
  outbound: Outbound
  /** Moves both clocks on, in seconds. */
  pass: (seconds: number) => void
  /** Makes the connectors' clock late by so many seconds. */
  lag: (seconds: number) => void
  /** Through the authorization page over HTTP: what was sent and what came back. */
  comeBack: (
    person: string,
    asked?: Partial<UpstreamRequest>,
  ) => Promise<{ sent: Sent; query: URLSearchParams }>
  signIn: (person: string, asked?: Partial<UpstreamRequest>) => Promise<UpstreamProfile>
}

/** A request with fresh random values, but for what is asked. */
export const requestOf = (asked: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  state: mint(),
  nonce: mint(),
  codeVerifier: mint(48),
  prompts: [],
  ...asked,
})

export const createSetting = (
  world: Upstreams,
  settings: ConnectorSettings,
  options: { deadlineMs?: number; timeoutMs?: number } = {},
): Setting => {
  skew = 0
  late = 0
  const log: LogLine[] = []
  const note =
    (level: LogLine['level']) =>
    (code: string, fields: unknown): void => {
      log.push({ level, code, fields })
    }
  const outbound = createOutbound({
    allowedHosts: upstreamHosts([settings]),
    originMap: world.originMap,
    production: false,
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
  })
  outbounds.push(outbound)
  const connector = createConnectors(
    [{ ...settings, ...(options.deadlineMs !== undefined && { deadlineMs: options.deadlineMs }) }],
    {
      outbound,
      redirectBase: REDIRECT_BASE,
      clock: () => Date.now() + skew - late,
      log: { warn: note('warn'), error: note('error') },
    },
  ).get(settings.id)
  if (connector === undefined) throw new Error('no connector')

  const comeBack: Setting['comeBack'] = async (person, asked) => {
    const sent = requestOf(asked)
    const url = await connector.authorizationUrl(sent)
    const back = await createVisitor(world).signIn(url, person)
    return { sent, query: back.searchParams }
  }
  return {
    connector,
    log,
    outbound,
    pass: (seconds) => {
      skew += seconds * 1000
    },
    lag: (seconds) => {
      late = seconds * 1000
    },
    comeBack,
    signIn: async (person, asked) => {
      const { sent, query } = await comeBack(person, asked)
      return connector.exchange(query, sent)
    },
  }
}

/** The code of the BrokerError that `call` ends with. */
export const codeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call
  } catch (error) {
    if (error instanceof BrokerError) return error.code
    throw error
  }
  return 'no error'
}

/** Calls that arrived at addresses that contain `part`. */
export const callsTo = (world: Upstreams, part: string): number =>
  world.requests.filter(({ url }) => url.includes(part)).length
