// Arrows point inward (design §3): every source file keeps the borders of its room, and every rule is shown to bite.
import { describe, expect, test } from '@jest/globals'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { borderProblems, importsOf, roomOf, shapeProblems, wordProblems, type Source } from './rules.ts'

const ROOT = join(import.meta.dirname, '../..')

const sources = (pattern: string): Source[] =>
  globSync(pattern, { cwd: ROOT }).map((path) => ({
    path: path.replaceAll('\\', '/'),
    text: readFileSync(join(ROOT, path), 'utf8'),
  }))
const SRC = sources('src/**/*.ts')
const MIGRATIONS = sources('migrations/*.ts')
const DEMO = sources('demo/**/*.ts')

const wrong = (all: readonly Source[], problems: (source: Source) => string[]): string[] =>
  all.flatMap((source) => problems(source).map((problem) => `${source.path}: ${problem}`))

describe('the house', () => {
  test('is all there', () => {
    const rooms = new Set(SRC.map(({ path }) => roomOf(path)))
    expect([...rooms]).toEqual(
      expect.arrayContaining(['core', 'crypto', 'connectors', 'issuer', 'storage', 'http', 'compose']),
    )
    expect(SRC.flatMap(importsOf).length).toBeGreaterThan(200)
  })

  test('keeps the borders of its rooms', () => {
    expect(wrong([...SRC, ...MIGRATIONS], borderProblems)).toEqual([])
  })

  test('makes brands, reads the environment and goes out in one place each', () => {
    expect(wrong(SRC, wordProblems)).toEqual([])
  })

  test('has files that people read whole', () => {
    expect(wrong([...SRC, ...DEMO], shapeProblems)).toEqual([])
  })
})

describe('the scanner', () => {
  test('finds every way to import', () => {
    const text = `import a from 'a'
import type { B } from "b"
import {
  c,
  type D,
} from 'c'
import 'd'
export { e } from 'e'
export * from 'f'
const g = await import('g')
const h = require('h')
const i = await import(name)
// import j from 'j'
 * import k from 'k'
const text = 'import l'`
    expect(importsOf({ path: 'src/x.ts', text }).toSorted()).toEqual(
      ['<computed>', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].toSorted(),
    )
  })

  test.each([
    ['src/core/model.ts', 'core'],
    ['src/http/pages/shell.ts', 'http'],
    ['src/config/values.ts', 'config'],
    ['src/config.ts', 'config'],
    ['src/compose-cli.ts', 'compose'],
    ['src/main.ts', 'main'],
    ['demo/main.ts', 'demo'],
  ])('puts %s into the room %s', (path, room) => {
    expect(roomOf(path)).toBe(room)
  })
})

describe('the borders bite', () => {
  const EDGES = ['connectors', 'issuer', 'signals', 'audit', 'kms', 'storage', 'http', 'cli']

  test.each(EDGES.flatMap((from) => EDGES.filter((to) => to !== from).map((to) => [from, to])))(
    'between %s and %s',
    (from, to) => {
      const source = { path: `src/${from}/a.ts`, text: `import { b } from '../${to}/b.ts'\n` }
      expect(borderProblems(source)).toEqual([`${from} doesn't import ${to}`])
    },
  )

  test.each([
    ['src/core/a.ts', "import { b } from '../http/b.ts'", "core doesn't import http"],
    ['src/core/a.ts', "import type { b } from '../storage/b.ts'", "core doesn't import storage"],
    ['src/core/a.ts', "import { Buffer } from 'node:buffer'", 'core imports no node:buffer'],
    ['src/core/a.ts', "import { z } from 'zod'", 'core imports no zod'],
    ['src/crypto/a.ts', "import { b } from '../core/b.ts'", "crypto doesn't import core"],
    ['src/http/pages/a.ts', "import { b } from '../../issuer/b.ts'", "http doesn't import issuer"],
    ['src/http/a.ts', "import { b } from '../compose.ts'", "http doesn't import compose"],
    ['src/issuer/a.ts', "import { b } from '../config.ts'", "issuer doesn't import config"],
    ['src/config.ts', "import { b } from './http/b.ts'", "config doesn't import http"],
    ['src/main.ts', "import { b } from './storage/b.ts'", "main doesn't import storage"],
    ['src/compose.ts', "import { b } from '../demo/b.ts'", "compose doesn't import demo"],
    ['src/cli/a.ts', "const b = await import('../../test/b.ts')", "cli doesn't import test"],
    ['src/storage/a.ts', 'const b = await import(name)', 'an import is a literal'],
    ['src/helpers/a.ts', '', 'helpers is no room of the house'],
    ['src/http/a.ts', "import { createHash } from 'node:crypto'", 'node:crypto belongs to crypto'],
    ['src/issuer/a.ts', "import { decodeJwt } from 'jose'", 'jose belongs to crypto'],
    ['src/issuer/a.ts', "import * as client from 'openid-client'", 'openid-client belongs to connectors'],
    ['src/http/a.ts', "import type { Provider } from 'oidc-provider'", 'oidc-provider belongs to issuer'],
    ['src/http/a.ts', "import { x } from 'oidc-provider/lib/x.js'", 'oidc-provider belongs to issuer'],
    ['src/issuer/a.ts', "import { DataSource } from 'typeorm'", 'typeorm belongs to storage and migrations'],
    ['src/cli/a.ts', "import { Client } from 'pg'", 'pg belongs to storage'],
    ['migrations/a.ts', "import { Client } from 'pg'", 'pg belongs to storage'],
    ['src/issuer/a.ts', "import express from 'express'", 'express belongs to http'],
    ['src/connectors/a.ts', "import passport from 'passport'", 'passport belongs to http'],
    ['src/compose.ts', "import helmet from 'helmet'", 'helmet belongs to http'],
    ['src/connectors/a.ts', "import { z } from 'zod'", 'zod belongs to config'],
    ['src/cli/a.ts', "import { parse } from 'yaml'", 'yaml belongs to config'],
    ['src/kms/a.ts', "import { fetch } from 'undici'", 'undici belongs to outbound'],
  ])('in %s on %s', (path, text, problem) => {
    expect(borderProblems({ path, text })).toEqual([problem])
  })

  test.each([
    ['src/core/a.ts', "import { digest } from '../crypto/secrets.ts'\nimport { b } from './b.ts'"],
    ['src/http/a.ts', "import { b } from '../core/b.ts'\nimport express from 'express'"],
    ['src/storage/a.ts', "import { First } from '../../migrations/1-first.ts'\nimport { Client } from 'pg'"],
    ['src/config/a.ts', "import { z } from 'zod'\nimport { b } from '../config.ts'"],
    ['src/compose-cli.ts', "import { b } from './storage/b.ts'\nimport { c } from './kms/c.ts'"],
    ['src/cli/a.ts', "import { b } from '../compose-cli.ts'"],
  ])('in %s not on what may be there', (path, text) => {
    expect(borderProblems({ path, text })).toEqual([])
  })
})

describe('the words bite', () => {
  test.each([
    ['src/compose-cli.ts', 'const e = process.env', 'only config reads the environment'],
    ['src/http/a.ts', 'upstreamProfile({})', 'only connectors make an UpstreamProfile'],
    ['src/connectors/a.ts', 'const a = b as UpstreamProfile', 'only connectors make an UpstreamProfile'],
    ['src/core/confirm.ts', 'return rest as MinimalProfile', 'only minimise() makes a MinimalProfile'],
    [
      'src/storage/records.ts',
      'return bytes as Sealed',
      'only the envelope, and who reads its columns, makes Sealed',
    ],
    [
      'src/http/a.ts',
      'open(key, place, asSealed(bytes))',
      'only the envelope, and who reads its columns, makes Sealed',
    ],
    [
      'src/crypto/jwt.ts',
      'const f = (x: Uint8Array): x is Sealed => true',
      'only the envelope, and who reads its columns, makes Sealed',
    ],
    [
      'src/core/a.ts',
      'const s = sealedFromStorage(bytes)',
      'only who reads what was stored takes bytes for sealed',
    ],
    ['src/http/a.ts', 'readOwnClaims(jwt)', 'only issuer/claims.ts reads our tokens without proof'],
    ['src/issuer/a.ts', 'const id = crypto.randomUUID()', 'only crypto has randomness'],
    ['src/issuer/a.ts', 'const id = Math.random()', 'only crypto has randomness'],
    ['src/log.ts', 'console.error(1)', 'nobody but the command line prints'],
    ['src/connectors/a.ts', 'await fetch(url)', 'outbound is the only door out'],
    ['src/core/a.ts', 'const now = Date.now()', 'core has no clock of its own'],
    ['src/core/a.ts', 'const now = new Date()', 'core has no clock of its own'],
    ['src/http/a.ts', 'export default function a() {}', 'exports are named'],
    ['src/http/a.ts', 'export { a as default }', 'exports are named'],
    ['src/http/a.ts', 'export enum State { on }', 'types leave no code behind'],
    ['src/http/a.ts', '  const enum State { on }', 'types leave no code behind'],
    ['src/http/a.ts', 'declare namespace State {}', 'types leave no code behind'],
  ])('in %s on %s', (path, text, rule) => {
    expect(wordProblems({ path, text })).toEqual([rule])
  })

  test.each([
    ['src/http/a.ts', '// process.env is read by config alone'],
    ['src/http/a.ts', 'await outbound.fetch(url)'],
    ['src/http/a.ts', 'type Door = {\n  fetch(url: string): Promise<Response>\n}'],
    ['src/core/a.ts', 'const s = x as SealedSession'],
    ['src/issuer/policy.ts', "import { type default as Provider } from 'oidc-provider'"],
    ['src/cli/a.ts', "console.log('done')"],
  ])('in %s not on %s', (path, text) => {
    expect(wordProblems({ path, text })).toEqual([])
  })
})

describe('the shapes bite', () => {
  const lines = (count: number): string => `// What it is.\n${'\n'.repeat(count - 1)}`

  test.each([
    ['src/http/signIn.ts', lines(3), 'names are kebab-case'],
    ['src/http/sign_in.ts', lines(3), 'names are kebab-case'],
    ['src/http/a.ts', 'export const a = 1\n', 'a file opens with what it is'],
    ['src/cli/a.ts', '#!/usr/bin/env node\nexport const a = 1\n', 'a file opens with what it is'],
    ['src/http/a.ts', '//\nexport const a = 1\n', 'a file opens with what it is'],
    ['demo/a.ts', lines(301), 'a file has 300 lines at most'],
  ])('on %s', (path, text, problem) => {
    expect(shapeProblems({ path, text })).toEqual([problem])
  })

  test('and let be what is well shaped', () => {
    expect(shapeProblems({ path: 'src/http/pages/messages.de.ts', text: lines(300) })).toEqual([])
    expect(
      shapeProblems({ path: 'src/cli/main.ts', text: '#!/usr/bin/env node\n// The command.\n' }),
    ).toEqual([])
  })
})
