// The mapping from what was thrown to what goes over the wire.
import { describe, expect, test } from '@jest/globals'
import { BROKER_ERROR_CODES, BrokerError } from '../../../src/core/errors.ts'
import { statusOf } from '../../../src/http/errors.ts'

describe('statusOf()', () => {
  test.each(BROKER_ERROR_CODES)('gives %s a status, and a 503 a time to come back', (code) => {
    const {
      status,
      code: shown,
      retryAfter,
    } = statusOf(new BrokerError(code, { cause: new Error('secret') }))
    expect(shown).toBe(code)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect(retryAfter !== undefined).toBe(status === 503)
  })

  test('takes everything else for a server_error and passes nothing on', () => {
    const impostor = Object.assign(new Error('select * from account'), { code: 'not_found', status: 404 })
    for (const thrown of [impostor, new TypeError('x'), 'text', undefined, null, { code: 'not_found' }])
      expect(statusOf(thrown)).toEqual({ status: 500, code: 'server_error' })
  })
})
