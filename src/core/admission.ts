// Which identities a client lets in. Checked at the callback, at every /authorize, at refresh and introspection, always against the
// identity that opened the session. Domains are Google's `hd` claim only, never the part of an e-mail behind the @ (upstreams A.4).
import type { AdmissionFacts, AdmissionPolicy } from './model.ts'

/**
 * Whether `facts` satisfy `policy`. A tenant list binds Microsoft identities, a domain list all others. Where only the other kind's
 * list is given, an identity gets in by having its connector named: a list that was meant to keep people out must not let others in.
 */
export function isAdmitted(policy: AdmissionPolicy, facts: AdmissionFacts): boolean {
  const { connectors, tenants, domains } = policy
  const isNamed = connectors.includes(facts.connector)
  if (connectors.length > 0 && !isNamed) return false
  if (tenants.length === 0 && domains.length === 0) return true
  if (facts.tenant !== undefined) return tenants.length > 0 ? tenants.includes(facts.tenant) : isNamed
  if (domains.length > 0) return facts.domain !== undefined && domains.includes(facts.domain)
  return isNamed
}
