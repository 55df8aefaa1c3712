// Looks for values in every column of every table: as text, as bytes, in hex, in base64. A search proves nothing unless it can find:
// the tests plant a value in each type of column first.
import { Client } from 'pg'

export type Found = { readonly table: string; readonly column: string; readonly value: string }

/** Where any of the values stands in clear. */
export async function findPlaintext(databaseUrl: string, values: readonly string[]): Promise<Found[]> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const columns = await client.query<{ table_name: string; column_name: string; data_type: string }>(
      `select c.table_name, c.column_name, c.data_type from information_schema.columns c
       join information_schema.tables t using (table_schema, table_name)
       where table_schema = 'public' and t.table_type = 'BASE TABLE' order by 1, 2`,
    )
    const forms = formsOf(values)
    const found: Found[] = []
    for (const { table_name: table, column_name: column, data_type: type } of columns.rows) {
      const id = `"${table}"."${column}"`
      const bytes = type === 'bytea' ? id : `convert_to(${id}::text, 'UTF8')`
      const rows = await client.query<{ bytes: Buffer }>(
        `select ${bytes} as bytes from "${table}" where ${id} is not null`,
      )
      const haystack = rows.rows.map((row) => row.bytes.toString('latin1')).join('\n')
      found.push(...search(haystack, forms).map((value) => ({ table, column, value })))
    }
    return found
  } finally {
    await client.end()
  }
}

/**
 * A value's forms, each byte a character: as it is, JSON-escaped, URL-encoded, reversed, in hex of both cases, in base64 and base64url at the three
 * alignments, in UTF-16 of both orders; of a value that is itself 32 hex digits also its sixteen bytes and their base64, and as a uuid.
 */
function needles(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8')
  const forms = [
    bytes,
    Buffer.from(JSON.stringify(value).slice(1, -1)),
    Buffer.from(encodeURIComponent(value)),
    Buffer.from(bytes.toString('hex')),
    Buffer.from(bytes.toString('hex').toUpperCase()),
    Buffer.from(value, 'utf16le'),
    Buffer.from(value, 'utf16le').swap16(),
    Buffer.from(Array.from(value).toReversed().join('')),
    ...base64Forms(bytes),
  ]
  if (/^[0-9a-f]{32}$/i.test(value)) {
    const raw = Buffer.from(value, 'hex')
    const dashed = value.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    forms.push(raw, Buffer.from(dashed), ...base64Forms(raw))
  }
  return [...new Set(forms.map((form) => form.toString('latin1')))]
}

function base64Forms(bytes: Buffer): Buffer[] {
  return [0, 1, 2].flatMap((offset) => {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // The first and last characters depend on the neighbours.
    const core = shifted.slice(offset === 0 ? 0 : offset + 1, -2)
    return core.length < 6
      ? []
      : [Buffer.from(core), Buffer.from(core.replaceAll('+', '-').replaceAll('/', '_'))]
  })
}

/** Which of the values stand in a text, in any of the forms. */
export const findInText = (text: string, values: readonly string[]): string[] =>
  search(Buffer.from(text, 'utf8').toString('latin1'), formsOf(values))

const formsOf = (values: readonly string[]): ReadonlyMap<string, readonly string[]> =>
  new Map(values.map((value) => [value, needles(value)]))

const search = (haystack: string, forms: ReadonlyMap<string, readonly string[]>): string[] =>
  [...forms]
    .filter(([, needed]) => needed.some((needle) => haystack.includes(needle)))
    .map(([value]) => value)
