// The compiler refuses every step left out in brands.ts, and for the reason that stands there.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const MARK = /^\s*\/\/ @ts-expect-error (\w+): \S/
const text = readFileSync(join(import.meta.dirname, 'brands.ts'), 'utf8')
const marks = text
  .split('\n')
  .flatMap((line, index) => (MARK.test(line) ? [{ line: index + 2, type: MARK.exec(line)?.[1] ?? '' }] : []))

let folder: string
beforeAll(() => {
  mkdirSync(join(ROOT, 'tmp'), { recursive: true })
  folder = mkdtempSync(join(ROOT, 'tmp', 'brands-'))
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', include: ['brands.ts'] }),
  )
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** What the compiler says of a text in the place of brands.ts: its status and, by line of that file, the errors. */
function compile(source: string): { status: number | null; errors: Map<number, string>; output: string } {
  writeFileSync(join(folder, 'brands.ts'), source)
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { status, stdout } = spawnSync(process.execPath, [compiler, '--noEmit', '-p', folder], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const errors = new Map<number, string>()
  for (const part of stdout.split(/^(?=\S)/m)) {
    const line = /brands\.ts\((\d+),/.exec(part)?.[1]
    if (line !== undefined) errors.set(Number(line), part)
  }
  return { status, errors, output: stdout }
}

describe('leaving out a step', () => {
  test('is tried in every way', () => {
    expect(marks.filter(({ type }) => type === 'upstreamBrand').length).toBeGreaterThanOrEqual(3)
    expect(marks.filter(({ type }) => type === 'minimalBrand').length).toBeGreaterThanOrEqual(5)
    expect(marks.filter(({ type }) => type === 'sealedBrand').length).toBeGreaterThanOrEqual(6)
    expect(text.match(/@ts-(expect-error|ignore|nocheck)/g)).toHaveLength(marks.length)
  })

  test("doesn't compile", () => {
    expect(compile(text)).toMatchObject({ status: 0, output: '' })
  })

  test("doesn't compile because of the brand that is missing", () => {
    const { status, errors } = compile(text.replaceAll('@ts-expect-error', 'refused:'))
    expect(status).not.toBe(0)
    expect([...errors.keys()]).toEqual(marks.map(({ line }) => line))
    for (const { line, type } of marks) expect(errors.get(line)).toContain(type)
  })

  test('would be noticed', () => {
    const bypassed = text.replace(
      'sealProfile(key, place, fields)',
      'sealProfile(key, place, fields as never)',
    )
    expect(bypassed).not.toBe(text)
    expect(compile(bypassed).output).toContain("TS2578: Unused '@ts-expect-error' directive")
  })
})
