// The house's rules (design §3) as functions over one source file: what each finds wrong with it, as sentences.
import { basename, dirname, join } from 'node:path/posix'

/** A file as it stands in the repository: `path` from its root, with slashes. */
export type Source = { readonly path: string; readonly text: string }

const EDGES = ['connectors', 'issuer', 'signals', 'audit', 'kms', 'storage', 'http', 'cli'] as const
const TOP = ['config', 'log', 'outbound'] as const

/** Which rooms a room may import, beside itself. Nobody but the composition roots sees two edge rooms. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  crypto: [],
  core: ['crypto'],
  ...Object.fromEntries([...EDGES, ...TOP].map((room) => [room, ['core', 'crypto']])),
  storage: ['core', 'crypto', 'migrations'],
  cli: ['core', 'crypto', 'compose'],
  compose: ['core', 'crypto', ...EDGES, ...TOP],
  main: ['core', 'compose', 'config', 'log'],
  migrations: [],
}

/** Which rooms alone may import a package, types included. What is not listed is free to all rooms but core. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'node:crypto': ['crypto'],
  jose: ['crypto'],
  'openid-client': ['connectors'],
  sharp: ['connectors'],
  'oidc-provider': ['issuer'],
  typeorm: ['storage', 'migrations'],
  pg: ['storage'],
  express: ['http'],
  passport: ['http'],
  helmet: ['http'],
  zod: ['config'],
  yaml: ['config'],
  undici: ['outbound'],
  pino: ['log'],
  commander: ['cli'],
}

/** What may be written in some files only. */
const WORDS: readonly { word: RegExp; where: RegExp; rule: string }[] = [
  { word: /\bprocess\.env\b/, where: /^src\/config(\.ts|\/)/, rule: 'only config reads the environment' },
  {
    word: /\bupstreamProfile\(/,
    where: /^src\/connectors\//,
    rule: 'only connectors make an UpstreamProfile',
  },
  {
    word: /\bas UpstreamProfile\b/,
    where: /^src\/core\/model\.ts$/,
    rule: 'only connectors make an UpstreamProfile',
  },
  {
    word: /\bas MinimalProfile\b/,
    where: /^src\/core\/minimise\.ts$/,
    rule: 'only minimise() makes a MinimalProfile',
  },
  {
    word: /\b(as|is) Sealed\b/,
    where: /^src\/(crypto\/envelope|storage\/rows)\.ts$/,
    rule: 'only the envelope, and who reads its columns, makes Sealed',
  },
  {
    word: /\basSealed\b/,
    where: /^src\/storage\//,
    rule: 'only the envelope, and who reads its columns, makes Sealed',
  },
  {
    word: /\bsealedFromStorage\b/,
    where: /^src\/(crypto|kms|storage)\//,
    rule: 'only who reads what was stored takes bytes for sealed',
  },
  {
    word: /\breadOwnClaims\b/,
    where: /^src\/(issuer\/claims|crypto\/jwt)\.ts$/,
    rule: 'only issuer/claims.ts reads our tokens without proof',
  },
  {
    word: /\b(crypto\.(subtle|getRandomValues|randomUUID)|Math\.random)\b/,
    where: /^src\/crypto\//,
    rule: 'only crypto has randomness',
  },
  { word: /\bconsole\./, where: /^src\/cli\//, rule: 'nobody but the command line prints' },
  {
    word: /(?<=\S[ (])fetch\(|globalThis\.fetch\b/,
    where: /^src\/outbound\.ts$/,
    rule: 'outbound is the only door out',
  },
  {
    word: /\b(Date\.now|new Date|performance\.|setTimeout|setInterval|process\.)/,
    where: /^src\/(?!core\/)/,
    rule: 'core has no clock of its own',
  },
]

const FORBIDDEN: readonly { word: RegExp; rule: string }[] = [
  { word: /^export default\b|\bas default\b.*\}(?! from)/m, rule: 'exports are named' },
  { word: /^\s*(export |declare |const )*(enum|namespace|module) \w+/m, rule: 'types leave no code behind' },
]

const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.m?[jt]s$/

/** Longer than this, and nobody reads a file whole. */
const LONGEST = 300
const MAY_BE_LONGER: Readonly<Record<string, string>> = {
  'src/storage/schema.ts': 'a list of tables, read one at a time',
  'src/kms/keyring-file.ts': 'one file format, whose reader and writer belong together',
}

/** The specifiers that a source imports, re-exports or loads; `<computed>` for one that is no literal. */
export function importsOf({ text }: Source): string[] {
  const code = codeOf(text)
  const named = code.matchAll(/^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm)
  const bare = code.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm)
  const loaded = code.matchAll(/\b(?:import|require)\s*\(\s*(?:['"]([^'"]+)['"])?/g)
  return [...named, ...bare, ...loaded].map(([, specifier]) => specifier ?? '<computed>')
}

/** The room of a path, or the folder where there is no such room. */
export function roomOf(path: string): string {
  const [top = '', second = ''] = path.split('/')
  if (top !== 'src') return top
  const name = second.replace(/\.[a-z]+$/, '')
  return name.startsWith('compose') ? 'compose' : name
}

export function borderProblems(source: Source): string[] {
  const room = roomOf(source.path)
  const allowed = MAY_IMPORT[room]
  if (allowed === undefined) return [`${room} is no room of the house`]
  return importsOf(source).flatMap((specifier) => {
    if (specifier === '<computed>') return ['an import is a literal']
    if (!specifier.startsWith('.')) return packageProblems(room, specifier)
    const other = roomOf(join(dirname(source.path), specifier))
    return other === room || allowed.includes(other) ? [] : [`${room} doesn't import ${other}`]
  })
}

function packageProblems(room: string, specifier: string): string[] {
  if (room === 'core') return [`core imports no ${specifier}`]
  const [first = '', second = ''] = specifier.split('/')
  const name = first.startsWith('@') ? `${first}/${second}` : first
  const rooms = PACKAGES[name] ?? [room]
  return rooms.includes(room) ? [] : [`${name} belongs to ${rooms.join(' and ')}`]
}

export function wordProblems({ path, text }: Source): string[] {
  const code = codeOf(text)
  const misplaced = WORDS.filter(({ word, where }) => word.test(code) && !where.test(path))
  const forbidden = FORBIDDEN.filter(({ word }) => word.test(code))
  return [...misplaced, ...forbidden].map(({ rule }) => rule)
}

export function shapeProblems({ path, text }: Source): string[] {
  const opening = text.replace(/^#!.*\n/, '')
  return [
    KEBAB.test(basename(path)) ? [] : ['names are kebab-case'],
    /^(\/\/ \S|\/\*\*\s)/.test(opening) ? [] : ['a file opens with what it is'],
    text.split('\n').length - 1 > LONGEST && !(path in MAY_BE_LONGER)
      ? [`a file has ${LONGEST} lines at most`]
      : [],
  ].flat()
}

/** A text without the lines that are comment. */
function codeOf(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/\*|\*)/.test(line))
    .join('\n')
}
