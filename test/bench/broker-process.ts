// The broker as a process of its own, started as `npm start` does, so that its memory and its start are its alone. The upstreams, the
// database and the people stay outside.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Prepared } from '../../demo/setting.ts'

const ROOT = join(import.meta.dirname, '../..')
const LONGEST_START_MS = 20_000

export type BrokerProcess = {
  /** From spawning the process to the first 200 of /health/ready. */
  readonly startupMs: number
  /** Resident memory now, in MB of 1,000,000 bytes. */
  residentMb(): number
  stop(): Promise<void>
}

/** Stores the apps by the command line, which also migrates an empty database. */
export async function applyClients(prepared: Prepared, folder: string, clients: string): Promise<void> {
  const file = join(folder, 'clients.yaml')
  writeFileSync(file, clients)
  const script = join(ROOT, 'src/cli/main.ts')
  const env = environment(prepared)
  await promisify(execFile)(process.execPath, [script, 'clients', 'apply', file], { cwd: folder, env })
}

/** Throws when the broker is not ready in time. */
export async function startBroker(prepared: Prepared): Promise<BrokerProcess> {
  const { env, arguments_ } = startCommand()
  const started = performance.now()
  const child = spawn(process.execPath, arguments_, {
    cwd: ROOT,
    env: { ...environment(prepared), ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  try {
    while (!(await isReady(prepared.port))) {
      if (child.exitCode !== null || performance.now() - started > LONGEST_START_MS)
        throw new Error('the broker did not start')
      await pause(2)
    }
  } catch (error) {
    await stop(child)
    throw error
  }
  return {
    startupMs: Math.round(performance.now() - started),
    residentMb: () => residentMb(child.pid ?? 0),
    stop: () => stop(child),
  }
}

/** What `npm start` runs, out of package.json: variables, `node`, arguments. */
function startCommand(): { env: Record<string, string>; arguments_: string[] } {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string }
  }
  const words = scripts.start.split(' ')
  const at = words.indexOf('node')
  const env = Object.fromEntries(words.slice(0, at).map((word) => word.split('=') as [string, string]))
  if (at === -1 || Object.values(env).includes(undefined as never))
    throw new Error('npm start is not variables and node')
  return { env, arguments_: words.slice(at + 1) }
}

const environment = ({ env }: Prepared): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  ...env,
})

async function isReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`)
    await answer.body?.cancel()
    return answer.status === 200
  } catch {
    return false
  }
}

// Linux only, as the brokers are: elsewhere there is no /proc, and the bench says so.
function residentMb(pid: number): number {
  const [, kib] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  if (kib === undefined) throw new Error('no VmRSS')
  return Math.round((Number(kib) * 1024) / 100_000) / 10
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => {
    child.once('exit', resolve)
  })
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(timer)
}
