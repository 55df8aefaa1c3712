// What a connector is told (settings) and what it works with (the door out, the clock, a log), as types.
import type { Clock, Log } from '../core/ports.ts'

type Common = {
  /** Short and stable: stored beside every identity, part of the callback's path. */
  readonly id: string
  readonly label: string
  readonly clientId: string
  readonly clientSecret: string
  /** `/callback/<id>` unless told. Each connector has its own, which is a defence against mix-up. RFC 9700 §4.4.2 */
  readonly callbackPath?: string
  /** Milliseconds that company and picture may take, together; 1500 unless told. */
  readonly deadlineMs?: number
}

export type GoogleSettings = Common & {
  readonly kind: 'google'
  /** Only accounts of this Workspace domain: shown to Google as a hint, and checked in the ID token. */
  readonly hostedDomain?: string
}

export type MicrosoftSettings = Common & {
  readonly kind: 'microsoft'
  /** `common`, `organizations`, `consumers` or a tenant's GUID: who may sign in. */
  readonly authority: string
  /** Asks for User.Read, and Graph for company and picture. True unless told. */
  readonly graph?: boolean
  /** Tenants that may sign in; an empty list, as none at all, means all. */
  readonly allowedTenants?: readonly string[]
}

export type OidcSettings = Common & {
  readonly kind: 'oidc'
  /** Exactly as the upstream writes it, with or without a slash at the end. OIDC Discovery §4.3 */
  readonly issuer: string
  /** `openid profile email` unless told. */
  readonly scopes?: readonly string[]
  readonly clientAuth?: 'client_secret_basic' | 'client_secret_post'
  /** Hosts from which the `picture` claim may be fetched; none unless told. */
  readonly pictureHosts?: readonly string[]
  /** Further hosts on which the upstream's endpoints live. */
  readonly endpointHosts?: readonly string[]
}

export type ConnectorSettings = GoogleSettings | MicrosoftSettings | OidcSettings

/** The part of the outbound door that connectors use. */
export type Door = {
  fetch(
    url: string | URL,
    init?: {
      readonly method?: string | undefined
      readonly headers?: Readonly<Record<string, string>> | undefined
      readonly body?: string | URLSearchParams | Uint8Array | null | undefined
      readonly signal?: AbortSignal | undefined
      readonly maxBytes?: number
      readonly timeoutMs?: number
    },
  ): Promise<Response>
  browserUrl(url: string | URL): URL
}

export type ConnectorDeps = {
  readonly outbound: Door
  /** Our own origin, on which the upstreams' callbacks arrive. */
  readonly redirectBase: string
  readonly clock: Clock
  /** Gets no claim, code, token or address. */
  readonly log: Pick<Log, 'warn' | 'error'>
}
