// From a YAML text to checked values, or to one message that names everything that is wrong with it: where, what, and what to do.
// Invariant: a message never quotes a value, since it may be a secret that stands in the wrong place.
import { LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { BrokerError } from '../core/errors.ts'

/** One thing that is wrong. `path` leads to it and is empty for the text as a whole; `message` reads "<what is wrong>; <what to do>". */
export type Problem = { readonly path: readonly PropertyKey[]; readonly message: string }

/** Where values may come from. `production` decides which weak settings are refused. */
export type Sources = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly production: boolean
}

/** The plain values of a YAML text; nothing at all is an empty mapping. Throws `configuration_invalid` when it is not YAML. */
export function parseYaml(name: string, text: string): unknown {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true, prettyErrors: false })
  const problems = [...document.errors, ...document.warnings].map(({ code, pos }) => ({
    path: [`line ${lines.linePos(pos[0]).line}`],
    message: `is not valid YAML (${code.toLowerCase().replaceAll('_', ' ')}); correct it`,
  }))
  if (problems.length > 0) throw invalid(name, problems)
  try {
    return document.toJS() ?? {}
  } catch {
    throw invalid(name, [
      { path: [], message: 'holds an alias that leads nowhere or too far; write the value out' },
    ])
  }
}

/** `value` as `schema` gives it. Throws `configuration_invalid` with every problem: those given, and those that the schema finds. */
export function parseValues<S extends z.ZodType>(
  name: string,
  schema: S,
  value: unknown,
  given: readonly Problem[] = [],
): z.output<S> {
  const result = schema.safeParse(value, { error: explain })
  if (result.success && given.length === 0) return result.data
  throw invalid(name, [...(result.error?.issues.flatMap(toProblems) ?? []), ...given])
}

/** The error for `problems` of the file or text called `name`. */
export function invalid(name: string, problems: readonly Problem[]): BrokerError {
  const lines = problems.map(({ path, message }) => `  ${[showPath(path), message].join(' ').trim()}`)
  const count = lines.length === 1 ? '1 problem' : `${lines.length} problems`
  return new BrokerError('configuration_invalid', { detail: `${name}: ${count}\n${lines.join('\n')}` })
}

/** Adds a problem to what zod found so far, at the value in hand or at `path` below it. */
export function report(
  context: { issues: z.core.$ZodRawIssue[]; value: unknown },
  message: string,
  path: readonly PropertyKey[] = [],
): void {
  context.issues.push({ code: 'custom', message, path: [...path], input: context.value, continue: true })
}

/** Reports each value of `key` that an earlier entry of the list has too, in capitals or not. Entries may be unchecked still. */
export function reportTwice(context: z.core.ParsePayload, key: string, advice: string): void {
  const entries = Array.isArray(context.value) ? (context.value as unknown[]) : []
  const seen = new Set<unknown>()
  for (const [index, entry] of entries.entries()) {
    const given = isRecord(entry) ? entry[key] : undefined
    const value = typeof given === 'string' ? given.toLowerCase() : given
    if (value !== undefined && value !== '' && seen.has(value)) {
      report(context, `is used by an earlier entry already; ${advice}`, [index, key])
    }
    seen.add(value)
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping of keys',
  record: 'a mapping of keys',
  array: 'a list',
}

function explain(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'invalid_type') {
    const noun = NOUNS[issue.expected] ?? issue.expected
    if (issue.input === undefined) return `is missing; add it, as ${noun}`
    const isNumber = typeof issue.input === 'number'
    return `must be ${noun}; ${issue.expected === 'string' && isNumber ? 'put it in quotes' : 'correct it'}`
  }
  if (issue.code === 'invalid_value') return `is not one of the known values; use ${list(issue.values)}`
  if (issue.code === 'invalid_union') return `is not one of the known values; use ${list(issue['options'])}`
  if (issue.code === 'too_small') return `is too small; the least is ${issue.minimum}`
  if (issue.code === 'too_big') return `is too large; the most is ${issue.maximum}`
  if (issue.code === 'unrecognized_keys') return 'is not a known key; remove it or correct its spelling'
  return 'is not of the right form; see the example beside it'
}

const list = (values: unknown): string => (Array.isArray(values) ? values.map(String).join(', ') : 'another')

function toProblems(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code !== 'unrecognized_keys') return [issue]
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: issue.message }))
}

const showPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((shown, part) => {
    if (typeof part === 'number') return `${shown}[${part}]`
    return shown === '' ? String(part) : `${shown}.${String(part)}`
  }, '')
