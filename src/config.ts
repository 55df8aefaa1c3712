// The configuration: one schema, and the only reader of process.env and config/. What is missing, misspelt or weak stops the start,
// and everything that is wrong is said at once. There is no option that turns a check off.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { connectorList } from './config/connectors.ts'
import { invalid, isRecord, parseValues, parseYaml, report, type Sources } from './config/problems.ts'
import {
  checkWith,
  isLoopback,
  milliseconds,
  origin,
  privatePath,
  readSecret,
  seconds,
  text,
  urlProblem,
  webUrl,
  weakness,
} from './config/values.ts'

export { parseClients } from './config/clients.ts'

const DEFAULT_PATH = 'config/narrowgate.yaml'

/** Lifetimes are in seconds, `deadlines` and `dataKeyCache.ttlMs` in milliseconds; secrets are the secrets themselves. */
export type Config = ReturnType<typeof loadConfig>

/**
 * Reads the file named by NARROWGATE_CONFIG, else config/narrowgate.yaml below `cwd`, and the variables that it names. Throws
 * `configuration_invalid`; its `detail` has a line for each problem and holds no secret.
 */
export function loadConfig(from: From = {}) {
  const { name, file, sources } = readFile(from)
  const url = databaseUrl(sources)
  const problems = 'problem' in url ? [{ path: ['DATABASE_URL'], message: url.problem }] : []
  const values = parseValues(name, configSchema(sources), file, problems)
  return { ...values, database: { ...values.database, url: 'secret' in url ? url.secret : '' } }
}

/**
 * Where the keyring file is, or will be: what is needed to make it on a new machine, which has no secrets and no database yet. Reads
 * the same file, checks nothing else in it, and throws as `loadConfig` does.
 */
export function loadKeyringPath(from: From = {}): string {
  const { name, file, sources } = readFile(from)
  return parseValues(name, z.looseObject({ keyring: keyring(sources) }), file).keyring.path
}

type From = { readonly env?: Sources['env']; readonly cwd?: string }

function readFile({ env = process.env, cwd = process.cwd() }: From) {
  const name = env['NARROWGATE_CONFIG'] ?? DEFAULT_PATH
  const file = parseYaml(name, readConfig(resolve(cwd, name), name))
  const production = !(isRecord(file) && file['production'] === false)
  return { name, file, sources: { env, cwd, production } }
}

function readConfig(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    const message = `can't be read; copy config/narrowgate.example.yaml to ${DEFAULT_PATH} and fill it in, or name your own file in NARROWGATE_CONFIG`
    throw invalid(name, [{ path: [], message }])
  }
}

const configSchema = (sources: Sources) =>
  z.strictObject({
    issuer: origin(sources),
    production: z.boolean().default(true),
    listen: z
      .strictObject({ host: text(255).default('127.0.0.1'), port: z.int().min(0).max(65535).default(8080) })
      .prefault({}),
    database: z.strictObject({ poolSize: z.int().min(2).max(200).default(10) }).prefault({}),
    keyring: keyring(sources),
    connectors: connectorList(sources),
    deadlines: z.strictObject({ fetch: milliseconds('100ms', '10s').prefault('1500ms') }).prefault({}),
    controller: z.strictObject({
      name: text(200),
      contact: contact(sources),
      dpo: contact(sources),
      supervisoryAuthority: z.strictObject({ name: text(200), url: webUrl(sources) }),
    }),
    notice: versioned(sources),
    terms: versioned(sources),
    lifetimes,
    dataKeyCache: z
      .strictObject({
        size: z.int().min(0).max(1_000_000).default(10_000),
        ttl: milliseconds('0s', '1h').prefault('5min'),
      })
      .prefault({})
      .transform(({ size, ttl }) => ({ size, ttlMs: ttl })),
    logLevel: z.literal(['info', 'warn', 'error']).default('info'),
    metrics: z.strictObject({ enabled: z.boolean().default(false) }).prefault({}),
    outbound: z.strictObject({ originMap: originMap(sources) }).prefault({}),
  })

const keyring = (sources: Sources) => z.strictObject({ path: privatePath(sources) })

/** An address to write to, or a page: what a person who has a question needs. */
const contact = (sources: Sources) =>
  z.string().check(
    checkWith((value: string) => {
      const isEmail = z.email().safeParse(value).success
      const isPage = urlProblem(value, sources) === undefined
      return isEmail || isPage ? undefined : 'is neither an e-mail address nor an https URL; give one of them'
    }),
  )

/** The version decides whether people are asked again: a new one is a change that matters. */
const versioned = (sources: Sources) =>
  z.strictObject({
    version: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,32}$/, 'is not a version; use up to 32 letters, digits and . _ -'),
    url: webUrl(sources),
  })

const lifetimes = z
  .strictObject({
    sessionIdle: seconds('1min', '30d').prefault('8h'),
    sessionAbsolute: seconds('1min', '30d').prefault('12h'),
    refresh: seconds('1min', '90d').prefault('14d'),
    // RFC 6749 §4.1.2: ten minutes at most.
    code: seconds('10s', '10min').prefault('60s'),
    // An event that matches nobody is remembered for 30 minutes, which must be longer than any interaction.
    interaction: seconds('1min', '25min').prefault('15min'),
    accessToken: seconds('30s', '1h').prefault('10min'),
    idToken: seconds('30s', '1h').prefault('10min'),
  })
  .check((context) => {
    if (context.value.sessionIdle > context.value.sessionAbsolute) {
      report(context, 'is longer than sessionAbsolute; shorten it', ['sessionIdle'])
    }
  })
  .prefault({})

/** Sends requests for one origin below an address on this machine: how the demo and the tests stand in for the upstreams. */
function originMap(sources: Sources) {
  const anywhere = { ...sources, production: false }
  return z
    .record(origin(anywhere), z.string().check(checkWith((value: string) => substituteProblem(value))))
    .check((context) => {
      if (!sources.production) return
      for (const from of Object.keys(context.value))
        report(context, 'is refused in production; remove it', [from])
    })
    .default({})
}

function substituteProblem(value: string): string | undefined {
  const problem = urlProblem(value, { production: false })
  if (problem !== undefined) return problem
  if (value.includes('?') || value.endsWith('/')) return 'ends in a slash or a query; remove that'
  return isLoopback(new URL(value)) ? undefined : 'leads off this machine; use 127.0.0.1 or localhost'
}

function databaseUrl(sources: Sources): { secret: string } | { problem: string } {
  const { DATABASE_URL: direct, DATABASE_URL_FILE: file } = sources.env
  const found = file === undefined || file === '' ? { secret: direct ?? '' } : readSecret({ file }, sources)
  const problem = 'secret' in found ? databaseProblem(found.secret, sources) : undefined
  return problem === undefined ? found : { problem }
}

function databaseProblem(value: string, { production }: Sources): string | undefined {
  if (value === '') {
    return 'is not set; set it to postgres://user:password@host:5432/name (only the demo and the tests bring a database of their own)'
  }
  if (!/^postgres(ql)?:\/\//.test(value) || !URL.canParse(value)) {
    return 'is not the address of a PostgreSQL database; write postgres://user:password@host:5432/name'
  }
  const { password } = new URL(value)
  const isWeak = password === 'postgres' || password === 'secret' || weakness(password, 8) !== undefined
  return production && password !== '' && isWeak
    ? 'has a password that is weak; give the role a random one'
    : undefined
}
