/**
 * Before any test of a run: one PostgreSQL server and one migrated template, whose addresses the workers inherit in their environment.
 * NARROWGATE_TEST_DATABASE=off skips it, for runs that need no database.
 */
import { randomBytes } from 'node:crypto'
import type { TestServer } from './postgres.ts'

declare global {
  /** Jest runs the set-up and the tear-down as two modules in one process: this is how the second finds what the first started. */
  var narrowgateTestServer: TestServer | undefined
}

// oxlint-disable-next-line import/no-default-export -- Jest asks for it
export default async function setUp(): Promise<void> {
  if (process.env['NARROWGATE_TEST_DATABASE'] === 'off') return
  // Loaded only now: a run without a database pays for none of it.
  const { prepareTemplate, startTestServer } = await import('./postgres.ts')
  const { WORKER_ENV } = await import('./database.ts')
  const prefix = `narrowgate_test_${randomBytes(4).toString('hex')}_`
  const server = await startTestServer(prefix)
  globalThis.narrowgateTestServer = server
  try {
    const template = await prepareTemplate(server.url)
    Object.assign(process.env, {
      [WORKER_ENV.url]: server.url,
      [WORKER_ENV.template]: template,
      [WORKER_ENV.prefix]: prefix,
    })
  } catch (error) {
    // After a failed set-up Jest runs no tear-down.
    await server.stop()
    throw error
  }
}
