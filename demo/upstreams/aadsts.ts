/**
 * Microsoft's error dialect: an OAuth error, an AADSTS code, and the texts around it. Callers are told to branch on
 * `error`, `error_codes` and `suberror`, never on the text.
 * https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
 */
import type { Response } from 'express'
import { stableGuid } from './world.ts'
import type { World } from './world.ts'

type Entry = { error: string; status: number; text: string; suberror?: string }

const codes = {
  50011: {
    error: 'invalid_request',
    status: 400,
    text: 'The redirect URI does not match those of the application.',
  },
  50020: { error: 'invalid_grant', status: 400, text: 'The user account does not exist in this tenant.' },
  50034: { error: 'invalid_grant', status: 400, text: 'The user account does not exist in the directory.' },
  50057: { error: 'invalid_grant', status: 400, text: 'The user account is disabled.' },
  50058: {
    error: 'login_required',
    status: 400,
    text: 'A silent sign-in was asked for but nobody is signed in.',
  },
  50076: {
    error: 'interaction_required',
    status: 400,
    text: 'You must use multi-factor authentication.',
    suberror: 'basic_action',
  },
  50173: {
    error: 'invalid_grant',
    status: 400,
    text: 'The grant has expired as it was revoked; a fresh token is needed.',
    suberror: 'bad_token',
  },
  54005: { error: 'invalid_grant', status: 400, text: 'The authorization code was already redeemed.' },
  65001: {
    error: 'invalid_grant',
    status: 400,
    text: 'The user or administrator has not consented to use the application.',
    suberror: 'consent_required',
  },
  65004: { error: 'access_denied', status: 400, text: 'The user declined to consent to access the app.' },
  70000: { error: 'invalid_grant', status: 400, text: 'The provided grant is invalid or malformed.' },
  70008: { error: 'invalid_grant', status: 400, text: 'The code or refresh token is too old.' },
  90002: { error: 'invalid_tenant', status: 400, text: 'Tenant not found.' },
  90014: { error: 'invalid_request', status: 400, text: 'A required field is missing from the request.' },
  90023: { error: 'invalid_request', status: 400, text: 'Unsupported combination or value of parameters.' },
  501481: {
    error: 'invalid_grant',
    status: 400,
    text: 'The code_verifier does not match the code_challenge.',
  },
  700005: { error: 'invalid_grant', status: 400, text: 'The code was issued for another tenant.' },
  700016: {
    error: 'unauthorized_client',
    status: 400,
    text: 'The application was not found in the directory.',
  },
  700082: { error: 'invalid_grant', status: 400, text: 'The refresh token has expired due to inactivity.' },
  7000112: { error: 'unauthorized_client', status: 400, text: 'The application is disabled.' },
  7000215: { error: 'invalid_client', status: 401, text: 'Invalid client secret provided.' },
  7000218: { error: 'invalid_client', status: 401, text: 'client_assertion or client_secret is missing.' },
  7000222: { error: 'invalid_client', status: 401, text: 'The provided client secret keys are expired.' },
  9001023: {
    error: 'invalid_request',
    status: 400,
    text: 'The grant type is not supported over this endpoint.',
  },
} as const satisfies Record<number, Entry>

/** A code that the simulation can answer with. */
export type AadstsCode = keyof typeof codes

/** Whether a number is such a code. */
export const isAadstsCode = (code: number): code is AadstsCode => Object.hasOwn(codes, code)

/** The parts of an error: `text` begins with the code, as Microsoft writes it. */
export const aadsts = (
  code: AadstsCode,
): { error: string; status: number; text: string; uri: string; suberror: string | undefined } => {
  const entry: Entry = codes[code]
  return {
    error: entry.error,
    status: entry.status,
    text: `AADSTS${code}: ${entry.text}`,
    uri: `https://login.microsoftonline.com/error?code=${code}`,
    suberror: entry.suberror,
  }
}

/** Sends the token endpoint's error body. */
export const sendAadsts = (world: World, res: Response, code: AadstsCode): void => {
  const { error, status, text, uri, suberror } = aadsts(code)
  const timestamp = `${new Date(world.now() * 1000).toISOString().slice(0, 19).replace('T', ' ')}Z`
  const trace = stableGuid('trace', String(world.requests.length))
  const correlation = stableGuid('correlation', String(world.requests.length))
  res.status(status).json({
    error,
    error_description: `${text}\r\nTrace ID: ${trace}\r\nCorrelation ID: ${correlation}\r\nTimestamp: ${timestamp}`,
    error_codes: [code],
    timestamp,
    trace_id: trace,
    correlation_id: correlation,
    error_uri: uri,
    ...(suberror !== undefined && { suberror }),
  })
}
