// The vectors that other implementations test against, made by an independent one. docs/envelope.md shows two of them.
import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { bearerKey, open, sealedFromStorage, sealingKey, unpad } from '../../src/crypto/envelope.ts'

const vector = z.strictObject({
  name: z.string(),
  key: z.union([z.strictObject({ bearer: z.string() }), z.strictObject({ id: z.hex(), raw: z.hex() })]),
  context: z.strictObject({
    purpose: z.string(),
    account: z.string(),
    table: z.string(),
    column: z.string(),
    row: z.string(),
    keyVersion: z.union([z.string(), z.number()]),
  }),
  sealed: z.hex(),
  padTo: z.number().optional(),
})
const fixture = z.strictObject({
  about: z.string(),
  opened: z.array(vector.extend({ plaintext: z.hex() })).min(6),
  refused: z.array(vector.extend({ code: z.string() })).min(20),
})
const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const file = fixture.parse(JSON.parse(read('../fixtures/envelope-vectors.json')))
const page = read('../../docs/envelope.md')

const bytes = (hex: string) => Buffer.from(hex, 'hex')

function opened({ key, context, sealed, padTo }: z.infer<typeof vector>): string {
  const sealing = 'bearer' in key ? bearerKey(key.bearer) : sealingKey(bytes(key.id), bytes(key.raw))
  const plaintext = open(sealing, context, sealedFromStorage(bytes(sealed)))
  return Buffer.from(padTo === undefined ? plaintext : unpad(plaintext, padTo)).toString('hex')
}

describe('the vectors', () => {
  test.each(file.opened)('open: $name', (of) => {
    expect(opened(of)).toBe(of.plaintext)
  })

  test.each(file.refused)('do not open: $name ($code)', (of) => {
    expect(() => opened(of)).toThrow(expect.objectContaining({ code: of.code }))
  })

  test('on the page are those of the fixture', () => {
    const shown = page.match(/^sealed {5}([0-9a-f]+)$/gm) ?? []
    expect(shown.map((line) => line.slice(11))).toEqual(file.opened.slice(0, 2).map(({ sealed }) => sealed))
  })
})
