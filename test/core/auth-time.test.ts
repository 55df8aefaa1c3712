// When the person last proved themselves: the upstream's word, within a minute of tolerance, or an error where an app needs it.
import { describe, expect, test } from '@jest/globals'
import { checkAuthTime } from '../../src/core/auth-time.ts'

const NOW = 1_000_000
const asked = {
  upstream: (NOW - 30) as number | undefined,
  now: NOW,
  begunAt: NOW - 20,
  maxAge: undefined as number | undefined,
  loginAsked: false,
  acceptUnproven: false,
}
const proven = (authTime: number) => ({ authTime, authTimeProven: true })
const unproven = { authTime: NOW, authTimeProven: false }

describe('checkAuthTime() without a time from upstream', () => {
  const silent = { ...asked, upstream: undefined }
  test.each([
    ['where nobody asked', {}, unproven],
    ['with max_age', { maxAge: 60 }, 'auth_time_unproven'],
    ['with max_age=0', { maxAge: 0 }, 'auth_time_unproven'],
    ['with prompt=login', { loginAsked: true }, 'auth_time_unproven'],
    [
      'with both, for an app that accepts it',
      { maxAge: 0, loginAsked: true, acceptUnproven: true },
      unproven,
    ],
  ])('%s', (_when, changed, outcome) => {
    const check = () => checkAuthTime({ ...silent, ...changed })
    if (typeof outcome === 'string') expect(check).toThrow(outcome)
    else expect(check()).toEqual(outcome)
  })
})

describe('checkAuthTime() with a time from upstream', () => {
  test.each([
    ['takes it', {}, proven(NOW - 30)],
    ['takes one long ago', { upstream: 1 }, proven(1)],
    ['takes one a minute ahead as now', { upstream: NOW + 60 }, proven(NOW)],
    ['refuses one further ahead', { upstream: NOW + 61 }, 'upstream_invalid'],
    ['takes max_age to the second, and a minute', { maxAge: 100, upstream: NOW - 160 }, proven(NOW - 160)],
    ['refuses beyond', { maxAge: 100, upstream: NOW - 161 }, 'auth_time_unproven'],
    ['takes max_age=0 within the minute', { maxAge: 0, upstream: NOW - 60 }, proven(NOW - 60)],
    ['refuses max_age=0 beyond', { maxAge: 0, upstream: NOW - 61 }, 'auth_time_unproven'],
    ['takes a login since the request', { loginAsked: true, upstream: NOW - 80 }, proven(NOW - 80)],
    ['refuses one before the request', { loginAsked: true, upstream: NOW - 81 }, 'auth_time_unproven'],
    [
      'refuses one before the request even where an unproven time is accepted',
      { loginAsked: true, upstream: NOW - 81, acceptUnproven: true },
      'auth_time_unproven',
    ],
  ])('%s', (_what, changed, outcome) => {
    const check = () => checkAuthTime({ ...asked, ...changed })
    if (typeof outcome === 'string') expect(check).toThrow(outcome)
    else expect(check()).toEqual(outcome)
  })
})
