/**
 * The server process: started, awaited until it takes connections, stopped. It has a session of its own, so that Ctrl-C reaches us
 * and not it, and a leash: when this process ends in any way, even by SIGKILL, the leash's pipe closes and the server is told to stop.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EmbeddedPostgresError } from './failure.ts'
import { SERVER_ENV } from './folder.ts'
import { readLog, type LogLines } from './log-lines.ts'
import type { Runner } from './runner.ts'

export type Server = {
  readonly pid: number
  readonly port: number
  readonly log: LogLines
  /** Aborts when the process has ended, by `stop()` or by itself. */
  readonly ended: AbortSignal
  stop(): Promise<void>
}

export type ServerOptions = {
  readonly base: string
  readonly native: string
  readonly runner: Runner
  readonly settings: Readonly<Record<string, string>>
  /** Any free port when undefined. */
  readonly port: number | undefined
  readonly onLog: ((message: string) => void) | undefined
}

/** What passes by itself: a free port taken by another in between; the last backends of a killed server. */
const PASSING = /pre-existing shared memory block|could not create any TCP\/IP sockets/

/** Starts the server on 127.0.0.1 and a socket in `run/`. Throws `failed` with the last of its log when it does not come up. */
export async function startServer(options: ServerOptions): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await tryToStart(options, options.port ?? (await findFreePort()))
    } catch (error) {
      if (attempt === 5 || !(error instanceof EmbeddedPostgresError) || !PASSING.test(error.message))
        throw error
      await pause(200)
    }
  }
}

async function tryToStart(
  { base, native, runner, settings, onLog }: ServerOptions,
  port: number,
): Promise<Server> {
  const args = ['-D', join(base, 'data'), '-p', String(port), '-h', '127.0.0.1', '-k', join(base, 'run')]
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`)
  const child = spawn(join(native, 'bin/postgres'), args, {
    ...runner,
    cwd: base,
    env: SERVER_ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const log = readLog(child.stderr)
  if (onLog !== undefined) log.listen(onLog)
  const end = new AbortController()
  const ready = Promise.withResolvers<void>()
  const fail = (reason: string, cause?: unknown) => {
    end.abort()
    ready.reject(new EmbeddedPostgresError('failed', `PostgreSQL did not start in ${base}: ${reason}`, cause))
  }
  child.once('error', (error) => fail(`${error.message}; set DATABASE_URL instead`, error))
  child.once('close', () => fail(log.recent.slice(-8).join(' | ')))
  const stopListening = log.listen((message) => {
    if (message.endsWith('database system is ready to accept connections')) ready.resolve()
  })
  const unleash = child.pid === undefined ? () => {} : leash(child.pid, runner)
  end.signal.addEventListener('abort', unleash)
  await ready.promise.finally(stopListening)
  const ended = end.signal
  return {
    pid: child.pid ?? 0,
    port,
    log,
    ended,
    async stop() {
      for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
        if (ended.aborted) return
        child.kill(signal)
        const patience = new AbortController()
        await Promise.race([once(ended, 'abort'), pause(10_000, undefined, { signal: patience.signal })])
        patience.abort()
      }
    },
  }
}

/** A shell that waits for its input to end, which happens when we do, and then stops the server. */
function leash(pid: number, runner: Runner): () => void {
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'narrowgate-leash', String(pid)], {
    ...runner,
    cwd: '/',
    env: SERVER_ENV,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  shell.unref()
  // Without a shell there is no leash; the next start finds the server all the same.
  shell.on('error', () => {})
  return () => shell.kill('SIGKILL')
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
