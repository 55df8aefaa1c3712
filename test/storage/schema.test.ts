// The schema, the migrations, the database's comments and the document say the same; no column goes without class, purpose, lifetime.
import { readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { EntitySchema } from 'typeorm'
import { createDatabase, dropDatabase, withClient } from '../../demo/postgres/databases.ts'
import { migrate, MIGRATIONS, openDatabase, type Database } from '../../src/storage/database.ts'
import {
  SCHEMA_DOCUMENT,
  schemaColumns,
  schemaDocument,
  schemaProblems,
  type SchemaColumn,
} from '../../src/storage/schema-doc.ts'
import { SCHEMA } from '../../src/storage/schema.ts'
import { cloneDatabase, WORKER_ENV, type TestDatabase } from '../support/database.ts'

let clone: TestDatabase
let database: Database
beforeAll(async () => {
  clone = await cloneDatabase()
  database = await openDatabase(clone.url, 2)
})
afterAll(async () => {
  await database.close()
  await clone.drop()
})

type Stored = { table: string; column: string; type: string; nullable: boolean; comment: string | null }

/** The columns of our tables as PostgreSQL knows them. */
const storedColumns = (from: Database): Promise<Stored[]> =>
  from.query<Stored>(
    `select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable,
            col_description(c.oid, a.attnum) as comment
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname <> 'migration'
       and a.attnum > 0 and not a.attisdropped
     order by 1, 2`,
  )

const declared = (): Stored[] =>
  schemaColumns()
    .map(({ table, column, type, nullable, comment }) => ({
      table,
      column,
      type: type === 'timestamptz' ? 'timestamp with time zone' : type,
      nullable,
      comment,
    }))
    .toSorted((a, b) => {
      const [left, right] = [`${a.table} ${a.column}`, `${b.table} ${b.column}`]
      return left < right ? -1 : 1
    })

const sorted = (rows: readonly Stored[]): Stored[] =>
  rows.toSorted((a, b) => (`${a.table} ${a.column}` < `${b.table} ${b.column}` ? -1 : 1))

describe('the migrations', () => {
  test('leave nothing for the schema to change', async () => {
    const { upQueries } = await database.dataSource.driver.createSchemaBuilder().log()
    expect(upQueries.map(({ query }) => query)).toEqual([])
  })

  test('make the same columns with the same comments', async () => {
    expect(sorted(await storedColumns(database))).toEqual(declared())
  })

  test('that drift from the schema are noticed', async () => {
    const other = await cloneDatabase()
    const drifted = await openDatabase(other.url, 2)
    try {
      await drifted.query('alter table account add column nickname text')
      await drifted.query("comment on column account.id is 'operational · something else · for ever'")
      const { upQueries } = await drifted.dataSource.driver.createSchemaBuilder().log()
      expect(upQueries.map(({ query }) => query).join('\n')).toMatch(/nickname/)
      expect(sorted(await storedColumns(drifted))).not.toEqual(declared())
    } finally {
      await drifted.close()
      await other.drop()
    }
  })

  test('go down to nothing and up again', async () => {
    const server = process.env[WORKER_ENV.url] ?? ''
    const name = `${process.env[WORKER_ENV.prefix] ?? ''}${randomBytes(6).toString('hex')}`
    const url = await createDatabase(server, name)
    try {
      await migrate(url)
      const empty = await openDatabase(url, 2)
      try {
        const first = await storedColumns(empty)
        expect(first.length).toBeGreaterThan(80)
        const migrations = await empty.query('select 1 from migration')
        for (const _ of migrations) await empty.dataSource.undoLastMigration({ transaction: 'each' })
        expect(await storedColumns(empty)).toEqual([])
        expect(
          await empty.query("select proname from pg_proc where pronamespace = 'public'::regnamespace"),
        ).toEqual([])
        await migrate(url)
        expect(await storedColumns(empty)).toEqual(first)
        const { upQueries } = await empty.dataSource.driver.createSchemaBuilder().log()
        expect(upQueries).toEqual([])
      } finally {
        await empty.close()
      }
    } finally {
      await dropDatabase(server, name)
    }
  })

  test('that two replicas start at once run once', async () => {
    const server = process.env[WORKER_ENV.url] ?? ''
    const name = `${process.env[WORKER_ENV.prefix] ?? ''}${randomBytes(6).toString('hex')}`
    const url = await createDatabase(server, name)
    try {
      await Promise.all([migrate(url), migrate(url), migrate(url)])
      const { rows } = await withClient(url, (client) =>
        client.query<{ count: string }>('select count(*) from migration'),
      )
      expect(rows).toEqual([{ count: String(MIGRATIONS.length) }])
    } finally {
      await dropDatabase(server, name)
    }
  })
})

const planted = (comment: string | undefined, name = 'note'): SchemaColumn[] =>
  schemaColumns([
    ...SCHEMA,
    new EntitySchema<Record<string, unknown>>({
      name: 'planted',
      columns: {
        id: { type: 'uuid', primary: true, comment: 'pseudonym · whose · until expires_at' },
        expires_at: { type: 'timestamptz', comment: 'operational · deadline · until expires_at' },
        [name]: { type: 'text', ...(comment === undefined ? {} : { comment }) },
      },
    }),
  ])

describe('the columns', () => {
  test('each have a class of the closed list, a purpose and a lifetime', () => {
    expect(schemaProblems(schemaColumns())).toEqual([])
  })

  test('with a lifetime have a deadline that can not be empty', async () => {
    const tables = new Set(
      schemaColumns()
        .filter(({ lifetime }) => lifetime === 'until expires_at')
        .map(({ table }) => table),
    )
    expect([...tables]).toEqual(expect.arrayContaining(['record', 'replay', 'session_client', 'sign_in']))
    const deadlines = (await storedColumns(database)).filter(({ column }) => column === 'expires_at')
    expect(deadlines.map(({ table, nullable }) => ({ table, nullable }))).toEqual(
      [...tables].toSorted().map((table) => ({ table, nullable: false })),
    )
  })

  test.each([
    ['without a comment', planted(undefined), /no class/],
    ['of a class that is not on the list', planted('personal · a note · for ever'), /no class/],
    ['without a purpose', planted('operational ·  · for ever'), /no purpose/],
    ['without a lifetime', planted('operational · a note'), /no lifetime/],
    ['with more parts than three', planted('operational · a · b · c'), /more than/],
    ['called sealed that is not', planted('operational · a note · for ever', 'note_sealed'), /…_sealed/],
    ['that is sealed and not called so', planted('sealed · a note · for ever'), /…_sealed/],
  ])('%s fail the check', (_what, columns, problem) => {
    const problems = schemaProblems(columns)
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.every((line) => line.startsWith('planted.note'))).toBe(true)
    expect(problems.join('\n')).toMatch(problem)
  })

  test.each([
    ['may be empty', { type: 'timestamptz', nullable: true, comment: 'operational · deadline · with it' }],
    ['is missing', undefined],
  ] as const)('that live until a deadline which %s fail the check', (_what, deadline) => {
    const columns = schemaColumns([
      new EntitySchema<Record<string, unknown>>({
        name: 'planted',
        columns: {
          id: { type: 'uuid', primary: true, comment: 'pseudonym · whose · until expires_at' },
          ...(deadline === undefined ? {} : { expires_at: deadline }),
        },
      }),
    ])
    expect(schemaProblems(columns)).toEqual([expect.stringMatching(/^planted\.id: lives until expires_at/)])
  })
})

describe('docs/storage-schema.md', () => {
  test('is what `npm run schema-doc` writes now', () => {
    expect(readFileSync(SCHEMA_DOCUMENT, 'utf8')).toBe(schemaDocument())
  })

  test('names every table with its purpose and every column', () => {
    const document = schemaDocument()
    for (const { options } of SCHEMA) {
      expect(document).toMatch(new RegExp(`## ${options.name}\\n\\n[A-Z].*\\.\\n`))
      for (const column of Object.keys(options.columns)) expect(document).toContain(`| \`${column}\``)
    }
  })
})
