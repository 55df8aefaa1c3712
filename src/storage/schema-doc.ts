// docs/storage-schema.md, written from the schema: what each column holds, of which class, why and until when. `npm run schema-doc`
// writes it; a test fails when the file differs. Here too is the check that no column goes without class, purpose and lifetime.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { EntitySchema } from 'typeorm'
import { COLUMN_CLASSES, SCHEMA, type ColumnClass } from './schema.ts'

export const SCHEMA_DOCUMENT = fileURLToPath(new URL('../../docs/storage-schema.md', import.meta.url))

/** One column as the schema declares it; `class`, `purpose` and `lifetime` are the three parts of its comment. */
export type SchemaColumn = {
  readonly table: string
  readonly column: string
  readonly type: string
  readonly nullable: boolean
  readonly primary: boolean
  readonly comment: string
  readonly class: string
  readonly purpose: string
  readonly lifetime: string
}

const CLASSES: Readonly<Record<ColumnClass, string>> = {
  sealed: 'encrypted under a key that the service holds: an account’s data key, a server key or a KEK',
  'bearer-sealed':
    'encrypted under a key that only a bearer value outside the database gives (a grant’s payload lies under its account’s key)',
  digest: 'SHA-256 of a value with high entropy, or of public bytes',
  index: 'keyed HMAC: equal for equal values, useless without the key',
  pseudonym: 'a random id of ours, or of one app family, that stands for a person',
  operational: 'what the service needs to work; says nothing of a person’s profile',
  public: 'known outside anyway',
}

const TABLES: Readonly<Record<string, string>> = {
  epoch: 'One key-encryption key (KEK) and where it stands in its life.',
  server_key: 'The keys that the service itself needs, wrapped by the KEK.',
  signing_key: 'Keys that sign tokens.',
  client: 'Registered apps, as configured.',
  account: 'One person here.',
  account_key: 'A person’s data key, wrapped. Deleting the row is erasure.',
  acceptance: 'What a person agreed to, and when.',
  identity: 'One account at an upstream, with the five fields, sealed.',
  identity_index: 'Finds an identity by what the upstream says, without holding that.',
  subject: 'The name under which a family of apps knows a person.',
  disclosure: 'Which app received which field.',
  record: 'Sessions, grants, codes, tokens and interactions of oidc-provider.',
  session_client: 'Which apps a session signed in to.',
  replay: 'Values that may be used once, until they would be refused anyway.',
  sign_in: 'One round trip to an upstream.',
}

/** All columns, in the order of the schema. */
export function schemaColumns(schema: readonly EntitySchema[] = SCHEMA): SchemaColumn[] {
  return schema.flatMap(({ options }) =>
    Object.entries(options.columns).map(([column, declared]) => {
      const { type, nullable = false, primary = false, comment = '' } = declared ?? {}
      const [cls = '', purpose = '', lifetime = ''] = comment.split(' · ')
      return {
        table: options.name,
        column,
        type: typeof type === 'string' ? type : '',
        nullable,
        primary,
        comment,
        class: cls,
        purpose,
        lifetime,
      }
    }),
  )
}

/** What is wrong with the declarations, as `table.column: …`; empty when each column says what it must. */
export function schemaProblems(columns: readonly SchemaColumn[]): string[] {
  const classes: readonly string[] = COLUMN_CLASSES
  return columns.flatMap((one) => {
    const at = `${one.table}.${one.column}`
    const problems: string[] = []
    if (!classes.includes(one.class)) problems.push(`${at}: no class of the closed list`)
    if (one.purpose.trim() === '') problems.push(`${at}: no purpose`)
    if (one.lifetime.trim() === '') problems.push(`${at}: no lifetime`)
    if (one.comment.split(' · ').length > 3) problems.push(`${at}: more than class, purpose and lifetime`)
    if (one.column.endsWith('_sealed') !== /^(bearer-)?sealed$/.test(one.class))
      problems.push(`${at}: a sealed column is called …_sealed, and no other is`)
    const deadline = columns.find(({ table, column }) => table === one.table && column === 'expires_at')
    if (one.lifetime === 'until expires_at' && deadline?.nullable !== false)
      problems.push(`${at}: lives until expires_at, which may be empty or is missing`)
    return problems
  })
}

/** The document, as Markdown. */
export function schemaDocument(): string {
  const columns = schemaColumns()
  const tables = [...new Set(columns.map(({ table }) => table))]
  const legend = COLUMN_CLASSES.map((name) => `| \`${name}\` | ${CLASSES[name]} |`)
  const sections = tables.map((table) => {
    const rows = columns
      .filter((one) => one.table === table)
      .map(
        (one) =>
          `| \`${one.column}\`${one.primary ? ' (key)' : ''} | ${one.type} | ${one.nullable ? 'yes' : 'no'} | \`${one.class}\` | ${one.purpose} | ${one.lifetime} |`,
      )
    return `## ${table}

${TABLES[table] ?? ''}

| Column | Type | May be empty | Class | Purpose | Lifetime |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`
  })
  return `# What is stored

Generated from \`src/storage/schema.ts\` by \`npm run schema-doc\`; don’t edit it by hand.

Each column has a class, a purpose and a lifetime, and carries them as its comment in the database. There is no other class: a value
of a person’s profile is \`sealed\`, or it is not stored.

| Class | Means |
| --- | --- |
${legend.join('\n')}

${sections.join('\n')}`
}

if (import.meta.main) writeFileSync(SCHEMA_DOCUMENT, schemaDocument())
