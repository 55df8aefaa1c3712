// The only door out. Invariant: a connection goes to a host on the allow-list, by https, at a public address that was checked in the
// moment of connecting; the answer is no redirect, arrives in time and is not larger than said. RFC 9700 §4.11, attacks on SSRF.
// Only in development: a map from real origins to simulated ones on loopback, and plain http to loopback.
import ipaddr from 'ipaddr.js'
import { lookup as dnsLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, fetch as undiciFetch } from 'undici'
import { BrokerError } from './core/errors.ts'

/** Times in milliseconds, sizes in bytes after decompression. */
export type OutboundInit = {
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | URLSearchParams | Uint8Array | null | undefined
  readonly signal?: AbortSignal | undefined
  readonly maxBytes?: number
  readonly timeoutMs?: number
}

export type Outbound = {
  /**
   * One exchange, read to its end. Throws `outbound_refused` for what we don't do (host, scheme, address, redirect, size) and
   * `upstream_unavailable` where no whole answer came in time. A status such as 404 or 500 is not an error.
   */
  fetch(url: string | URL, init?: OutboundInit): Promise<Response>
  /** Where a browser finds an address of an upstream. Throws `outbound_refused`. */
  browserUrl(url: string | URL): URL
  /** Ends idle connections. */
  close(): Promise<void>
}

export type ResolvedAddress = { readonly address: string; readonly family: number }

/**
 * `allowedHosts`: exact host names, with the port where it isn't the scheme's own. `originMap`: real origin → loopback origin with a
 * path, for development. Throws `configuration_invalid`.
 */
export function createOutbound(options: {
  allowedHosts: Iterable<string>
  originMap?: Readonly<Record<string, string>> | undefined
  production: boolean
  timeoutMs?: number
  maxBytes?: number
  lookup?: (hostname: string) => Promise<readonly ResolvedAddress[]>
}): Outbound {
  const { production, timeoutMs = 5000, maxBytes = 1_000_000 } = options
  const allowedHosts = new Set(options.allowedHosts)
  const originMap = parseOriginMap(options.originMap ?? {}, production)
  const resolve = options.lookup ?? ((hostname: string) => dnsLookup(hostname, { all: true }))
  const agents = {
    public: new Agent({ connect: { lookup: guardedLookup(resolve, isPublicAddress) } }),
    loopback: new Agent({ connect: { lookup: guardedLookup(resolve, isLoopbackAddress) } }),
  }

  /** The address to call, checked, and how. A simulated one is not checked against the list: its real one was. */
  const target = (address: string | URL): { url: URL; reach: keyof typeof agents } => {
    const url = parseUrl(address)
    if (url.username !== '' || url.password !== '') throw refused('credentials')
    if (!allowedHosts.has(url.host)) throw refused('host')
    const simulated = originMap.get(url.origin)
    if (simulated !== undefined) {
      return { url: new URL(`${simulated}${url.pathname}${url.search}`), reach: 'loopback' }
    }
    if (url.protocol === 'http:' && !production && isLoopbackName(url.hostname))
      return { url, reach: 'loopback' }
    if (url.protocol !== 'https:') throw refused('scheme')
    // A literal address never reaches the look-up. The parser has already undone decimal, octal and hexadecimal forms.
    const literal = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(literal) !== 0 && !isPublicAddress(literal)) throw refused('address')
    return { url, reach: 'public' }
  }

  const exchange = async (address: string | URL, init: OutboundInit): Promise<Response> => {
    const { url, reach } = target(address)
    const deadline = AbortSignal.timeout(init.timeoutMs ?? timeoutMs)
    const response = await undiciFetch(url, {
      method: init.method ?? 'GET',
      headers: { ...init.headers },
      redirect: 'manual',
      dispatcher: agents[reach],
      signal: init.signal === undefined ? deadline : AbortSignal.any([deadline, init.signal]),
      ...(init.body === undefined || init.body === null ? {} : { body: parseBody(init.body) }),
    })
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      throw refused('redirect')
    }
    const bytes = await readBounded(response.body, init.maxBytes ?? maxBytes)
    const headers = new Headers([...response.headers])
    // They describe what was on the wire, not what is handed on.
    for (const name of ['content-encoding', 'content-length', 'transfer-encoding']) headers.delete(name)
    return new Response(bytes.length === 0 ? null : bytes, { status: response.status, headers })
  }

  return {
    fetch: (url, init = {}) => exchange(url, init).catch(rethrow),
    browserUrl: (url) => target(url).url,
    close: async () => {
      await Promise.all(Object.values(agents).map((agent) => agent.destroy()))
    },
  }
}

/** Whether an IP address is globally reachable unicast, also when it is IPv4 in IPv6 clothing. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast') return false
  // RFC 4291 §2.4: global unicast is 2000::/3 so far. Leaves out `::a.b.c.d` and whatever else is unassigned.
  return !(parsed instanceof ipaddr.IPv6) || parsed.match(ipaddr.IPv6.parse('2000::'), 3)
}

function isLoopbackAddress(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.process(address).range() === 'loopback'
}

const isLoopbackName = (hostname: string): boolean =>
  hostname === 'localhost' || isLoopbackAddress(hostname.replace(/^\[|\]$/g, ''))

/** The addresses that are checked are the ones that are connected to, so a name can't change its answer in between. */
function guardedLookup(
  resolve: (hostname: string) => Promise<readonly ResolvedAddress[]>,
  isAllowed: (address: string) => boolean,
): LookupFunction {
  const check = async (hostname: string): Promise<readonly ResolvedAddress[]> => {
    const addresses = await resolve(hostname).catch(() => {
      throw new BrokerError('upstream_unavailable', { cause: new Error('name_not_found') })
    })
    // One bad address among good ones is enough: which one is taken is for the network to say.
    if (addresses.length === 0 || !addresses.every(({ address }) => isAllowed(address)))
      throw refused('address')
    return addresses
  }
  return (hostname, options, callback) => {
    const answer = (addresses: readonly ResolvedAddress[]): void => {
      const [{ address, family } = { address: '', family: 0 }] = addresses
      if (options.all === true) callback(null, [...addresses])
      else callback(null, address, family)
    }
    const fail = (error: unknown): void =>
      callback(error instanceof Error ? error : new Error('lookup'), '', 0)
    check(hostname).then(answer, fail)
  }
}

async function readBounded(
  body: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    // Leaving the loop hangs up, so a bomb is never opened further than this.
    if (size > maxBytes) throw refused('too_large')
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}

function parseOriginMap(map: Readonly<Record<string, string>>, production: boolean): Map<string, string> {
  const entries = Object.entries(map)
  if (production && entries.length > 0) {
    throw new BrokerError('configuration_invalid', { detail: 'simulated upstreams are not for production' })
  }
  return new Map(
    entries.map(([origin, simulated]) => {
      const to = URL.parse(simulated)
      if (to === null || !isLoopbackName(to.hostname) || URL.parse(origin)?.origin !== origin) {
        throw new BrokerError('configuration_invalid', {
          detail: 'a simulated upstream is an origin on loopback',
        })
      }
      return [origin, to.href.replace(/\/$/, '')]
    }),
  )
}

function parseUrl(address: string | URL): URL {
  const url = URL.parse(String(address))
  if (url === null) throw refused('malformed')
  return url
}

const parseBody = (body: NonNullable<OutboundInit['body']>): string | Uint8Array =>
  body instanceof URLSearchParams ? body.toString() : body

/** The reason says what, never where: an address may carry a code. */
const refused = (reason: string): BrokerError =>
  new BrokerError('outbound_refused', { cause: new Error(reason) })

function rethrow(error: unknown): never {
  let reason = 'no_answer'
  for (let cause: unknown = error, depth = 0; isErrorLike(cause) && depth < 5; depth += 1) {
    if (cause instanceof BrokerError) throw cause
    reason = typeof cause.code === 'string' ? cause.code : cause.name
    cause = cause.cause
  }
  // The reason only: messages of the library quote headers, and a header is a token.
  throw new BrokerError('upstream_unavailable', { cause: new Error(reason) })
}

const isErrorLike = (value: unknown): value is { name: string; code?: unknown; cause?: unknown } =>
  typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
