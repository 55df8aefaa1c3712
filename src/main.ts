// `npm start`: load the configuration, compose, listen, drain on SIGTERM.
import { compose } from './compose.ts'
import { loadConfig } from './config.ts'
import { BrokerError } from './core/errors.ts'
import { createLog } from './log.ts'

const DRAIN_MS = 25_000

try {
  const config = loadConfig()
  const log = createLog({ level: config.logLevel })
  const broker = await compose(config, { log })
  const { host, port } = config.listen
  broker.server.listen(port, host, () => {
    log.info('listening', { host: new URL(config.issuer).host, port })
  })
  let isDraining = false
  const drain = (signal: string): void => {
    if (isDraining) return
    isDraining = true
    log.info('draining', { signal })
    setTimeout(() => {
      log.warn('drain_timeout')
      process.exit(1)
    }, DRAIN_MS).unref()
    broker.close().then(
      () => {
        log.info('stopped')
        process.exit(0)
      },
      (error: unknown) => {
        log.error('stop_failed', { error })
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', drain)
  process.on('SIGINT', drain)
} catch (error) {
  process.stderr.write(`narrowgate can't start: ${reason(error)}\n`)
  process.exit(1)
}

function reason(error: unknown): string {
  if (error instanceof BrokerError) return error.detail ?? error.code
  // A refused connection is one error for each address that was tried, and says nothing itself.
  if (error instanceof AggregateError) return reason(error.errors[0])
  return error instanceof Error ? error.message : 'unknown reason'
}
