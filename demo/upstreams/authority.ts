/**
 * Microsoft's authorities: the first path segment says who may sign in, and which tenant the token is for.
 * https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc
 */
import { tenants } from './cast.ts'
import { consumersTenant } from './people.ts'
import type { MicrosoftPerson } from './people.ts'

const login = 'https://login.microsoftonline.com'

/** `common` and `organizations` have an issuer template, the others a fixed tenant. */
export type Authority = { name: string; tenant: string | undefined; personal: boolean; work: boolean }

/** The authority of a path segment: a word, a tenant's GUID or its domain; undefined when there is none. */
export const parseAuthority = (name: string): Authority | undefined => {
  if (name === 'common') return { name, tenant: undefined, personal: true, work: true }
  if (name === 'organizations') return { name, tenant: undefined, personal: false, work: true }
  if (name === 'consumers' || name === consumersTenant) {
    return { name, tenant: consumersTenant, personal: true, work: false }
  }
  const tenant = tenants.find((one) => one.id === name || one.domain === name)
  return tenant && { name, tenant: tenant.id, personal: false, work: true }
}

/** A tenant's issuer. The template has literal braces, as in the documents of `common` and `organizations`. */
export const issuerOf = (tenant: string | undefined): string => `${login}/${tenant ?? '{tenantid}'}/v2.0`

/** Whether this is a personal account. */
export const isPersonal = (person: MicrosoftPerson): boolean => person.tenant === consumersTenant

/** A person in one tenant: members have their own object id, guests another. */
export type Membership = { tenant: string; oid: string; guest: boolean }

/** As whom a person signs in at an authority; undefined when not admitted (AADSTS50020). */
export const membershipAt = (authority: Authority, person: MicrosoftPerson): Membership | undefined => {
  const home = { tenant: person.tenant, oid: person.oid, guest: false }
  if (isPersonal(person)) {
    return authority.personal ? home : guestAt(authority, person)
  }
  if (!authority.work) return undefined
  if (authority.tenant === undefined || authority.tenant === person.tenant) return home
  return guestAt(authority, person)
}

const guestAt = (authority: Authority, person: MicrosoftPerson): Membership | undefined =>
  person.guestOf !== undefined && person.guestOf.tenant === authority.tenant
    ? { ...person.guestOf, guest: true }
    : undefined

/** The discovery document. It says nothing of PKCE, though PKCE works: that is how Microsoft's reads. */
export const discoveryOf = (authority: Authority): Record<string, unknown> => ({
  token_endpoint: `${login}/${authority.name}/oauth2/v2.0/token`,
  token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
  jwks_uri: `${login}/${authority.name}/discovery/v2.0/keys`,
  response_modes_supported: ['query', 'fragment', 'form_post'],
  subject_types_supported: ['pairwise'],
  id_token_signing_alg_values_supported: ['RS256'],
  response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
  scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
  issuer: issuerOf(authority.tenant),
  request_uri_parameter_supported: false,
  userinfo_endpoint: 'https://graph.microsoft.com/oidc/userinfo',
  authorization_endpoint: `${login}/${authority.name}/oauth2/v2.0/authorize`,
  device_authorization_endpoint: `${login}/${authority.name}/oauth2/v2.0/devicecode`,
  http_logout_supported: true,
  frontchannel_logout_supported: true,
  end_session_endpoint: `${login}/${authority.name}/oauth2/v2.0/logout`,
  claims_supported: [
    'sub',
    'iss',
    'cloud_instance_name',
    'cloud_instance_host_name',
    'cloud_graph_host_name',
    'msgraph_host',
    'aud',
    'exp',
    'iat',
    'auth_time',
    'acr',
    'nonce',
    'preferred_username',
    'name',
    'tid',
    'ver',
    'at_hash',
    'c_hash',
    'email',
  ],
  kerberos_endpoint: `${login}/${authority.name}/kerberos`,
  tenant_region_scope: authority.personal || authority.tenant === undefined ? null : 'EU',
  cloud_instance_name: 'microsoftonline.com',
  cloud_graph_host_name: 'graph.windows.net',
  msgraph_host: 'graph.microsoft.com',
  rbac_url: 'https://pas.windows.net',
})
