#!/usr/bin/env node
// The `narrowgate` command. Each subcommand is one function; messages say what was done and what to do next.
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { createKeyring } from '../crypto/keyring.ts'
import { applyClients } from '../core/clients.ts'
import { BrokerError } from '../core/errors.ts'
import { openServerKeys } from '../core/server-keys.ts'
import { openToolbox } from '../compose-cli.ts'

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
  .action(async ({ file }: { file?: string }) => {
    const { keyringPath, createKeyringFile } = await openToolbox({ database: false })
    const path = file ?? keyringPath()
    const id = await createKeyringFile(path)
    console.log(`Made ${path} with key ${id}.`)
    console.log('Keep a copy apart from every backup of the database: whoever has both can read everything.')
  })

const clients = program.command('clients').description('the apps that may sign people in')
clients
  .command('apply')
  .argument('<file>', 'the file of apps (see config/clients.example.yaml)')
  .description('store the apps of a file; what is not in it is removed')
  .option('--dry-run', 'say what would change and change nothing')
  .action(async (file: string, { dryRun }: { dryRun?: boolean }) => {
    const toolbox = await openToolbox({ database: true })
    try {
      const wanted = toolbox.parseClients(readFileSync(file, 'utf8'))
      const keyring = createKeyring({ kek: toolbox.kek, cacheSize: 0, cacheTtlMs: 0, clock: Date.now })
      const { sealing } = await openServerKeys(toolbox.keys, keyring, await toolbox.kek.current())
      const store =
        dryRun === true ? { ...toolbox.clients, replace: toolbox.pretendReplace } : toolbox.clients
      const applied = await applyClients(store, wanted, sealing)
      for (const [what, ids] of Object.entries(applied))
        console.log(`${what}: ${ids.length === 0 ? '-' : ids.join(', ')}`)
    } finally {
      await toolbox.close()
    }
  })

try {
  await program.parseAsync()
} catch (error) {
  const known = error instanceof BrokerError ? (error.detail ?? error.code) : undefined
  process.stderr.write(`narrowgate: ${known ?? (error instanceof Error ? error.message : 'failed')}\n`)
  process.exitCode = 1
}
