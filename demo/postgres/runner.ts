/**
 * Who runs the server. PostgreSQL refuses root and initdb refuses a uid without a passwd entry, so root hands over to an
 * unprivileged user, and what that user needs has to lie where they can enter: a checkout of mode 700 is not such a place.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { EmbeddedPostgresError } from './failure.ts'

/** The options that make `spawn` run something as the server's user; empty when that is the user we are. */
export type Runner = { readonly uid?: number; readonly gid?: number }

/** The user made when root finds none of the usual ones. */
const OWN_USER = 'narrowgate-pg'

/** Chooses the user, without side effects unless root finds no unprivileged user at all: then it creates one. */
export function chooseRunner(): Runner {
  if (process.getuid?.() !== 0) {
    try {
      userInfo()
      return {}
    } catch (cause) {
      const message = `PostgreSQL's initdb needs a user with a passwd entry, which uid ${process.getuid?.()} has not: set DATABASE_URL instead`
      throw new EmbeddedPostgresError('unsupported', message, cause)
    }
  }
  for (const name of ['postgres', '_postgres', OWN_USER, 'nobody']) {
    const runner = lookUp(name)
    if (runner !== undefined) return runner
  }
  return createUser()
}

/** Gives a file or folder to the server's user; nothing to do when that is us. */
export function chownTo(runner: Runner): { uid: number; gid: number } | undefined {
  return runner.uid === undefined || runner.gid === undefined
    ? undefined
    : { uid: runner.uid, gid: runner.gid }
}

/**
 * A folder that both we and the server's user can use: `wanted` itself, created when missing, or else one in the temporary folder
 * whose name is derived from `wanted`, so that the next start finds it again.
 */
export function place(
  wanted: string,
  runner: Runner,
  fits: (folder: string) => boolean = () => true,
): string {
  const tag = createHash('sha256').update(`${process.getuid?.()} ${wanted}`).digest('hex').slice(0, 16)
  if (fits(wanted) && usable(wanted, runner)) return wanted
  for (const temporary of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
    const folder = join(temporary, `narrowgate-${tag}`)
    if (fits(folder) && usable(folder, runner) && isOurs(folder)) return folder
  }
  const message = `no folder found that the user of the embedded PostgreSQL can enter, neither ${wanted} nor in ${tmpdir()}: set DATABASE_URL instead`
  throw new EmbeddedPostgresError('unsupported', message)
}

/** Creates the folder when missing and asks the kernel, as that user, whether it can be entered; leaves nothing behind when not. */
function usable(folder: string, runner: Runner): boolean {
  let created: string | undefined
  try {
    created = mkdirSync(folder, { recursive: true })
    if (created !== undefined) chmodSync(folder, 0o755)
    accessSync(folder, constants.W_OK)
    const probe = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], {
      ...runner,
      cwd: '/',
      stdio: 'ignore',
    })
    if (probe.status === 0) return true
  } catch {
    // Not creatable or not writable: the same answer as not enterable.
  }
  if (created !== undefined) rmSync(created, { recursive: true, force: true })
  return false
}

/** Names in a temporary folder can be guessed: somebody else's folder, or a link, would let them choose what we execute. */
function isOurs(folder: string): boolean {
  const stat = lstatSync(folder)
  return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0
}

function lookUp(name: string): Runner | undefined {
  try {
    const ask = (flag: string) =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }))
    const [uid, gid] = [ask('-u'), ask('-g')]
    // macOS gives `nobody` a uid that spawn does not take.
    return uid > 0 && uid < 2 ** 31 && gid >= 0 && gid < 2 ** 31 ? { uid, gid } : undefined
  } catch {
    return undefined
  }
}

function createUser(): Runner {
  const ways: [string, string[]][] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', OWN_USER]],
    ['adduser', ['-S', '-D', '-H', OWN_USER]],
  ]
  for (const [command, args] of ways) {
    spawnSync(command, args, { stdio: 'ignore' })
    const runner = lookUp(OWN_USER)
    if (runner !== undefined) return runner
  }
  const message = `PostgreSQL refuses to run as root and no user could be created for it: create one named ${OWN_USER}, or set DATABASE_URL`
  throw new EmbeddedPostgresError('unsupported', message)
}
