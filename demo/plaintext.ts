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
    const found: Found[] = []
    for (const { table_name: table, column_name: column, data_type: type } of columns.rows) {
      const id = `"${table}"."${column}"`
      const hex = type === 'bytea' ? `encode(${id}, 'hex')` : `encode(convert_to(${id}::text, 'UTF8'), 'hex')`
      const rows = await client.query<{ hex: string }>(
        `select ${hex} as hex from "${table}" where ${id} is not null`,
      )
      const haystack = rows.rows.map((row) => row.hex).join('\n')
      for (const value of values) {
        if (needles(value).some((needle) => haystack.includes(needle))) found.push({ table, column, value })
      }
    }
    return found
  } finally {
    await client.end()
  }
}

/** A value's forms, each in hex: as it is, JSON-escaped, in hex of both cases, in base64 and base64url at the three alignments, UTF-16. */
function needles(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8')
  const forms = [
    bytes,
    Buffer.from(JSON.stringify(value).slice(1, -1)),
    Buffer.from(encodeURIComponent(value)),
    Buffer.from(bytes.toString('hex')),
    Buffer.from(bytes.toString('hex').toUpperCase()),
    Buffer.from(value, 'utf16le'),
    Buffer.from([...value].toReversed().join('')),
  ]
  for (const offset of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // The first and last characters depend on the neighbours.
    const core = shifted.slice(offset === 0 ? 0 : offset + 1, -2)
    if (core.length >= 6)
      forms.push(Buffer.from(core), Buffer.from(core.replaceAll('+', '-').replaceAll('/', '_')))
  }
  return [...new Set(forms.map((form) => form.toString('hex')))]
}
