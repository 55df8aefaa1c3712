/**
 * What can be known of another process: enough to tell a living one from a number that was given out again, and the server of one
 * data folder from any other. From /proc on Linux, where slim containers have no `ps`; from `ps` elsewhere.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** A living process: its arguments, and its start, which together with the pid names it for good. */
export type ProcessFacts = { readonly args: string; readonly started: string }

/** Undefined when there is no such process, or only the corpse that nobody has collected yet. */
export function inspect(pid: number): ProcessFacts | undefined {
  try {
    if (existsSync('/proc/self/stat')) {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The second field is a name in brackets that may hold anything; state is the third field, start time the 22nd.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (fields[0] === 'Z' || fields[0] === 'X') return undefined
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ')
      return { args, started: fields[19] ?? '' }
    }
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
    const ps = (column: string) =>
      execFileSync('ps', ['-ww', '-o', `${column}=`, '-p', String(pid)], {
        encoding: 'utf8',
        env,
        stdio: 'pipe',
      })
    return ps('stat').startsWith('Z') ? undefined : { args: ps('args').trim(), started: ps('lstart').trim() }
  } catch {
    return undefined
  }
}

/** Waits until that process is gone, by polling: nobody is told of the end of a process that is not their child. */
export async function waitUntilGone(pid: number, started: string, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds
  while (inspect(pid)?.started === started) {
    if (performance.now() > deadline) return false
    await pause(10)
  }
  return true
}
