// The `narrowgate` command as people run it: a process of its own, in a folder with a configuration.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withClient } from '../../demo/postgres/databases.ts'
import { cloneDatabase, type TestDatabase } from '../support/database.ts'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')
const SECRET = 'k3Zb7Qm0y5Tn8Wc1Vx4Rf6Hd9Lp2Js0Gu7Ea3'

let folder: string
let database: TestDatabase
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'))
  database = await cloneDatabase()
})
afterAll(async () => {
  await database.drop()
  rmSync(folder, { recursive: true })
})

/** A new folder with a configuration whose keyring is still to be made. */
function machine(name: string): string {
  const at = join(folder, name)
  mkdirSync(at)
  writeFileSync(
    join(at, 'narrowgate.yaml'),
    `issuer: https://id.widgets.org
production: false
keyring: { path: keys/keyring.json }
connectors:
  - { id: google, kind: google, clientId: 421-a.apps.googleusercontent.com, clientSecret: { env: GOOGLE_CLIENT_SECRET } }
controller:
  name: Widgets
  contact: privacy@widgets.org
  dpo: dpo@widgets.org
  supervisoryAuthority: { name: An authority, url: https://authority.widgets.org }
notice: { version: '1', url: https://www.widgets.org/privacy }
terms: { version: '1', url: https://www.widgets.org/terms }
`,
  )
  return at
}
const app = (id: string, more = ''): string => `
  - id: ${id}
    name: ${id}
    secret: ${SECRET}-${id}
    redirectUris: [https://${id}.widgets.org/callback]
${more}`
const write = (at: string, apps: string): void => {
  writeFileSync(join(at, 'clients.yaml'), `clients:${apps}\n`)
}
const secrets = (): Record<string, string> => ({
  DATABASE_URL: database.url,
  GOOGLE_CLIENT_SECRET: 'GOCSPX-w7RrmZ0Qy3vUeK1s',
})

async function run(at: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: at,
    env: { PATH: process.env['PATH'], NARROWGATE_CONFIG: 'narrowgate.yaml', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (part: string) => (said.out += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (said.err += part))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...said }
}

describe('narrowgate', () => {
  test('--help says what there is and shows examples', async () => {
    const { code, out, err } = await run(folder, ['--help'])
    expect([code, err]).toEqual([0, ''])
    for (const word of [
      'Usage: narrowgate',
      'keys',
      'clients',
      'narrowgate clients apply config/clients.yaml',
    ])
      expect(out).toContain(word)
  })

  test('shows the help after what it does not know', async () => {
    const { code, err } = await run(folder, ['key', 'init'])
    expect(code).toBe(1)
    expect(err).toContain("unknown command 'key'")
    expect(err).toContain('Usage: narrowgate')
  })
})

describe('narrowgate keys init', () => {
  test('makes the keyring of the configuration on a new machine, without secrets or database', async () => {
    const at = machine('new')
    const { code, out, err } = await run(at, ['keys', 'init'])
    expect([code, err]).toEqual([0, ''])
    const path = join(at, 'keys/keyring.json')
    const { keys } = JSON.parse(readFileSync(path, 'utf8')) as { keys: { id: string; key: string }[] }
    expect(keys).toHaveLength(1)
    expect(out).toContain(`with key ${keys[0]?.id}.`)
    expect(out).not.toContain(keys[0]?.key)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(at, 'keys')).mode & 0o777).toBe(0o700)
  })

  test('--file needs no configuration, and never overwrites', async () => {
    const at = join(folder, 'bare')
    mkdirSync(at)
    const first = await run(at, ['keys', 'init', '--file', 'own/keyring.json'])
    expect([first.code, first.err]).toEqual([0, ''])
    const before = readFileSync(join(at, 'own/keyring.json'))
    expect(statSync(join(at, 'own/keyring.json')).mode & 0o777).toBe(0o600)
    const second = await run(at, ['keys', 'init', '--file', 'own/keyring.json'])
    expect([second.code, second.out]).toEqual([1, ''])
    expect(second.err).toContain('never overwritten')
    expect(readFileSync(join(at, 'own/keyring.json'))).toEqual(before)
  })

  test('without --file and configuration says which file to write', async () => {
    const at = join(folder, 'none')
    mkdirSync(at)
    const { code, err } = await run(at, ['keys', 'init'])
    expect(code).toBe(1)
    expect(err).toContain("narrowgate.yaml: 1 problem\n  can't be read; copy config/narrowgate.example.yaml")
  })

  test('refuses a folder that others can list', async () => {
    const at = machine('open')
    mkdirSync(join(at, 'keys'), { mode: 0o755 })
    const { code, err } = await run(at, ['keys', 'init'])
    expect(code).toBe(1)
    expect(err).toContain('keyring.path lies in the folder')
  })
})

describe('narrowgate clients apply', () => {
  let at: string
  beforeAll(async () => {
    at = machine('apps')
    await run(at, ['keys', 'init'])
  })
  const apply = (...more: string[]) => run(at, ['clients', 'apply', 'clients.yaml', ...more], secrets())

  test('stores the apps of a file; the same file again changes nothing', async () => {
    write(at, app('editor') + app('desk'))
    expect(await apply()).toEqual({
      code: 0,
      out: 'added: editor, desk\nchanged: -\nremoved: -\nunchanged: -\n',
      err: '',
    })
    const rows = () =>
      withClient(database.url, (db) => db.query('select *, xmin::text as written from client order by id'))
    const before = (await rows()).rows as unknown[]
    expect((await apply()).out).toBe('added: -\nchanged: -\nremoved: -\nunchanged: editor, desk\n')
    expect((await rows()).rows).toEqual(before)
    expect(JSON.stringify(before)).not.toContain(SECRET)
  })

  test('--dry-run says what would change and changes nothing', async () => {
    write(at, app('editor', '    enabled: false\n') + app('archive'))
    const expected = 'added: archive\nchanged: editor\nremoved: desk\nunchanged: -\n'
    expect((await apply('--dry-run')).out).toBe(expected)
    // So the first run changed none.
    expect((await apply()).out).toBe(expected)
  })

  test('names each problem of an invalid file, quotes no secret and leaves the database alone', async () => {
    write(at, app('editor', '    colour: red\n    leeway: 1min\n') + app('editor'))
    const untouched = { ...secrets(), DATABASE_URL: 'postgres://nobody:n6Wq2xTz8Lc4@127.0.0.1:1/none' }
    const { code, out, err } = await run(at, ['clients', 'apply', 'clients.yaml'], untouched)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^narrowgate: clients: 4 problems\n/)
    for (const problem of ['clients[0].colour', 'clients[0].leeway', 'clients[1].id', 'clients[1].secret'])
      expect(err).toContain(`\n  ${problem} `)
    expect(err).not.toContain(SECRET)
    expect(err).not.toContain('    at ')
  })

  test('names a file that is not there', async () => {
    const { code, err } = await run(at, ['clients', 'apply', 'nothing.yaml'], secrets())
    expect([code, err]).toEqual([1, "narrowgate: nothing.yaml can't be read\n"])
  })

  test('names each thing that the configuration lacks', async () => {
    const { code, err } = await run(at, ['clients', 'apply', 'clients.yaml'])
    expect(code).toBe(1)
    expect(err).toContain('GOOGLE_CLIENT_SECRET, which is not set')
    expect(err).toContain('DATABASE_URL is not set')
  })

  test('says that the database does not answer', async () => {
    write(at, app('editor'))
    const gone = { ...secrets(), DATABASE_URL: 'postgres://nobody:n6Wq2xTz8Lc4@localhost:1/none' }
    const { code, err } = await run(at, ['clients', 'apply', 'clients.yaml'], gone)
    expect(code).toBe(1)
    expect(err).toMatch(/^narrowgate: .*ECONNREFUSED/)
    expect(err).not.toContain('n6Wq2xTz8Lc4')
  })
})
