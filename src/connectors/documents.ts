// An upstream's discovery document and key set, fetched when first needed and remembered. Invariants: the document is the issuer's own;
// a rotation is noticed at once; and whatever an upstream does, we ask it at a bounded rate. OIDC Discovery §4, OIDC Core §10.1.1
import { BrokerError } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'
import type { UpstreamKey } from '../crypto/upstream-jwt.ts'
import { invalid, unavailable } from './failure.ts'
import type { Door } from './settings.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const METADATA = { fresh: 24 * HOUR, usable: 7 * 24 * HOUR }
const KEYS = { fresh: HOUR, usable: 24 * HOUR }
const FIRST_PAUSE = SECOND
const LONGEST_PAUSE = 60 * SECOND
const UNKNOWN_KEY_PAUSE = 30 * SECOND
// Different unknown keys in one pause: a real rotation brings one or two, a flood any number.
const UNKNOWN_KEYS = 4
const MOST_KEYS = 100
const LONGEST_MODULUS = 1400

export type Metadata = Readonly<Record<string, unknown>> & {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly jwks_uri: string
}

export type Documents = {
  /** Throws `upstream_unavailable`, also for what is no such document; `upstream_invalid` where it is another issuer's. */
  metadata(): Promise<Metadata>
  /** The key set; fetched anew where it lacks `kid`. Throws like `metadata()`. That the key is still lacking is no error. */
  keys(kid: string | undefined): Promise<readonly UpstreamKey[]>
}

export function createDocuments(options: {
  discoveryUrl: string
  issuer: string
  outbound: Pick<Door, 'fetch'>
  clock: Clock
}): Documents {
  const { discoveryUrl, issuer, outbound, clock } = options
  const metadata = createRemembered(clock, METADATA, async () =>
    parseMetadata(await fetchJson(outbound, discoveryUrl), issuer),
  )
  const keySet = createRemembered(clock, KEYS, async () => {
    const { jwks_uri } = await metadata.get()
    return parseKeys(await fetchJson(outbound, jwks_uri))
  })
  const unknown = new Map<string, number>()

  return {
    metadata: () => metadata.get(),
    async keys(kid) {
      const isEnough = (keys: readonly UpstreamKey[]) =>
        kid === undefined || keys.some((key) => key.kid === kid)
      let keys = await keySet.get()
      if (isEnough(keys) || kid === undefined) return keys
      // A fetch under way may have begun before the rotation: its answer is looked at, but is not the one call.
      await keySet.settled()
      keys = await keySet.get()
      if (isEnough(keys)) return keys
      const now = clock()
      for (const [id, askedAt] of unknown) {
        if (Math.abs(now - askedAt) >= UNKNOWN_KEY_PAUSE) unknown.delete(id)
      }
      // A key just published may sign the next token, so one unknown `kid` is worth one call, but never a second soon after.
      if (unknown.has(kid) || unknown.size >= UNKNOWN_KEYS) {
        await keySet.settled()
        return keySet.get()
      }
      unknown.set(kid, now)
      return keySet.renew()
    },
  }
}

type Remembered<T> = {
  get(): Promise<T>
  /** Fetches now, or shares the fetch that is under way. */
  renew(): Promise<T>
  /** Waits for a running fetch, whatever comes of it. */
  settled(): Promise<void>
}

/** One fetch at a time; after a failure a growing pause, in which a value that is still usable serves and its lack is an error. */
function createRemembered<T>(
  clock: Clock,
  lifetime: { readonly fresh: number; readonly usable: number },
  load: () => Promise<T>,
): Remembered<T> {
  let held: { value: T; at: number } | undefined
  let failed: { error: unknown; at: number; pause: number } | undefined
  let running: Promise<T> | undefined

  // Math.abs: a clock that stepped back makes nothing immortal.
  const isWithin = (at: number, span: number): boolean => Math.abs(clock() - at) < span

  const fetchOnce = async (): Promise<T> => {
    try {
      const value = await load()
      held = { value, at: clock() }
      failed = undefined
      return value
    } catch (error) {
      const pause = failed === undefined ? FIRST_PAUSE : Math.min(failed.pause * 2, LONGEST_PAUSE)
      failed = { error, at: clock(), pause }
      // What is wrong, rather than absent, ends what was right: the upstream may have been taken over.
      if (isWrong(error)) held = undefined
      throw error
    } finally {
      running = undefined
    }
  }
  const renew = (): Promise<T> => (running ??= fetchOnce())

  return {
    renew,
    settled: async () => {
      await running?.catch(() => undefined)
    },
    async get() {
      if (held !== undefined && isWithin(held.at, lifetime.fresh)) return held.value
      const usable = held !== undefined && isWithin(held.at, lifetime.usable) ? held : undefined
      if (failed !== undefined && isWithin(failed.at, failed.pause)) {
        if (usable !== undefined) return usable.value
        throw failed.error
      }
      return renew().catch((error: unknown) => {
        if (usable !== undefined && !isWrong(error)) return usable.value
        throw error
      })
    },
  }
}

const isWrong = (error: unknown): boolean => error instanceof BrokerError && error.code === 'upstream_invalid'

async function fetchJson(outbound: Pick<Door, 'fetch'>, url: string): Promise<unknown> {
  const response = await outbound.fetch(url, { headers: { accept: 'application/json' } })
  if (response.status !== 200) throw unavailable(`document_status_${response.status}`)
  // A maintenance page with status 200 is an outage, not another upstream.
  return response.json().catch(() => {
    throw unavailable('document_not_json')
  })
}

function parseMetadata(document: unknown, issuer: string): Metadata {
  if (!isObject(document)) throw unavailable('document_malformed')
  // OIDC Discovery §4.3: exactly the issuer that was asked for.
  if (document['issuer'] !== issuer) throw invalid('document_issuer')
  if (!isMetadata(document)) throw unavailable('document_incomplete')
  return document
}

const isMetadata = (document: Record<string, unknown>): document is Metadata =>
  ['authorization_endpoint', 'token_endpoint', 'jwks_uri'].every((name) => {
    const endpoint = document[name]
    return typeof endpoint === 'string' && URL.canParse(endpoint)
  })

function parseKeys(document: unknown): readonly UpstreamKey[] {
  const keys = isObject(document) ? document['keys'] : undefined
  if (!Array.isArray(keys) || keys.length > MOST_KEYS) throw unavailable('key_set_malformed')
  // RFC 7517 §5: what we can't use is left out. Symmetric and private keys have no business here, giant ones would stall us.
  return keys.filter(
    (key: unknown): key is UpstreamKey =>
      isObject(key) &&
      typeof key['kty'] === 'string' &&
      key['kty'] !== 'oct' &&
      key['d'] === undefined &&
      (typeof key['n'] !== 'string' || key['n'].length <= LONGEST_MODULUS),
  )
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
