// Which identities a client lets in. Checked at the callback, at every /authorize, at refresh and introspection, always against the
// identity that opened the session. Domains are Google's `hd` claim only, never the part of an e-mail behind the @ (upstreams A.4).
import { BrokerError } from './errors.ts'
import type { AdmissionFacts, AdmissionPolicy } from './model.ts'

/** Whether `facts` satisfy `policy`. A tenant list binds Microsoft identities, a domain list Google's; each kind needs its own list. */
export function isAdmitted(policy: AdmissionPolicy, facts: AdmissionFacts): boolean {
  if (policy.connectors.length > 0 && !policy.connectors.includes(facts.connector)) return false
  if (facts.tenant !== undefined && policy.tenants.length > 0 && !policy.tenants.includes(facts.tenant))
    return false
  if (policy.domains.length > 0 && facts.tenant === undefined) {
    return facts.domain !== undefined && policy.domains.includes(facts.domain)
  }
  return true
}

/** Throws `not_admitted`. */
export function checkAdmission(policy: AdmissionPolicy, facts: AdmissionFacts): void {
  if (!isAdmitted(policy, facts)) throw new BrokerError('not_admitted')
}
