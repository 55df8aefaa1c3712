// The kinds of value that configuration is made of. Each refuses what is weak or ambiguous, and says what to write instead.
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { isRecord, type Sources } from './problems.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }
const DURATION = /^(\d{1,9}) ?(ms|s|min|h|d)$/

const toMs = (text: string): number | undefined => {
  const [, amount, unit] = DURATION.exec(text) ?? []
  const inMs = UNITS[unit ?? '']
  return inMs === undefined ? undefined : Number(amount) * inMs
}

/** A text such as "8h", between two others, as milliseconds. */
export const milliseconds = (least: string, most: string) =>
  z.string().transform((text, context) => {
    const value = toMs(text)
    if (value === undefined) {
      context.addIssue('is not a duration; write a whole number and ms, s, min, h or d, such as 8h')
    } else if (value < (toMs(least) ?? 0) || value > (toMs(most) ?? 0)) {
      context.addIssue(`is out of range; give ${least} to ${most}`)
    }
    return value ?? 0
  })

/** As `milliseconds`, in whole seconds. */
export const seconds = (least: string, most: string) =>
  milliseconds(least, most).transform((value, context) => {
    if (value % 1000 !== 0) context.addIssue('is not a whole number of seconds; round it')
    return value / 1000
  })

/** A text that people read: one line, trimmed, not empty. */
export const text = (longest: number) =>
  z
    .string()
    .trim()
    .min(1, 'is empty; fill it in')
    .max(longest, `is too long; ${longest} characters at most`)
    .regex(/^\P{C}*$/u, 'holds control characters; remove them')

/** Our own names for things: what may stand in a path, in a header and in Basic authentication. */
export const identifier = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{1,64}$/, 'is not usable as an id; use 1 to 64 letters, digits and . _ ~ -')

export const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const guid = z.string().regex(GUID, 'is not a tenant id; write the GUID in lower case, with dashes')

export const hostName = z
  .string()
  .regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$/,
    'is not a host name; write it in lower case, without scheme, port, path or *',
  )

/** 127.0.0.0/8, ::1 and localhost: what never leaves the machine. */
export const isLoopback = (url: URL): boolean =>
  url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname)

/** What is wrong with an address that we, or a browser, will go to; undefined when it will do. */
export function urlProblem(value: string, { production }: Pick<Sources, 'production'>): string | undefined {
  if (!URL.canParse(value)) return 'is not an absolute URL; write it out, from https:// on'
  const url = new URL(value)
  if (url.username !== '' || url.password !== '') return 'holds a user name or password; remove it'
  if (value.includes('#')) return 'has a fragment; remove everything from # on'
  if (url.protocol === 'https:') return undefined
  if (url.protocol !== 'http:') return 'is neither https nor http; use https'
  if (production) return 'uses http, which production refuses; use https'
  return isLoopback(url) ? undefined : 'uses http for a host other than this machine; use https'
}

export const webUrl = (sources: Sources) => z.string().check(checkWith((v) => urlProblem(v, sources)))

/** Scheme, host and port, and nothing else: `https://id.example.com`. */
export const origin = (sources: Sources) => z.string().check(checkWith((v) => originProblem(v, sources)))

export function originProblem(value: string, sources: Pick<Sources, 'production'>): string | undefined {
  const problem = urlProblem(value, sources)
  if (problem !== undefined) return problem
  const url = new URL(value)
  if (value.includes('?')) return 'has a query; remove everything from ? on'
  if (value.endsWith('/')) return 'ends in a slash; remove it'
  if (url.pathname !== '/') return 'has a path; give it a host of its own and remove the path'
  if (url.origin !== value)
    return `is not in its one canonical form; write it in lower case and without the scheme's own port`
  return undefined
}

/** A zod check from a function that says what is wrong. */
export const checkWith =
  <T>(find: (value: T) => string | undefined) =>
  (context: z.core.ParsePayload<T>): void => {
    const message = find(context.value)
    if (message !== undefined)
      context.issues.push({ code: 'custom', message, input: context.value, continue: true })
  }

const PLACEHOLDER =
  /change[-_ ]?(me|this)|replace[-_ ]?(me|this)|placeholder|example|insert[-_ ]|your[-_ ]|secret[-_ ]?(here|value|key)|password|<[^>]*>/i

/** Why a secret is no secret, or undefined. Length and variety only: whether it is random can't be seen. */
export function weakness(secret: string, shortest: number): string | undefined {
  if (PLACEHOLDER.test(secret)) return 'is a placeholder; put the real secret there'
  if (secret.length < shortest) {
    return `is too short to be a secret; use one of at least ${shortest} characters`
  }
  if (/\s|\p{C}/u.test(secret)) return 'holds white space or control characters; write the secret alone'
  return new Set(secret).size < 8 ? 'repeats a few characters; use a random secret' : undefined
}

/**
 * A secret, from `{ env: NAME }` or `{ file: PATH }`; from the text itself only where `inline` says so. `shortest` is in characters.
 */
export const secret = (sources: Sources, { shortest, inline }: { shortest: number; inline: boolean }) =>
  z.unknown().transform((value, context): string => {
    const found = typeof value === 'string' && inline ? { secret: value } : readSecret(value, sources)
    const problem = 'problem' in found ? found.problem : weakness(found.secret, shortest)
    if (problem !== undefined) context.addIssue(problem)
    return 'secret' in found ? found.secret : ''
  })

const FORMS = 'write { env: NAME } or { file: PATH }'

export function readSecret(
  value: unknown,
  { env, cwd }: Pick<Sources, 'env' | 'cwd'>,
): { secret: string } | { problem: string } {
  if (value === undefined) return { problem: `is missing; ${FORMS}` }
  if (typeof value === 'string')
    return { problem: `is written into the file; keep secrets out of it and ${FORMS}` }
  if (!isRecord(value) || Object.keys(value).length !== 1) {
    return { problem: `says not where the secret is; ${FORMS}` }
  }
  const { env: name, file } = value
  if (typeof name === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    const found = env[name]
    return found === undefined || found === ''
      ? { problem: `needs the environment variable ${name}, which is not set; set it` }
      : { secret: found }
  }
  if (typeof file !== 'string' || file === '') return { problem: `says not where the secret is; ${FORMS}` }
  try {
    // Editors and shells end a file with a newline, which belongs to no secret.
    return { secret: readFileSync(resolve(cwd, file), 'utf8').replace(/\r?\n$/, '') }
  } catch {
    return {
      problem: `names the file ${file}, which can't be read; make it readable for the user that runs the service`,
    }
  }
}

/** The path of a private file, made absolute. A folder that others can list or write is refused; a missing one is no problem yet. */
export const privatePath = ({ cwd }: Sources) =>
  z
    .string()
    .min(1, 'is empty; name the file')
    .transform((value, context) => {
      const path = resolve(cwd, value)
      const folder = dirname(path)
      const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0
      if ((mode & 0o006) !== 0) {
        context.addIssue(
          `lies in the folder ${folder}, which is open to other users; give it a folder of its own and run chmod 700 on that`,
        )
      }
      return path
    })
