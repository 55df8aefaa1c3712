// Every code that an error page can show: ours, and those that OpenID Connect and its neighbours may hand to a browser.
import { BROKER_ERROR_CODES } from '../../core/errors.ts'

/** RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 8707, RFC 9101, OIDC Core §3.1.2.6, and oidc-provider's own. */
export const OAUTH_ERROR_CODES = [
  'access_denied',
  'consent_required',
  'insufficient_scope',
  'interaction_required',
  'invalid_authorization_details',
  'invalid_client',
  'invalid_client_metadata',
  'invalid_dpop_proof',
  'invalid_grant',
  'invalid_redirect_uri',
  'invalid_request',
  'invalid_request_object',
  'invalid_request_uri',
  'invalid_scope',
  'invalid_target',
  'invalid_token',
  'login_required',
  'registration_not_supported',
  'request_not_supported',
  'request_uri_not_supported',
  'session_not_found',
  'temporarily_unavailable',
  'unauthorized_client',
  'unmet_authentication_requirements',
  'unsupported_grant_type',
  'unsupported_response_mode',
  'unsupported_response_type',
] as const

export const ERROR_PAGE_CODES = ['server_error', ...BROKER_ERROR_CODES, ...OAUTH_ERROR_CODES] as const
export type ErrorPageCode = (typeof ERROR_PAGE_CODES)[number]

/** The code itself where we have words for it, else `server_error`: for codes that come out of a library. */
export function errorPageCode(code: string | undefined): ErrorPageCode {
  return ERROR_PAGE_CODES.find((known) => known === code) ?? 'server_error'
}
