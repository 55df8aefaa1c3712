/**
 * The invented people and tenants that every simulation starts with.
 * Each stands for one documented case of what a vendor sends, or leaves out. All domains lie under .example;
 * gmail.com appears once because Google is authoritative for exactly that domain.
 */
import { consumersTenant } from './people.ts'
import type { GooglePerson, MicrosoftPerson, OidcPerson, Person, Tenant } from './people.ts'

/** A law firm: most work accounts are here. */
export const larkspur: Tenant = {
  id: '3a1f9c52-7d11-4d0e-9a55-0c6f0f2f7a10',
  domain: 'larkspur.example',
  displayName: 'Larkspur Legal',
}

/** Another directory: home of the guest and of the nOAuth attacker. */
export const quayside: Tenant = {
  id: 'b7e4d0a1-52c8-4b6f-8f0e-6a1d9c3e7b42',
  domain: 'quayside.example',
  displayName: 'Quayside Partners',
}

/** The directories the simulated Microsoft knows. */
export const tenants: readonly Tenant[] = [larkspur, quayside]

const google: GooglePerson[] = [
  {
    vendor: 'google',
    id: 'dana',
    tag: 'Workspace account with picture',
    sub: '108204268033311374519',
    name: 'Dana Reyes',
    givenName: 'Dana',
    familyName: 'Reyes',
    email: 'dana@widgets.example',
    emailVerified: true,
    hd: 'widgets.example',
    picture: true,
  },
  {
    vendor: 'google',
    id: 'theo',
    tag: 'personal Gmail account',
    sub: '114620083915577203846',
    name: 'Theo Lindqvist',
    givenName: 'Theo',
    familyName: 'Lindqvist',
    email: 'theo.lindqvist.simulated@gmail.com',
    emailVerified: true,
    picture: true,
  },
  {
    vendor: 'google',
    id: 'ines',
    tag: 'personal account, address elsewhere, verified once',
    sub: '101937745520681129073',
    name: 'Inês Carvalho',
    givenName: 'Inês',
    familyName: 'Carvalho',
    email: 'ines@harbour.example',
    emailVerified: true,
    picture: true,
  },
  {
    vendor: 'google',
    id: 'amara',
    tag: 'personal account, address elsewhere, not verified',
    sub: '117350298846102957731',
    name: 'Amara Okafor',
    givenName: 'Amara',
    familyName: 'Okafor',
    email: 'amara@orchard.example',
    emailVerified: false,
    picture: true,
  },
  {
    vendor: 'google',
    id: 'noor',
    tag: 'Workspace account, no picture',
    sub: '106518830274459911206',
    name: 'Noor Haddad',
    givenName: 'Noor',
    familyName: 'Haddad',
    email: 'noor@widgets.example',
    emailVerified: true,
    hd: 'widgets.example',
  },
  {
    vendor: 'google',
    id: 'nameless',
    tag: 'no name, no picture',
    sub: '112094471836625508917',
    email: 'front-desk@widgets.example',
    emailVerified: true,
    hd: 'widgets.example',
  },
]

const microsoft: MicrosoftPerson[] = [
  {
    vendor: 'microsoft',
    id: 'robin',
    tag: 'work account with company name and picture',
    tenant: larkspur.id,
    oid: 'c1d2e3f4-1111-4222-8333-444455556666',
    name: 'Robin Vale',
    upn: 'robin@larkspur.example',
    mail: 'robin@larkspur.example',
    mailDomainVerified: true,
    companyName: 'Larkspur Legal LLP',
    picture: true,
  },
  {
    vendor: 'microsoft',
    id: 'mina',
    tag: 'work account, no company name, only an organisation',
    tenant: larkspur.id,
    oid: '5b0a7f19-6c2d-4e38-9f51-2d7c80a4e613',
    name: 'Mina Brandt',
    upn: 'mina@larkspur.example',
    mail: 'mina@larkspur.example',
    mailDomainVerified: true,
    picture: true,
  },
  {
    vendor: 'microsoft',
    id: 'jonas',
    tag: 'work account, no e-mail, no picture',
    tenant: larkspur.id,
    oid: 'e83c41d6-0f97-4a25-b6d8-91f3a07c52be',
    name: 'Jonas Weir',
    upn: 'jonas@larkspur.example',
  },
  {
    vendor: 'microsoft',
    id: 'priya',
    tag: 'work account at Quayside, guest at Larkspur',
    tenant: quayside.id,
    oid: '29d6b8f0-3e41-47ca-8a07-c5f21e9d4b36',
    name: 'Priya Nair',
    upn: 'priya@quayside.example',
    mail: 'priya@quayside.example',
    mailDomainVerified: true,
    guestOf: { tenant: larkspur.id, oid: '7fa5c203-18be-4d69-a3c4-60e2d9b1f857' },
  },
  {
    vendor: 'microsoft',
    id: 'kim',
    tag: 'personal account',
    tenant: consumersTenant,
    oid: '00000000-0000-0000-1ee2-a7991dc5b56b',
    name: 'Kim Oduya',
    upn: 'kim@outlook.example',
    mail: 'kim@outlook.example',
    picture: true,
  },
  {
    vendor: 'microsoft',
    id: 'lee',
    tag: 'personal account, no picture',
    tenant: consumersTenant,
    oid: '00000000-0000-0000-4c07-93b5e8d1fa20',
    name: 'Lee Marchetti',
    upn: 'lee@outlook.example',
    mail: 'lee@outlook.example',
  },
  {
    vendor: 'microsoft',
    id: 'mallory',
    tag: "attacker at Quayside who carries Robin's e-mail address",
    tenant: quayside.id,
    oid: 'd4f17a86-9b30-4c5e-82f1-07ab36c9e5d8',
    name: 'Robin Vale',
    upn: 'mallory@quayside.example',
    mail: 'robin@larkspur.example',
    mailDomainVerified: false,
  },
]

const oidc: OidcPerson[] = [
  {
    vendor: 'oidc',
    id: 'ola',
    tag: 'all claims',
    sub: 'user-0001',
    name: 'Ola Nordmann',
    email: 'ola@fjord.example',
    emailVerified: true,
    picture: true,
  },
  {
    vendor: 'oidc',
    id: 'yuki',
    tag: 'e-mail not verified, no picture',
    sub: 'user-0002',
    name: 'Yuki Tanabe',
    email: 'yuki@maple.example',
    emailVerified: false,
  },
  { vendor: 'oidc', id: 'subject-only', tag: 'nothing but a subject', sub: 'user-0003' },
]

/** Everyone, in the order the choosers show them. */
export const cast: readonly Person[] = [...google, ...microsoft, ...oidc]
