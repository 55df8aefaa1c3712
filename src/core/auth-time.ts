// When the person last proved who they are: the upstream's word, or nobody's. Where an app asked for freshness and the upstream gives
// no time, the answer is an error, unless the app's configuration accepts an unproven time.
import { BrokerError } from './errors.ts'

const TOLERANCE = 60

export type AuthTime = { readonly authTime: number; readonly authTimeProven: boolean }

/**
 * All times in Unix seconds. Throws `auth_time_unproven`, which leaves as `unmet_authentication_requirements`
 * (OpenID Connect Core Error Code unmet_authentication_requirements 1.0).
 */
export function checkAuthTime(asked: {
  upstream: number | undefined
  now: number
  begunAt: number
  maxAge: number | undefined
  loginAsked: boolean
  acceptUnproven: boolean
}): AuthTime {
  const { upstream, now, begunAt, maxAge, loginAsked, acceptUnproven } = asked
  if (upstream === undefined) {
    if ((maxAge !== undefined || loginAsked) && !acceptUnproven) throw new BrokerError('auth_time_unproven')
    return { authTime: now, authTimeProven: false }
  }
  if (upstream > now + TOLERANCE) throw new BrokerError('upstream_invalid')
  // OIDC Core §3.1.2.1: prompt=login wants a new authentication, max_age one that is recent enough.
  if (loginAsked && upstream < begunAt - TOLERANCE) throw new BrokerError('auth_time_unproven')
  if (maxAge !== undefined && upstream < now - maxAge - TOLERANCE) throw new BrokerError('auth_time_unproven')
  return { authTime: Math.min(upstream, now), authTimeProven: true }
}
