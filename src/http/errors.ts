// The only mapping from a BrokerError to an HTTP status. Whatever else was thrown is our fault and a stranger learns nothing of it:
// 500, server_error. A 503 says when to come back (RFC 9110 §10.2.3).
import { BrokerError, type BrokerErrorCode } from '../core/errors.ts'

/** `retryAfter` in seconds, for the header. */
export type ErrorStatus = {
  readonly status: number
  readonly code: BrokerErrorCode | 'server_error'
  readonly retryAfter?: number
}

const STATUS: Readonly<Record<BrokerErrorCode, number>> = {
  unknown_connector: 404,
  connector_unavailable: 503,
  upstream_unavailable: 503,
  upstream_refused: 502,
  upstream_declined: 403,
  upstream_invalid: 502,
  sign_in_not_found: 400,
  sign_in_state_mismatch: 400,
  interaction_expired: 400,
  not_admitted: 403,
  account_unavailable: 403,
  identity_revoked: 403,
  auth_time_unproven: 403,
  adult_required: 400,
  cross_site: 403,
  not_found: 404,
  bad_request: 400,
  storage_unavailable: 503,
  sealed_value_refused: 500,
  outbound_refused: 502,
  configuration_invalid: 500,
  keys_unavailable: 503,
}

/** Long enough that a fail-over is through, short enough that a person waits for it. */
const RETRY_AFTER = 10

/** Status and code of anything that was thrown. Never throws; the code is all that may be shown. */
export function statusOf(error: unknown): ErrorStatus {
  if (!(error instanceof BrokerError)) return { status: 500, code: 'server_error' }
  const { code } = error
  const status = STATUS[code]
  return status === 503 ? { status, code, retryAfter: RETRY_AFTER } : { status, code }
}
