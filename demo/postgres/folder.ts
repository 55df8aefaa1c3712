/**
 * The folder of one embedded server: `data/` and `run/` belong to its user, `password` is the superuser's, `owner` names the
 * process that runs it. A folder has one living owner; what a killed owner left running is stopped before the folder is used again.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EmbeddedPostgresError, hasCode, reasonOf } from './failure.ts'
import { inspect, waitUntilGone } from './processes.ts'
import { chownTo, type Runner } from './runner.ts'

/** Server and initdb get none of our environment: PGDATA, PGPORT or an uninstalled locale in it would change what they do. */
export const SERVER_ENV = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' }

/** Marks the folder as ours. Throws `in_use` when the process that has it is alive. */
export function claim(base: string): void {
  const [file, mine, stale] = [
    join(base, 'owner'),
    join(base, `owner.${process.pid}`),
    join(base, `stale.${process.pid}`),
  ]
  writeFileSync(mine, `${process.pid} ${inspect(process.pid)?.started}`)
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      // The claim appears with its content: an empty one would look like a dead owner's.
      if (tryTo('EEXIST', () => linkSync(mine, file))) return
      const seen = readIfThere(file)
      const [, pid = '', started] = /^(\d+) (.*)$/.exec(seen) ?? []
      if (pid !== '' && inspect(Number(pid))?.started === started) {
        throw new EmbeddedPostgresError(
          'in_use',
          `the PostgreSQL in ${base} is in use by process ${pid}: stop that first`,
        )
      }
      // Between reading and removing, another start may have claimed it: then its claim is put back.
      if (tryTo('ENOENT', () => renameSync(file, stale)) && readIfThere(stale) !== seen)
        renameSync(stale, file)
    }
    throw new EmbeddedPostgresError('in_use', `the PostgreSQL in ${base} is being started by another process`)
  } finally {
    for (const leftover of [mine, stale]) rmSync(leftover, { force: true })
  }
}

/** Gives the folder back; the data stays. */
export function release(base: string): void {
  rmSync(join(base, 'owner'), { force: true })
}

/** Removes what we put there; the claim stays, for a new cluster. */
export function clearFolder(base: string): void {
  for (const name of ['data', 'data.new', 'run', 'password'])
    rmSync(join(base, name), { recursive: true, force: true })
}

/** Removes what we put there, and the folder itself when nothing else is in it. */
export function removeFolder(base: string): void {
  clearFolder(base)
  release(base)
  try {
    rmdirSync(base)
  } catch {
    // Something of the caller's is in it.
  }
}

/** Stops the server that a killed owner left behind. PostgreSQL itself clears a lock file whose process is gone. */
export async function stopPrevious(base: string): Promise<void> {
  const data = join(base, 'data')
  const lock = join(data, 'postmaster.pid')
  if (!existsSync(lock)) return
  const pid = Number(readFileSync(lock, 'utf8').split('\n')[0])
  const found = inspect(pid)
  // The pid may have been given out again: only a `postgres -D <this folder>` is signalled. PostgreSQL would refuse to start beside
  // any other holder of that number, or its uncollected corpse.
  if (found === undefined || !found.args.includes(`postgres -D ${data} `)) {
    if (holdsNumber(pid)) rmSync(lock, { force: true })
    return
  }
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    tryTo('ESRCH', () => process.kill(pid, signal))
    if (await waitUntilGone(pid, found.started, 10_000)) return
  }
  throw new EmbeddedPostgresError(
    'failed',
    `the PostgreSQL of an earlier run (process ${pid}) could not be stopped`,
  )
}

/** Makes the cluster unless it is there, and returns the superuser's password. The cluster appears by one rename, whole or not at all. */
export async function prepareCluster(base: string, native: string, runner: Runner): Promise<string> {
  const [data, staged, run] = [join(base, 'data'), join(base, 'data.new'), join(base, 'run')]
  const passwordFile = join(base, 'password')
  const owner = chownTo(runner)
  mkdirSync(run, { recursive: true, mode: 0o700 })
  if (owner !== undefined) chownSync(run, owner.uid, owner.gid)
  if (existsSync(join(data, 'PG_VERSION'))) return readFileSync(passwordFile, 'utf8').trim()
  rmSync(staged, { recursive: true, force: true })
  rmSync(passwordFile, { force: true })
  const password = randomBytes(24).toString('hex')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' })
  mkdirSync(staged, { mode: 0o700 })
  if (owner !== undefined) for (const path of [passwordFile, staged]) chownSync(path, owner.uid, owner.gid)
  const args = [
    '-D',
    staged,
    '-U',
    'postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
  ]
  // The builtin locale is the same everywhere; the machine's own may be missing.
  args.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-sync')
  try {
    await promisify(execFile)(join(native, 'bin/initdb'), args, { ...runner, cwd: base, env: SERVER_ENV })
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'failed',
      `PostgreSQL's initdb failed in ${base} (${reasonOf(cause)}): set DATABASE_URL instead`,
      cause,
    )
  }
  renameSync(staged, data)
  return password
}

function holdsNumber(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

/** False when the call failed in the one way that was expected. */
function tryTo(expected: string, call: () => void): boolean {
  try {
    call()
    return true
  } catch (error) {
    if (hasCode(error, expected)) return false
    throw error
  }
}

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
