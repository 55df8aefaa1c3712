// Who gets in where: one row per kind of identity and policy.
import { describe, expect, test } from '@jest/globals'
import { isAdmitted } from '../../src/core/admission.ts'
import type { AdmissionFacts, AdmissionPolicy } from '../../src/core/model.ts'

const open: AdmissionPolicy = { connectors: [], tenants: [], domains: [] }
const workspace: AdmissionFacts = { connector: 'google', domain: 'widgets.example' }
const gmail: AdmissionFacts = { connector: 'google' }
const work: AdmissionFacts = { connector: 'microsoft', tenant: 'larkspur' }
const other: AdmissionFacts = { connector: 'oidc' }

const TABLE: [string, Partial<AdmissionPolicy>, AdmissionFacts[], AdmissionFacts[]][] = [
  ['nothing', {}, [workspace, gmail, work, other], []],
  ['a connector', { connectors: ['google'] }, [workspace, gmail], [work, other]],
  ['two connectors', { connectors: ['google', 'oidc'] }, [workspace, gmail, other], [work]],
  ['its tenant', { tenants: ['larkspur'] }, [work], [workspace, gmail, other]],
  [
    'its tenant, and Google by name',
    { connectors: ['microsoft', 'google'], tenants: ['larkspur'] },
    [work, gmail],
    [other],
  ],
  ['another tenant', { tenants: ['quayside'] }, [], [work]],
  ['its tenant at another connector', { connectors: ['google'], tenants: ['larkspur'] }, [], [work]],
  ['a domain', { domains: ['widgets.example'] }, [workspace], [gmail, other]],
  ['another domain', { domains: ['harbour.example'] }, [], [workspace, gmail, other]],
  ['a domain that ends alike', { domains: ['idgets.example', 'example'] }, [], [workspace]],
  [
    'a tenant and a domain',
    { tenants: ['larkspur'], domains: ['widgets.example'] },
    [work, workspace],
    [gmail],
  ],
  ['a tenant, written as a domain', { domains: ['larkspur'] }, [], [work, workspace]],
]

describe('a client that asks for', () => {
  test.each(TABLE)('%s', (_what, policy, admitted, refused) => {
    const policies = { ...open, ...policy }
    for (const facts of admitted) {
      expect(isAdmitted(policies, facts)).toBe(true)
    }
    for (const facts of refused) {
      expect(isAdmitted(policies, facts)).toBe(false)
    }
  })
})
