#!/usr/bin/env node
// The `narrowgate` command. Each subcommand is one function; messages say what was done and what to do next.
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { createKeyring } from '../crypto/keyring.ts'
import { applyClients } from '../core/clients.ts'
import { BrokerError } from '../core/errors.ts'
import { openServerKeys } from '../core/server-keys.ts'
import { clientTools, keyTools } from '../compose-cli.ts'

const program = new Command('narrowgate')
  .description('An identity service that keeps five profile fields, sealed, and nothing else.')
  .showHelpAfterError()
  .addHelpText(
    'after',
    '\nExamples:\n  narrowgate keys init\n  narrowgate clients apply config/clients.yaml\n',
  )

const keys = program.command('keys').description('the keys that everything lies under')
keys
  .command('init')
  .description('make the keyring file with its first key-encryption key; never overwrites one')
  .option('--file <path>', 'where to make it (default: keyring.path of the configuration)')
  .action(initKeys)

const clients = program.command('clients').description('the apps that may sign people in')
clients
  .command('apply')
  .argument('<file>', 'the file of apps (see config/clients.example.yaml)')
  .description('store the apps of a file; what is not in it is removed')
  .option('--dry-run', 'say which apps would change and change none')
  .action(applyFile)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`narrowgate: ${reason(error)}\n`)
  process.exitCode = 1
}

async function initKeys({ file }: { file?: string }): Promise<void> {
  const { keyringPath, createKeyringFile } = keyTools()
  const path = file ?? keyringPath()
  const id = await createKeyringFile(path)
  console.log(`Made ${path} with key ${id}.`)
  console.log('Keep a copy apart from every backup of the database: whoever has both can read everything.')
}

async function applyFile(file: string, { dryRun }: { dryRun?: boolean }): Promise<void> {
  const tools = clientTools()
  const wanted = tools.parseClients(readText(file))
  const stores = await tools.open()
  try {
    const keyring = createKeyring({ kek: stores.kek, cacheSize: 0, cacheTtlMs: 0, clock: Date.now })
    const { sealing } = await openServerKeys(stores.keys, keyring, await stores.kek.current())
    const applied = await applyClients(dryRun === true ? stores.pretending : stores.clients, wanted, sealing)
    for (const [what, ids] of Object.entries(applied))
      console.log(`${what}: ${ids.length === 0 ? '-' : ids.join(', ')}`)
  } finally {
    await stores.close()
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new BrokerError('configuration_invalid', { detail: `${file} can't be read`, cause })
  }
}

function reason(error: unknown): string {
  if (error instanceof BrokerError) return error.detail ?? error.code
  // A refused connection is one error for each address that was tried, and says nothing itself.
  if (error instanceof AggregateError) return reason(error.errors[0])
  return error instanceof Error ? error.message : 'failed'
}
