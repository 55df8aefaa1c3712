// When a person is sent to sign in, and what an app is granted without being asked: our apps are one family, the person has agreed on
// the confirm page, and a grant never exceeds the app's configuration.
import { interactionPolicy, type default as Provider, type KoaContextWithOIDC } from 'oidc-provider'
import { isAdmitted } from '../core/admission.ts'
import type { Client } from '../core/model.ts'
import { grantedClaims } from './claims.ts'
import { currentWork } from './work.ts'

const { Check, Prompt, base } = interactionPolicy

export function createPolicy(clientOf: (ctx: KoaContextWithOIDC) => Client) {
  const policy = base()
  policy.remove('consent')
  const login = policy.get('login')
  if (login === undefined) throw new TypeError('oidc-provider has no login prompt')
  const add = (reason: string, description: string, check: (ctx: KoaContextWithOIDC) => boolean) =>
    login.checks.add(new Check(reason, description, 'login_required', check))
  const isPending = (ctx: KoaContextWithOIDC, prompt: string): boolean => ctx.oidc.promptPending(prompt)

  // Without it a session whose account is gone is a TypeError inside the library (oidc-provider.md §5).
  add(
    'account_gone',
    'the account is not available',
    (ctx) => ctx.oidc.session?.accountId !== undefined && ctx.oidc.account === undefined,
  )
  add('not_admitted', 'the app does not admit this account', (ctx) => {
    const { signedIn } = currentWork()
    return (
      ctx.oidc.session?.accountId !== undefined &&
      (signedIn === undefined || !isAdmitted(clientOf(ctx).admission, signedIn.facts))
    )
  })
  add('unproven_auth_time', 'the time of authentication is not proven', (ctx) => {
    const asked = ctx.oidc.params?.['max_age'] !== undefined
    return (
      asked &&
      currentWork().signedIn?.authTimeProven === false &&
      !clientOf(ctx).acceptUnprovenAuthTime &&
      !hasLogin(ctx)
    )
  })
  add(
    'other_account',
    'the person wants to choose',
    (ctx) => isPending(ctx, 'select_account') || isPending(ctx, 'consent'),
  )
  policy.add(new Prompt({ name: 'consent', requestable: true }), 1)
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 2)
  return policy
}

const hasLogin = (ctx: KoaContextWithOIDC): boolean => ctx.oidc.result?.login !== undefined

/** The session's grant for this app, made or widened to what was asked and is granted. */
export async function loadExistingGrant(ctx: KoaContextWithOIDC, provider: Provider, client: Client) {
  const { session, client: libraryClient } = ctx.oidc
  const accountId = session?.accountId
  if (session === undefined || libraryClient === undefined || accountId === undefined) return undefined
  const grantId = session.grantIdFor(client.id)
  const found = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const grant =
    found?.accountId === accountId ? found : new provider.Grant({ accountId, clientId: client.id })
  const before = JSON.stringify([grant.openid, grant.resources])

  const allowed = new Set<string>(['openid', 'offline_access', ...client.scopes])
  grant.addOIDCScope(
    [...ctx.oidc.requestParamScopes].filter((scope) => allowed.has(scope)).join(' ') || 'openid',
  )
  const claims = grantedClaims(client)
  grant.addOIDCClaims([...ctx.oidc.requestParamClaims].filter((claim) => claims.has(claim)))
  for (const [resource, server] of Object.entries(ctx.oidc.resourceServers ?? {})) {
    const scopes = new Set(server.scope.split(' '))
    const asked = [...ctx.oidc.requestParamScopes].filter((scope) => scopes.has(scope))
    if (asked.length > 0) grant.addResourceScope(resource, asked.join(' '))
  }
  if (found !== grant || JSON.stringify([grant.openid, grant.resources]) !== before) await grant.save()
  return grant
}
