// One upstream round trip: begin() binds it to this browser, this interaction and this connector; finish() takes it exactly once and
// lets through what the narrow gate leaves. Who is new, or is shown something new, is asked first (core/confirm.ts).
import { bearerKey, openJson, sealJson, type SealContext } from '../crypto/envelope.ts'
import { digest, equal, mint } from '../crypto/secrets.ts'
import { isAdmitted } from './admission.ts'
import { checkAuthTime } from './auth-time.ts'
import { BrokerError } from './errors.ts'
import { opened, openInteraction, refuse, type Finished, type SignInDeps } from './interaction.ts'
import type { Connector } from './ports.ts'
import { recogniseIdentity } from './recognise.ts'
import { interactionHandle, recordDigest } from './record-seal.ts'

/** The sealed part of a `sign_in` row. */
type RoundTrip = { readonly nonce: string; readonly codeVerifier: string; readonly uid: string }

const ROUND_TRIP_SECONDS = 15 * 60

/**
 * Starts a round trip. Gives the value of its cookie, the handle that names the cookie, and where the browser goes.
 * Throws `unknown_connector`, `interaction_expired`, `upstream_unavailable`.
 */
export async function begin(
  deps: SignInDeps,
  connectorId: string,
  uid: string,
): Promise<{ cookie: string; handle: string; url: URL }> {
  const connector = getConnector(deps, connectorId)
  const cookie = mint()
  const handle = interactionHandle(uid)
  const roundTrip: RoundTrip = { nonce: mint(), codeVerifier: mint(48), uid }
  const state = `${handle}.${mint()}`
  const cookieDigest = digest('sign-in cookie', cookie)
  const admitting = [...deps.clients().values()].filter(
    ({ enabled, admission }) =>
      enabled && (admission.connectors.length === 0 || admission.connectors.includes(connectorId)),
  )
  const row = await deps.signIns.begin(
    {
      cookieDigest,
      connector: connectorId,
      stateDigest: digest('state', state),
      interactionDigest: recordDigest('Interaction', uid),
      payloadSealed: sealJson(bearerKey(cookie), roundTripContext(cookieDigest), roundTrip),
      expiresAt: Math.floor(deps.clock() / 1000) + ROUND_TRIP_SECONDS,
    },
    admitting.map(({ id }) => id),
  )
  const { params } = openInteraction(deps, row, uid)
  const url = await connector.authorizationUrl({
    state,
    nonce: roundTrip.nonce,
    codeVerifier: roundTrip.codeVerifier,
    prompts: typeof params['prompt'] === 'string' ? params['prompt'].split(' ') : [],
    ...(params['max_age'] === undefined ? {} : { maxAge: Number(params['max_age']) }),
    ...(typeof params['login_hint'] === 'string' ? { loginHint: params['login_hint'] } : {}),
    ...(typeof params['ui_locales'] === 'string' ? { uiLocales: params['ui_locales'] } : {}),
  })
  return { cookie, handle, url }
}

/**
 * Finishes a round trip, once. Throws `sign_in_not_found` (no cookie, late, or used), `sign_in_state_mismatch`,
 * `interaction_expired`, `not_admitted`, `account_unavailable`, `identity_revoked` and the connector's codes.
 */
export async function finish(
  deps: SignInDeps,
  connectorId: string,
  cookie: string | undefined,
  query: URLSearchParams,
): Promise<Finished> {
  const connector = getConnector(deps, connectorId)
  if (cookie === undefined || cookie.length < 22) throw new BrokerError('sign_in_not_found')
  const cookieDigest = digest('sign-in cookie', cookie)
  const taken = await deps.signIns.take(cookieDigest)
  if (taken === undefined) throw new BrokerError('sign_in_not_found')
  // RFC 9700 §4.4: an answer counts only for the upstream that it was asked of.
  if (taken.row.connector !== connectorId) throw new BrokerError('sign_in_state_mismatch')
  const state = query.get('state')
  // RFC 9700 §4.7: bound to this browser by the cookie, to this round trip by the state.
  if (state === null || !equal(digest('state', state), taken.row.stateDigest))
    throw new BrokerError('sign_in_state_mismatch')
  const roundTrip = opened('sign_in_not_found', () =>
    openJson(bearerKey(cookie), roundTripContext(cookieDigest), taken.row.payloadSealed),
  ) as RoundTrip
  const interaction = openInteraction(deps, taken.interaction, roundTrip.uid)
  const { params, client } = interaction
  const maxAge = params['max_age'] === undefined ? undefined : Number(params['max_age'])

  const prompts = typeof params['prompt'] === 'string' ? params['prompt'].split(' ') : []
  let profile
  let authTime
  try {
    profile = await connector.exchange(query, {
      state,
      nonce: roundTrip.nonce,
      codeVerifier: roundTrip.codeVerifier,
      ...(maxAge === undefined ? {} : { maxAge }),
    })
    if (!isAdmitted(client.admission, profile.admission)) throw new BrokerError('not_admitted')
    authTime = checkAuthTime({
      upstream: profile.authTime,
      now: Math.floor(deps.clock() / 1000),
      begunAt: Math.floor(taken.begunAt / 1000),
      maxAge,
      loginAsked: prompts.includes('login'),
      acceptUnproven: client.acceptUnprovenAuthTime,
    })
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'auth_time_unproven') throw error
    const description = 'the identity provider did not prove when the person authenticated'
    return {
      kind: 'resume',
      returnTo: await refuse(deps, interaction, 'unmet_authentication_requirements', description),
    }
  }
  return recogniseIdentity(deps, interaction, profile, { ...authTime, begunAt: taken.begunAt })
}

function getConnector(deps: SignInDeps, id: string): Connector {
  const connector = deps.connectors.get(id)
  if (connector === undefined) throw new BrokerError('unknown_connector')
  return connector
}

const roundTripContext = (cookieDigest: Uint8Array): SealContext => ({
  purpose: 'sign-in',
  account: '',
  table: 'sign_in',
  column: 'payload_sealed',
  row: Buffer.from(cookieDigest).toString('hex'),
  keyVersion: 1,
})
