/** The embedded PostgreSQL on the machines it has to work on: as root or not, in a folder nobody else may enter, after a crash. */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { withClient } from '../../demo/postgres/databases.ts'
import { inspect } from '../../demo/postgres/processes.ts'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../demo/postgres.ts'
import { findLeashes, makeCheckout, programme, scratch, settings, startInChild } from './postgres/child.ts'
import { ask, run, sendThousand } from './postgres/queries.ts'

const asRoot = process.getuid?.() === 0

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true })
})

describe('the embedded PostgreSQL', () => {
  test('never runs as root', async () => {
    const server = await startEmbeddedPostgres({ dataDir: join(scratch, 'user'), settings })
    const owner = statSync(join(server.folder, 'data')).uid
    expect(await ask(server.url)).toMatch(/^PostgreSQL 18/)
    await server.stop({ remove: true })
    if (asRoot) expect(owner).not.toBe(0)
    else expect(owner).toBe(process.getuid?.())
  })

  // Where Node itself lies out of everyone else's reach, nobody else can try.
  const other = { uid: 65_534, gid: 65_534 }
  const nobodyCan = asRoot && spawnSync(process.execPath, ['-v'], other).status === 0
  // Skipped only where the machine makes it impossible: no root to become another user, or a Node that others can't reach.
  const asAnother = nobodyCan ? test : test.skip // reason: above; it ran wherever root starts the tests
  asAnother('runs as the person themself when that is not root', async () => {
    const checkout = makeCheckout('person', 0o777)
    const child = await startInChild(checkout, other)
    expect(statSync(join(child.folder, 'data')).uid).toBe(other.uid)
    expect(child.folder).toBe(join(checkout, 'data'))
    expect(await child.killAndWait()).toBe(true)
  })

  test('works in a checkout of mode 700', async () => {
    const checkout = makeCheckout('closed', 0o700)
    const child = await startInChild(checkout)
    expect(await ask(child.url)).toMatch(/^PostgreSQL 18/)
    if (asRoot) expect(child.folder.startsWith(checkout)).toBe(false)
    expect(await child.killAndWait()).toBe(true)
  })

  test('starts again with its data after kill -9 of its parent and of the leash', async () => {
    const checkout = makeCheckout('crash', 0o755)
    const child = await startInChild(checkout)
    await run(child.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
    for (const leash of findLeashes(child.server)) process.kill(leash, 'SIGKILL')
    await child.kill()
    expect(inspect(child.server)).toBeDefined()

    const again = await startEmbeddedPostgres({ dataDir: child.folder, settings })
    expect(inspect(child.server)).toBeUndefined()
    expect(await ask(again.url, 'SELECT answer::text FROM kept')).toBe('42')
    await again.stop({ remove: true })
  })

  test('ends by itself when its parent is killed', async () => {
    const child = await startInChild(makeCheckout('leash', 0o755))
    expect(inspect(child.server)).toBeDefined()
    expect(await child.killAndWait()).toBe(true)
  })

  test('names the way out on a platform without binaries', () => {
    const body = `Object.defineProperty(process, 'arch', { value: 'mips' })
      await start().catch((error) => console.error(error.code, error.message))`
    const args = programme(makeCheckout('mips', 0o755), body)
    const { stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(stderr).toMatch(/^unsupported no embedded PostgreSQL for .*-mips .* set DATABASE_URL .*\n$/)
  })
})

describe('a running server', () => {
  let server: EmbeddedPostgres
  let other: string

  beforeAll(async () => {
    server = await startEmbeddedPostgres({ dataDir: join(scratch, 'running'), countable: true, settings })
    other = await server.createDatabase('other')
  })

  afterAll(() => server.stop({ remove: true }))

  test('refuses to share its folder', async () => {
    await expect(startEmbeddedPostgres({ dataDir: join(scratch, 'running') })).rejects.toMatchObject({
      code: 'in_use',
    })
  })

  test('keeps its password to itself', () => {
    expect(statSync(join(server.folder, 'password')).mode & 0o077).toBe(0)
  })

  test('is reached by its socket and asks for the password there too', async () => {
    const { password, port } = new URL(server.url)
    const options = { host: server.socketDir, port: Number(port), user: 'postgres', database: 'postgres' }
    const client = new Client({ ...options, password })
    await client.connect()
    await client.end()
    await expect(new Client({ ...options, password: 'wrong' }).connect()).rejects.toMatchObject({
      code: '28P01',
    })
  })

  test('writes no parameter of a statement to its log, not even when it fails', async () => {
    await expect(run(server.url, 'SELECT 1 / ($1::text = $1)::int / 0', ['ada@example.org'])).rejects.toThrow(
      'division by zero',
    )
    expect(server.log.join('\n')).toContain('division by zero')
    expect(server.log.join('\n')).not.toContain('ada@example.org')
  })

  test('copies a template', async () => {
    await run(other, 'CREATE TABLE t AS SELECT 7 AS n')
    const copy = await server.createDatabase('copied', 'other')
    expect(await ask(copy, 'SELECT n::text FROM t')).toBe('7')
    await server.dropDatabase('copied')
    await expect(ask(copy)).rejects.toMatchObject({ code: '3D000' })
  })

  test('refuses a database name that would have to be quoted', async () => {
    await expect(server.createDatabase('x; DROP DATABASE other')).rejects.toThrow(TypeError)
  })

  test('countStatements() counts every round trip once, transaction control included', async () => {
    await run(server.url, 'SELECT 0')
    const counted = await server.countStatements(() =>
      withClient(server.url, async (client) => {
        await client.query('BEGIN')
        await client.query('SELECT $1::int', [1])
        await client.query({ name: 'named', text: 'SELECT 2' })
        await client.query({ name: 'named', text: 'SELECT 2' })
        await client.query("SELECT 'a\npostgres|LOG:  statement: not a statement'")
        await client.query('SELECT 3; SELECT 4')
        await client.query('ROLLBACK')
        return 'result'
      }),
    )
    await run(server.url, 'SELECT 5')
    expect(counted.result).toBe('result')
    expect(counted.lines).toEqual([
      'statement: BEGIN',
      'execute <unnamed>: SELECT $1::int',
      'execute named: SELECT 2',
      'execute named: SELECT 2',
      "statement: SELECT 'a\n\tpostgres|LOG:  statement: not a statement'",
      'statement: SELECT 3; SELECT 4',
      'statement: ROLLBACK',
    ])
    expect(counted.statements).toBe(7)
  })

  test('countStatements() counts one database alone, and none when nothing happens', async () => {
    const both = async () => {
      await Promise.all([run(server.url, 'SELECT 1'), run(other, 'SELECT 2'), run(other, 'SELECT 3')])
    }
    const [one, all] = [await server.countStatements(both, 'other'), await server.countStatements(both)]
    expect(one.lines.toSorted()).toEqual(['statement: SELECT 2', 'statement: SELECT 3'])
    expect(all.statements).toBe(3)
    expect((await server.countStatements(async () => {})).statements).toBe(0)
  })

  test('countStatements() stays exact with a thousand statements on twenty connections', async () => {
    expect((await server.countStatements(() => sendThousand(other))).statements).toBe(1_000)
  })

  test('countStatements() does not swallow a failure', async () => {
    await expect(server.countStatements(() => run(server.url, 'SELECT 1 / 0'))).rejects.toThrow(
      'division by zero',
    )
  })

  test('stop() leaves no process and no claim, and may be called twice', async () => {
    const short = await startEmbeddedPostgres({ dataDir: join(scratch, 'short'), settings })
    const leashes = findLeashes(short.pid)
    await short.stop()
    await short.stop()
    expect(leashes).toHaveLength(1)
    expect(inspect(short.pid)).toBeUndefined()
    expect(findLeashes(short.pid)).toEqual([])
    expect(existsSync(join(short.folder, 'owner'))).toBe(false)
    const again = await startEmbeddedPostgres({ dataDir: join(scratch, 'short'), settings })
    await again.stop({ remove: true })
    expect(existsSync(again.folder)).toBe(false)
  })
})
