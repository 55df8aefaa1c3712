// The log: JSON lines whose fields come from an allow-list. What isn't on the list, or doesn't look as the list says, is dropped, so
// that no profile, token, query string or message of somebody else's error gets in by accident (attacks.md §4.5).
import { fileURLToPath } from 'node:url'
import { getSystemErrorMap, types } from 'node:util'
import { pino, type DestinationStream } from 'pino'
import { BROKER_ERROR_CODES, BrokerError } from './core/errors.ts'

export type LogLevel = 'info' | 'warn' | 'error'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const LONG_RUN = /(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{16}|[A-Za-z0-9]{33}/

/** Tokens, digests and keys: long runs of letters and digits, or long mixtures of small, capital and digit. Words and uuids aren't. */
const looksSecret = (value: string): boolean =>
  !UUID.test(value) &&
  (LONG_RUN.test(value) ||
    (value.length >= 22 && /\d/.test(value) && /[a-z]/.test(value) && /[A-Z]/.test(value)))

const matching =
  (pattern: RegExp) =>
  (value: unknown): value is string =>
    typeof value === 'string' && value.length <= 120 && pattern.test(value) && !looksSecret(value)

const isWord = matching(/^[A-Za-z][A-Za-z0-9_.:-]*$/)
const isId = matching(/^[A-Za-z0-9._~-]{1,64}$/)

/** What a text under each name must look like. */
const TEXTS = {
  requestId: isId,
  method: matching(/^[A-Z]{3,7}$/),
  /** The route's pattern, such as `/callback/:connector`; a query never fits. */
  route: matching(/^\/[A-Za-z0-9._~:/-]*$/),
  reason: isWord,
  outcome: isWord,
  connector: isId,
  client: isId,
  upstreamError: isWord,
  model: isWord,
  kind: isWord,
  epoch: isId,
  key: isId,
  /** The first characters of a keyed digest, in hex: the only way to tell people or tokens apart in a log. */
  reference: matching(/^[0-9a-f]{8,12}$/),
  host: matching(/^[0-9A-Za-z.:[\]-]+$/),
  version: matching(/^v?[0-9][0-9A-Za-z.+-]*$/),
  signal: matching(/^SIG[A-Z0-9]{2,8}$/),
  migration: isWord,
} as const
const NUMBERS = ['status', 'durationMs', 'upstreamStatus', 'aadsts', 'count', 'attempt', 'port'] as const
const FLAGS = ['production'] as const

/** All that may stand in a line beside its code. Anything may be given as `error`; little of it gets in. */
export type LogFields = { readonly [Name in keyof typeof TEXTS]?: string } & {
  readonly [Name in (typeof NUMBERS)[number]]?: number
} & { readonly [Name in (typeof FLAGS)[number]]?: boolean } & { readonly error?: unknown }

/** `code` names the event: small letters, digits and `_`, fixed in our source. */
export type Log = {
  info(code: string, fields?: LogFields): void
  warn(code: string, fields?: LogFields): void
  error(code: string, fields?: LogFields): void
  /** A log whose lines all carry `fields`, unless a line says otherwise. */
  child(fields: LogFields): Log
}

/** A log of this level and above, to standard output unless `destination` says otherwise. Its methods never throw. */
export function createLog({
  level,
  destination = standardOutput(),
}: {
  level: LogLevel
  destination?: DestinationStream
}): Log {
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  const under = (inherited: LogFields): Log => {
    const write =
      (at: LogLevel) =>
      (code: string, fields: LogFields = {}): void => {
        try {
          logger[at]({ code: isEventCode(code) ? code : 'unnamed', ...allowed({ ...inherited, ...fields }) })
        } catch {
          // A field that throws when it is read, or a destination that does: the request matters more than its line.
        }
      }
    return {
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: (fields) => under({ ...inherited, ...fields }),
    }
  }
  return under({})
}

const isEventCode = matching(/^[a-z][a-z0-9_]{1,63}$/)

/** A full disk or a closed pipe behind standard output must not end the service. */
function standardOutput(): DestinationStream {
  const stream = pino.destination(1)
  stream.on('error', () => undefined)
  return stream
}

function allowed(fields: LogFields): Record<string, unknown> {
  const given: Readonly<Record<string, unknown>> = fields
  const kept: Record<string, unknown> = {}
  for (const [name, fits] of Object.entries(TEXTS)) {
    const value = given[name]
    if (fits(value)) kept[name] = value
  }
  for (const name of NUMBERS) if (Number.isFinite(fields[name])) kept[name] = fields[name]
  for (const name of FLAGS) if (typeof fields[name] === 'boolean') kept[name] = fields[name]
  if (fields.error !== undefined) kept['error'] = reduceError(fields.error)
  return kept
}

const LONGEST_CHAIN = 4
const MOST_FRAMES = 12

type ReducedError = {
  readonly class: string
  readonly code?: string
  readonly at?: readonly string[]
  readonly cause?: ReducedError
}

/** Class, code and where it was thrown, and the same of its causes. Messages hold other people's data: they stay out. */
function reduceError(error: unknown, depth = 1): ReducedError {
  if (!types.isNativeError(error) && !(error instanceof Error)) return { class: typeof error }
  const name: unknown = Reflect.getPrototypeOf(error)?.constructor.name
  const className = isWord(name) ? name : 'Error'
  const code = codeOf(error, className)
  const at = depth === 1 ? framesOf(error) : []
  const { cause } = error
  return {
    class: className,
    ...(code === undefined ? {} : { code }),
    ...(at.length === 0 ? {} : { at }),
    ...(cause === undefined || depth === LONGEST_CHAIN ? {} : { cause: reduceError(cause, depth + 1) }),
  }
}

const BROKER_CODES: ReadonlySet<string> = new Set(BROKER_ERROR_CODES)
const SYSTEM_CODES: ReadonlySet<string> = new Set([
  ...[...getSystemErrorMap().values()].map(([code]) => code),
  'ENOTFOUND',
])
const HOUSE_CLASSES: ReadonlySet<string> = new Set([
  'EnvelopeError',
  'JwtError',
  'KekError',
  'KeyringFileError',
])
const DATABASE_CLASSES: ReadonlySet<string> = new Set(['DatabaseError', 'QueryFailedError'])

/** Codes come from closed sets; a text of somebody else's that happens to be called `code` does not pass. */
function codeOf(error: Error, className: string): string | undefined {
  const code: unknown = 'code' in error ? error.code : undefined
  if (typeof code !== 'string' || code.length > 60) return undefined
  const isKnown =
    (error instanceof BrokerError && BROKER_CODES.has(code)) ||
    SYSTEM_CODES.has(code) ||
    /^(ERR|UND_ERR|OAUTH)(_[A-Z]+)+$/.test(code) ||
    (HOUSE_CLASSES.has(className) && /^[a-z]+(_[a-z]+)*$/.test(code)) ||
    (DATABASE_CLASSES.has(className) && /^[0-9A-Z]{5}$/.test(code))
  return isKnown ? code : undefined
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FRAME = /^ {4}at (?:.* )?\(?(?:file:\/\/)?(node:|\/)([A-Za-z0-9_@./+-]+:\d+:\d+)\)?$/

/** Where it was thrown, as places in our source, in our packages and in Node. The message, which the stack repeats, is cut off first. */
function framesOf({ stack, message }: Error): string[] {
  if (typeof stack !== 'string' || typeof message !== 'string') return []
  const start = stack.indexOf(message)
  // A message that was changed after the stack was made can't be cut off.
  if (start === -1) return []
  return stack
    .slice(start + message.length)
    .split('\n')
    .flatMap((line) => {
      const [, kind, rest] = FRAME.exec(line) ?? []
      if (rest === undefined) return []
      if (kind === 'node:') return [`node:${rest}`]
      const path = `/${rest}`
      return path.startsWith(ROOT) ? [path.slice(ROOT.length)] : []
    })
    .filter((place) => !looksSecret(place.replaceAll(/[/:.]/g, ' ')))
    .slice(0, MOST_FRAMES)
}
