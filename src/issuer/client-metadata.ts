// Our Client as oidc-provider's metadata (OpenID Connect Dynamic Client Registration 1.0 §2).
import type { ClientMetadata } from 'oidc-provider'
import type { Client } from '../core/model.ts'

export function clientMetadata(client: Client): ClientMetadata {
  const { authMethod } = client
  return {
    client_id: client.id,
    client_name: client.name,
    ...(client.secret === undefined ? {} : { client_secret: client.secret }),
    ...(client.jwks === undefined ? {} : { jwks: client.jwks }),
    application_type: client.redirectUris.some((uri) => !uri.startsWith('https:')) ? 'native' : 'web',
    token_endpoint_auth_method: authMethod,
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    response_types: ['code'],
    grant_types: client.refreshTokens ? ['authorization_code', 'refresh_token'] : ['authorization_code'],
    subject_type: 'pairwise',
    scope: ['openid', 'offline_access', ...client.scopes].join(' '),
    id_token_signed_response_alg: client.idTokenAlg,
    require_pushed_authorization_requests: client.requirePar,
    dpop_bound_access_tokens: client.dpop,
    require_auth_time: false,
  }
}
