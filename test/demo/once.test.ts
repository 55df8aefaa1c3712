// `npm run demo -- --once` as a process of its own: what it reports, that two of them and a killed one are in nobody's way, and that it
// can fail at all.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ONCE_APP, runOnce, type OnceReport } from '../../demo/once.ts'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../demo/postgres.ts'
import { withClient } from '../../demo/postgres/databases.ts'
import { startSetting, type Setting } from '../../demo/setting.ts'

const ROOT = join(import.meta.dirname, '../..')
const CLAIMS = ['company', 'email', 'email_verified', 'name', 'picture', 'provider_id', 'sub']

describe('the command', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'narrowgate-once-'))
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  const start = () => {
    const child = spawn(process.execPath, [join(ROOT, 'demo/main.ts'), '--once'], { cwd: folder })
    const [output, errors]: [string[], string[]] = [[], []]
    child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
    const ended = new Promise<{ code: number | null; last: string; errors: string }>((resolve) => {
      child.once('close', (code) => {
        const last = output.join('').trimEnd().split('\n').at(-1) ?? ''
        resolve({ code, last, errors: errors.join('') })
      })
    })
    return { child, ended }
  }

  test('ends with its report as one line of JSON, also while another one runs', async () => {
    const ends = await Promise.all([start().ended, start().ended])
    for (const { code, last, errors } of ends) {
      expect({ code, errors }).toEqual({ code: 0, errors: '' })
      const report = JSON.parse(last) as OnceReport
      expect(Object.keys(report)).toEqual(['signIns', 'storedPlaintextFields'])
      expect(report.storedPlaintextFields).toBe(0)
      expect(report.signIns).toEqual(
        ['google', 'microsoft'].flatMap((connector) =>
          [true, false].map((first) => ({
            connector,
            first,
            ms: expect.any(Number),
            sqlStatements: expect.any(Number),
            claims: CLAIMS,
          })),
        ),
      )
      for (const { first, ms, sqlStatements } of report.signIns) {
        expect(ms).toBeGreaterThan(0)
        expect(sqlStatements).toBeGreaterThan(0)
        if (!first) expect(sqlStatements).toBeLessThanOrEqual(10)
      }
    }
  }, 120_000)

  test('starts again after it was killed half-way', async () => {
    const { child, ended } = start()
    // Written when the database is up.
    const keyring = join(folder, 'data/once-1/keyring.json')
    for (let waited = 0; !existsSync(keyring) && waited < 20_000; waited += 20) await pause(20)
    expect(existsSync(keyring)).toBe(true)
    child.kill('SIGKILL')
    await ended
    const { code, errors } = await start().ended
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
  }, 120_000)
})

describe('the checks', () => {
  const DATABASE = 'narrowgate'
  let folder: string
  let postgres: EmbeddedPostgres
  let setting: Setting
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'narrowgate-once-'))
    postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), countable: true })
    setting = await startSetting({
      databaseUrl: await postgres.createDatabase(DATABASE),
      folder,
      log: { info: () => {}, warn: () => {}, error: () => {} },
      clients: `clients:
  - id: ${ONCE_APP.id}
    name: Once
    secret: ${ONCE_APP.secret}
    redirectUris: [${ONCE_APP.redirectUri}]
    scopes: [profile, email, company, provider_id]`,
    })
  }, 120_000)
  afterAll(async () => {
    await setting?.close()
    await postgres?.stop({ remove: true })
    rmSync(folder, { recursive: true, force: true })
  })

  test('are silent when all is right, and find what was planted', async () => {
    const clean = await runOnce(setting, postgres, DATABASE)
    expect({ ...clean, signIns: clean.signIns.length }).toEqual({
      signIns: 4,
      storedPlaintextFields: 0,
      failures: [],
    })
    const base64 = Buffer.from('robin@larkspur.example').toString('base64')
    await withClient(setting.config.database.url, async (client) => {
      await client.query("insert into migration (timestamp, name) values (1, 'Dana Reyes')")
      await client.query('insert into replay (id_digest, expires_at) values ($1, now())', [
        Buffer.from(base64),
      ])
    })
    const planted = await runOnce(setting, postgres, DATABASE)
    expect(planted.storedPlaintextFields).toBeGreaterThanOrEqual(2)
    expect(planted.failures).toEqual(
      expect.arrayContaining(['plaintext in migration.name', 'plaintext in replay.id_digest']),
    )
    // These people are known by now, and a first sign-in is expected to be one.
    expect(planted.failures).toContain('google first: the confirm page appears the first time and only then')
  }, 120_000)
})
