// Microsoft, work and personal accounts. Who someone is is `tid:oid`, never an address: `email` is whatever a tenant's administrator
// wrote (nOAuth). The library checks neither that `tid` is a tenant nor that a key may sign for it; both are checked here.
// https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens
import * as client from 'openid-client'
import { BrokerError } from '../core/errors.ts'
import { upstreamProfile, type Answer } from '../core/model.ts'
import type { Connector } from '../core/ports.ts'
import type { UpstreamClaims, UpstreamKey } from '../crypto/upstream-jwt.ts'
import { invalid, isOurFault, type Refusal } from './failure.ts'
import { answerOf, askWithinDeadline, EMPTY, type Questions } from './optional.ts'
import type { ConnectorDeps, MicrosoftSettings } from './settings.ts'
import { createUpstream, type Redeemed } from './upstream.ts'

const LOGIN = 'https://login.microsoftonline.com'
const GRAPH = 'https://graph.microsoft.com/v1.0'
const TEMPLATE = `${LOGIN}/{tenantid}/v2.0`
/** The tenant of all personal accounts. */
const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'
const WORDS = new Set(['common', 'organizations', 'consumers'])
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export const MICROSOFT_HOSTS = ['login.microsoftonline.com', 'graph.microsoft.com'] as const

/** Throws `configuration_invalid` for an authority that is neither a word of Microsoft's nor a GUID. */
export function createMicrosoft(
  settings: MicrosoftSettings,
  deps: ConnectorDeps,
  place: { callbackPath: string; redirectUri: string },
): Connector {
  const authority = settings.authority.toLowerCase()
  const allowed = (settings.allowedTenants ?? []).map((tenant) => tenant.toLowerCase())
  if (!(WORDS.has(authority) || GUID.test(authority)) || !allowed.every((tenant) => GUID.test(tenant))) {
    throw new BrokerError('configuration_invalid', {
      detail: `connector ${settings.id}: a tenant is named by its GUID`,
    })
  }
  const graph = settings.graph ?? true
  const upstream = createUpstream(settings, deps, {
    server: `${LOGIN}/${authority}/v2.0`,
    issuer: documentIssuer(authority),
    redirectUri: place.redirectUri,
    scope: graph ? 'openid profile email User.Read' : 'openid profile email',
    algorithms: ['RS256'],
    clientAuth: client.ClientSecretPost(settings.clientSecret),
    isOurFault: isOurMicrosoftFault,
  })

  return {
    id: settings.id,
    kind: 'microsoft',
    label: settings.label,
    callbackPath: place.callbackPath,

    authorizationUrl(request) {
      const prompt = promptOf(request.prompts)
      // Microsoft refuses a hint beside select_account.
      const hint = prompt === 'select_account' ? undefined : request.loginHint
      return upstream.authorizationUrl(request, {
        ...(prompt === undefined ? {} : { prompt }),
        ...(hint === undefined ? {} : { login_hint: hint }),
      })
    },

    exchange(query, sent) {
      // RFC 9207 §2.4: Microsoft sends no iss. Should it begin to, it will be the tenant's, which the library can't know.
      const named = query.getAll('iss')
      const rest = new URLSearchParams(query)
      if (named.length === 1) rest.delete('iss')
      return upstream.redeem(
        rest,
        sent,
        (claims) => issuerFor(parseTenant(claims)),
        async (redeemed) => {
          const { claims } = redeemed
          const tenant = parseTenant(claims)
          const issuer = issuerFor(tenant)
          const { oid } = claims
          if (named.length === 1 && named[0] !== issuer) throw invalid('callback_issuer')
          checkKeyIssuer(redeemed.key, tenant)
          if (claims['ver'] !== '2.0') throw invalid('id_token_ver')
          checkAuthority(authority, tenant)
          if (allowed.length > 0 && !allowed.includes(tenant))
            throw new BrokerError('not_admitted', { cause: new Error('tenant') })
          if (typeof oid !== 'string' || !GUID.test(oid)) throw invalid('id_token_oid')
          return upstreamProfile({
            connector: settings.id,
            issuer,
            providerUserId: `${tenant}:${oid}`,
            name: answerOf(claims['name']),
            // preferred_username and upn look like addresses and are none.
            email: answerOf(claims['email']),
            emailVerified: isEmailProven(claims, tenant),
            ...(graph
              ? await askGraph(redeemed, tenant, settings, deps)
              : { company: EMPTY, picture: EMPTY }),
            admission: { connector: settings.id, tenant },
            ...(typeof claims['auth_time'] === 'number' ? { authTime: claims['auth_time'] } : {}),
            ...(typeof claims['sid'] === 'string' ? { upstreamSid: claims['sid'] } : {}),
          })
        },
      )
    },
  }
}

const issuerFor = (tenant: string): string => `${LOGIN}/${tenant}/v2.0`

/** What the authority's discovery document names: a template where many tenants share it. */
function documentIssuer(authority: string): string {
  if (authority === 'common' || authority === 'organizations') return TEMPLATE
  return issuerFor(authority === 'consumers' ? CONSUMERS : authority)
}

/** `tid`, from which the expected issuer is rebuilt: so it has to be a GUID, or `iss` could be anything of that form. */
function parseTenant({ tid }: UpstreamClaims): string {
  if (typeof tid !== 'string' || !GUID.test(tid)) throw invalid('id_token_tid')
  return tid
}

/** A key signs only for the issuer it was published for: one of personal accounts never for a tenant (Storm-0558, CSRB 2024). */
function checkKeyIssuer({ issuer }: UpstreamKey, tenant: string): void {
  if (issuer === undefined) return
  const own = typeof issuer === 'string' ? issuer.replace('{tenantid}', tenant) : undefined
  if (own !== issuerFor(tenant)) throw invalid('key_issuer')
}

/** Who may sign in at the authority, by the token rather than by trust in the page it came from. */
function checkAuthority(authority: string, tenant: string): void {
  if (authority === 'common') return
  const fits =
    authority === 'organizations' ? tenant !== CONSUMERS : issuerFor(tenant) === documentIssuer(authority)
  if (!fits) throw invalid('id_token_authority')
}

/** One value only; the strictest that was asked for. */
const promptOf = (prompts: readonly string[]): string | undefined =>
  ['login', 'consent', 'select_account', 'none'].find((prompt) => prompts.includes(prompt))

/** Verified only for personal accounts, and where Microsoft says that the tenant owns the domain. Several forms have been seen. */
function isEmailProven({ email, xms_edov: edov }: UpstreamClaims, tenant: string): boolean {
  if (typeof email !== 'string') return false
  return tenant === CONSUMERS || [true, 1, '1', 'true'].some((yes) => edov === yes)
}

// AADSTS numbers, never texts: wrong or expired secret, reply URL, tenant, audience, app not multi-tenant, loop. An expired secret of ours
// says nothing about any person. https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
const OUR_FAULTS = new Set([7000215, 7000218, 7000222, 50011, 50194, 90002, 9001023, 9002332, 50196])
// The tenant has removed or disabled the app: `unauthorized_client`, but nothing that we could mend.
const THEIR_CHOICE = new Set([700016, 7000112])

function isOurMicrosoftFault(refusal: Refusal): boolean {
  const { aadsts } = refusal
  if (aadsts !== undefined && OUR_FAULTS.has(aadsts)) return true
  return isOurFault(refusal) && !(aadsts !== undefined && THEIR_CHOICE.has(aadsts))
}

async function askGraph(
  { accessToken }: Redeemed,
  tenant: string,
  settings: MicrosoftSettings,
  deps: ConnectorDeps,
): Promise<{ company: Answer<unknown>; picture: Answer<Uint8Array> }> {
  const questions = askWithinDeadline(settings, deps)
  const headers = { authorization: `Bearer ${accessToken}` }
  const [company, picture] = await Promise.all([
    // A personal account has neither a company nor an organisation, and ignores $select: so it isn't asked.
    tenant === CONSUMERS ? EMPTY : askCompany(questions, headers),
    questions.picture(`${GRAPH}/me/photo/$value`, headers),
  ])
  return { company, picture }
}

/** What the directory says of the person, else the name of the organisation. */
async function askCompany(questions: Questions, headers: Record<string, string>): Promise<Answer<unknown>> {
  const [own, organisation] = await Promise.all([
    questions.json(`${GRAPH}/me?$select=companyName`, headers, (body) =>
      answerOf(member(body, 'companyName')),
    ),
    questions.json(`${GRAPH}/organization?$select=displayName`, headers, (body) => {
      const list = member(body, 'value')
      return answerOf(member(Array.isArray(list) ? list[0] : undefined, 'displayName'))
    }),
  ])
  return own.state === 'empty' ? organisation : own
}

const member = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? Object.entries(body).find(([key]) => key === name)?.[1]
    : undefined
