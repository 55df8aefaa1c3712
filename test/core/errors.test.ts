// Every code of ours has a status and words; what is not ours tells strangers nothing.
import { describe, expect, test } from '@jest/globals'
import { BROKER_ERROR_CODES, BrokerError } from '../../src/core/errors.ts'
import { statusOf } from '../../src/http/errors.ts'
import { errorPageCode } from '../../src/http/pages/error-codes.ts'

describe('a BrokerError', () => {
  test.each(BROKER_ERROR_CODES)('of code %s has a status and a page', (code) => {
    const { status, code: shown, retryAfter } = statusOf(new BrokerError(code))
    expect(shown).toBe(code)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect(retryAfter !== undefined).toBe(status === 503)
    expect(errorPageCode(code)).toBe(code)
  })

  test('says its code and keeps its cause for the log', () => {
    const cause = new Error('inner')
    const error = new BrokerError('upstream_invalid', { detail: 'shown', cause })
    expect(error).toMatchObject({ name: 'BrokerError', message: 'upstream_invalid', detail: 'shown', cause })
    expect(String(error)).not.toContain('inner')
    expect('cause' in new BrokerError('not_found')).toBe(false)
  })
})

describe('anything else', () => {
  test.each([[new Error('secret')], ['secret'], [undefined], [null], [{ code: 'not_found', status: 404 }]])(
    'is a server_error: %p',
    (thrown) => {
      expect(statusOf(thrown)).toEqual({ status: 500, code: 'server_error' })
    },
  )
})
