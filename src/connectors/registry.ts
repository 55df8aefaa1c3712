// All connectors of one broker, by id: one line per kind.
import { BrokerError } from '../core/errors.ts'
import type { Connector } from '../core/ports.ts'
import { createGoogle, GOOGLE_HOSTS } from './google.ts'
import { createMicrosoft, MICROSOFT_HOSTS } from './microsoft.ts'
import { createOidc, oidcHosts } from './oidc.ts'
import type { ConnectorDeps, ConnectorSettings } from './settings.ts'

/** Connectors by id. Asks nothing of an upstream yet: one that is down stops nobody. Throws `configuration_invalid`. */
export function createConnectors(
  settings: readonly ConnectorSettings[],
  deps: ConnectorDeps,
): ReadonlyMap<string, Connector> {
  const connectors = new Map<string, Connector>()
  const paths = new Set<string>()
  for (const one of settings) {
    const callbackPath = one.callbackPath ?? `/callback/${one.id}`
    // RFC 9700 §4.4.2: a path shared by two upstreams would let one answer for the other.
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(one.id) || connectors.has(one.id) || paths.has(callbackPath)) {
      throw new BrokerError('configuration_invalid', {
        detail: `connector ${one.id}: id or callback path is not its own`,
      })
    }
    paths.add(callbackPath)
    const redirectUri = `${deps.redirectBase.replace(/\/$/, '')}${callbackPath}`
    connectors.set(one.id, createConnector(one, deps, { callbackPath, redirectUri }))
  }
  return connectors
}

function createConnector(
  settings: ConnectorSettings,
  deps: ConnectorDeps,
  place: { callbackPath: string; redirectUri: string },
): Connector {
  if (settings.kind === 'google') return createGoogle(settings, deps, place)
  if (settings.kind === 'microsoft') return createMicrosoft(settings, deps, place)
  return createOidc(settings, deps, place)
}

/** The hosts that these connectors may call: what the outbound door's allow-list needs. */
export function upstreamHosts(settings: readonly ConnectorSettings[]): string[] {
  const hosts = settings.flatMap((one): readonly string[] => {
    if (one.kind === 'google') return GOOGLE_HOSTS
    return one.kind === 'microsoft' ? MICROSOFT_HOSTS : oidcHosts(one)
  })
  return [...new Set(hosts)]
}
