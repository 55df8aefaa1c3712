/**
 * Profile values as a vendor would send them, bent by the `profile` and `pictureUrl` traps.
 * Only the keys that the vendor sends are bent, so a trap never adds a claim.
 */
import type { PictureUrlTrap, ProfileTrap } from './traps.ts'

const names = ['name', 'given_name', 'family_name', 'displayName', 'givenName', 'surname']
const mails = ['email', 'mail', 'preferred_username', 'userPrincipalName']
const companies = ['hd', 'companyName']

const markup = '<script>alert(1)</script><img src=x onerror=alert(1)>"\'&amp;'
// Right-to-left override, zero-width space, isolate, NUL, escape, byte-order mark.
const bidi = 'Rob\u202Enixe\u202C\u200B \u2066Vale\u2069\u0000\u001B[31m\uFEFF'

const odd: Record<string, unknown> = {
  name: { given: 'Robin' },
  email: ['robin@larkspur.example', 'other@larkspur.example'],
  mail: 42,
  picture: { url: 'https://attacker.example/' },
  email_verified: 'yes',
  hd: ['widgets.example'],
  companyName: { name: 'Larkspur' },
  displayName: 1795491000,
  preferred_username: true,
}

const withheld = new Set([...names, ...mails, ...companies, 'email_verified', 'picture'])
const longNames = new Set(['name', 'displayName'])

const bends: Record<ProfileTrap, (key: string, value: unknown) => unknown> = {
  off: (_key, value) => value,
  missing: (key, value) => (withheld.has(key) ? undefined : value),
  wrongType: (key, value) => (Object.hasOwn(odd, key) ? odd[key] : value),
  oneMegabyteName: (key, value) => (longNames.has(key) ? 'A'.repeat(1024 * 1024) : value),
  markup: (key, value) => {
    if (mails.includes(key)) return '"<script>alert(1)</script>"@markup.example'
    return names.includes(key) || companies.includes(key) ? markup : value
  },
  bidi: (key, value) => (names.includes(key) ? bidi : value),
}

/** The claims with the trap applied; a bent value of `undefined` is left out. */
export const bentProfile = (trap: ProfileTrap, claims: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(claims)
      .map(([key, value]) => [key, bends[trap](key, value)] as const)
      .filter(([, value]) => value !== undefined),
  )

const addresses: Record<Exclude<PictureUrlTrap, 'off' | 'plainHttp'>, string> = {
  metadata: 'http://169.254.169.254/latest/meta-data/',
  loopback: 'https://127.0.0.1/picture.png',
  otherHost: 'https://attacker.example/picture.png',
  javascript: 'javascript:alert(1)',
  data: 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
}

/** The picture address that is sent in place of `own`. */
export const bentPictureUrl = (trap: PictureUrlTrap, own: string | undefined): string | undefined => {
  if (trap === 'off') return own
  return trap === 'plainHttp' ? own?.replace(/^https:/, 'http:') : addresses[trap]
}
