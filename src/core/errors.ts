// The one error that the house throws on purpose. `code` is a closed union; `detail` may be shown to strangers; `cause` is for the
// log only. http/errors.ts is the only place that turns a code into a status and a page.

export const BROKER_ERROR_CODES = [
  'unknown_connector',
  'connector_unavailable',
  'upstream_unavailable',
  'upstream_refused',
  'upstream_declined',
  'upstream_invalid',
  'sign_in_not_found',
  'sign_in_state_mismatch',
  'interaction_expired',
  'not_admitted',
  'account_unavailable',
  'identity_revoked',
  'auth_time_unproven',
  'adult_required',
  'cross_site',
  'not_found',
  'bad_request',
  'storage_unavailable',
  'sealed_value_refused',
  'outbound_refused',
  'configuration_invalid',
  'keys_unavailable',
] as const
export type BrokerErrorCode = (typeof BROKER_ERROR_CODES)[number]

export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly code: BrokerErrorCode
  readonly detail: string | undefined
  constructor(code: BrokerErrorCode, options: { detail?: string; cause?: unknown } = {}) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.detail = options.detail
  }
}
