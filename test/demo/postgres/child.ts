/**
 * A server started by a Node of its own, which a test may kill, from a checkout of its own, whose mode a test may choose. All of it
 * lies in one scratch folder.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect, waitUntilGone } from '../../../demo/postgres/processes.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** Nothing here has to outlive the machine. */
export const settings = { fsync: 'off' }

/** Everything that a test makes lies below, also what goes into the temporary folder. */
export const scratch = mkdtempSync(join(tmpdir(), 'narrowgate-test-'))
const temporary = join(scratch, 'tmp')
chmodSync(scratch, 0o755)
mkdirSync(temporary)
chmodSync(temporary, 0o1777)

/** A second checkout, with a mode of its own. */
export function makeCheckout(name: string, mode: number): string {
  const checkout = join(scratch, name)
  mkdirSync(checkout)
  for (const path of ['package.json', 'demo/postgres.ts', 'demo/postgres']) {
    cpSync(join(ROOT, path), join(checkout, path), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'))
  chmodSync(checkout, mode)
  return checkout
}

/** Runs `body` in a Node of its own, where `start()` starts the server of that checkout. */
export function programme(checkout: string, body: string): string[] {
  const module = JSON.stringify(pathToFileURL(join(checkout, 'demo/postgres.ts')).href)
  const options = JSON.stringify({ dataDir: join(checkout, 'data'), settings })
  const start = `const start = () => startEmbeddedPostgres(${options})`
  return ['--input-type=module', '-e', `import { startEmbeddedPostgres } from ${module}\n${start}\n${body}`]
}

/** What the child printed once its server was up, and the ways to end it. */
export type Child = {
  readonly url: string
  readonly folder: string
  /** The server's pid. */
  readonly server: number
  /** `kill -9` of the Node that started the server. */
  kill(): Promise<void>
  /** The same, and whether the server ended by itself then. */
  killAndWait(): Promise<boolean>
}

/** Starts the server of `checkout` from a Node that runs as `user`; rejects when it does not come up. */
export async function startInChild(
  checkout: string,
  user: { uid?: number; gid?: number } = {},
): Promise<Child> {
  const body = 'const { url, folder, pid } = await start(); console.log([url, folder, pid].join(" "))'
  const child = spawn(process.execPath, programme(checkout, body), {
    ...user,
    cwd: '/',
    env: { PATH: process.env['PATH'], TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const printed = await Promise.race([once(child.stdout, 'data'), exited])
  const [url = '', folder = '', pid = ''] = String(printed[0]).trim().split(' ')
  if (pid === '') throw new Error('the child could not start its server')
  const server = Number(pid)
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  return {
    url,
    folder,
    server,
    kill,
    async killAndWait() {
      const started = inspect(server)?.started ?? ''
      await kill()
      return waitUntilGone(server, started, 5_000)
    },
  }
}

/** The pids of the shells that would stop this server. */
export function findLeashes(server: number): number[] {
  const { stdout } = spawnSync('ps', ['-eww', '-o', 'pid=,args='], { encoding: 'utf8' })
  const leash = new RegExp(`^ *(\\d+) .*narrowgate-leash ${server}$`)
  return stdout.split('\n').flatMap((line) => leash.exec(line)?.slice(1, 2).map(Number) ?? [])
}
