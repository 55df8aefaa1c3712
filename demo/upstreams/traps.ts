/**
 * The switches that make a simulated upstream misbehave, one line each: the table below is their only definition.
 * Types, the demo page and the defaults all come from it; the first value of a family is how a vendor behaves normally.
 */
import type { Vendor } from './people.ts'

const faults = {
  off: 'answers as documented',
  down: 'cuts the connection without an answer',
  error500: 'answers 500 with a JSON error',
  html: 'answers 200 with an HTML page',
  truncatedJson: 'answers 200 with JSON that stops in the middle',
  hugeBody: 'answers 200 with a JSON document of 50 MB',
  slow: 'accepts the call and never answers',
  redirect302: 'answers 302 to another host',
} as const

const shared = {
  authorize: {
    off: 'comes back with a code',
    accessDenied: 'comes back with error=access_denied whatever the person chooses',
    serverError: 'comes back with error=server_error',
    dropState: 'comes back without state',
    wrongState: 'comes back with a state of its own',
    duplicateCode: 'comes back with two code parameters',
  },
  discovery: { ...faults, otherIssuer: 'the document names another issuer' },
  jwks: { ...faults, empty: 'a key set without keys' },
  token: {
    ...faults,
    expiredSecret: 'refuses our client secret as expired',
    noIdToken: 'leaves out the ID token',
  },
  userinfo: { ...faults, otherSub: "answers with another person's sub" },
  keys: {
    off: 'signs with a published key',
    rotated: 'signs with a new key; the key set holds it and drops the old one',
    unknownKid: 'signs with a key that is in no key set',
  },
  idToken: {
    off: 'a correct ID token',
    wrongIss: 'iss is https://attacker.example',
    wrongAud: 'aud is another client',
    extraAud: 'aud is a list of us and another client, azp the other client',
    wrongNonce: 'nonce is not the one that was sent',
    missingNonce: 'nonce is missing',
    missingSub: 'sub is missing',
    expired: 'exp lies an hour back',
    missingExp: 'exp is missing',
    future: 'iat and nbf lie an hour ahead',
    algNone: 'unsigned, alg none',
    algHs256: 'HS256 under our client secret',
    algHs256PublicKey: 'HS256 under the public key as text',
    badSignature: 'one bit of the signature is flipped',
    wrongAtHash: 'at_hash belongs to another access token',
    hasEventsClaim: 'carries an events claim, as a security event token does',
  },
  profile: {
    off: 'profile values as they are',
    missing: 'no name, e-mail, picture, company',
    wrongType: 'numbers, lists and objects where texts belong',
    oneMegabyteName: 'a name of one megabyte',
    markup: 'script and markup in name, e-mail and company',
    bidi: 'bidirectional overrides, zero-width and control characters in the name',
  },
  pictureUrl: {
    off: "the vendor's own picture address",
    metadata: 'http://169.254.169.254/latest/meta-data/',
    loopback: 'https://127.0.0.1/picture.png',
    otherHost: 'https://attacker.example/picture.png',
    plainHttp: 'the own address, but http',
    javascript: 'javascript:alert(1)',
    data: 'a data: address with SVG',
  },
  photo: {
    off: 'a real picture, or 404 for people without one',
    missing: '404 for everyone',
    svg: 'an SVG with a script, declared as such',
    svgAsPng: 'the same SVG, declared as image/png',
    notAnImage: 'text declared as image/jpeg',
    html: 'an HTML page declared as text/html',
    bomb: 'a PNG of 20 000 by 20 000 pixels in some 50 kB',
    huge: 'image/jpeg without end: 50 MB',
    truncated: 'a picture cut in half',
    gps: 'a JPEG with EXIF and a GPS position',
    throttled429: '429 with Retry-After: 120',
    slow: 'accepts the call and never answers',
    redirect302: 'answers 302 to another host',
  },
} as const

const onOff = (on: string): { readonly off: 'as documented'; readonly on: string } => ({
  off: 'as documented',
  on,
})

const table = {
  google: {
    ...shared,
    issParameter: {
      on: 'the callback carries iss',
      off: 'the callback carries no iss',
      wrong: 'the callback carries iss=https://attacker.example',
    },
    bareIssuer: onOff('iss is accounts.google.com without https://'),
    emailVerifiedAsString: onOff('email_verified is the text "true" or "false"'),
    subChangedForSameEmail: onOff('same e-mail and hd, another sub: a lapsed domain was bought'),
    promptNoneError: {
      interaction_required: 'prompt=none without a session: interaction_required',
      access_denied: 'the same: access_denied',
      immediate_failed: 'the same: immediate_failed',
    },
  },
  microsoft: {
    ...shared,
    consumerKeySignsWorkToken: onOff('a work token under the key of personal accounts'),
    unpublishedKey: onOff('signed with a key that was published once and no longer is'),
    tidNotGuid: onOff('tid is "evil" and iss is built from it'),
    tidMissing: onOff('no tid, and iss contains "undefined"'),
    issTidMismatch: onOff('tid names another tenant than iss'),
    v1Token: onOff('a version 1 token: iss https://sts.windows.net/<tid>/'),
    removeUnverifiedEmail: onOff(
      'e-mail of an unverified domain is left out, as for apps made since June 2023',
    ),
    xmsEdov: {
      boolean: 'xms_edov is true or false',
      number: 'xms_edov is 1 or 0',
      text: 'xms_edov is "true" or "false"',
      textNumber: 'xms_edov is "1" or "0"',
    },
    refuse: {
      off: 'the token endpoint answers as documented',
      AADSTS50057: 'the account is disabled',
      AADSTS50034: 'the user is not in the directory',
      AADSTS50173: 'the grant was revoked, a fresh token is needed',
      AADSTS65001: 'no consent for this app',
      AADSTS70008: 'the code or refresh token has expired',
      AADSTS700016: 'the app is not in this tenant',
      AADSTS700082: 'the refresh token expired by inactivity',
      AADSTS7000112: 'the app is disabled in this tenant',
      AADSTS7000215: 'the client secret is wrong',
      AADSTS7000222: 'the client secret has expired',
      AADSTS50076: 'more proof (MFA) is required',
    },
    graph: {
      ...faults,
      throttled429: '429 with Retry-After: 120',
      forbidden: '403 although User.Read was granted',
    },
  },
  oidc: {
    ...shared,
    issParameter: {
      on: 'the callback carries iss, as advertised',
      off: 'the callback carries no iss although it is advertised',
      wrong: 'the callback carries iss=https://attacker.example',
    },
    authTime: {
      on: 'auth_time is the time of the sign-in',
      off: 'auth_time is missing although max_age asked for it',
      old: 'max_age and prompt=login are ignored: auth_time lies a day back',
    },
  },
} as const

type Table = typeof table
type Switches<T> = { -readonly [K in keyof T]: keyof T[K] }

/** All switches, by vendor: plain and mutable, e.g. `traps.google.idToken = 'wrongIss'`. */
export type Traps = { [V in Vendor]: Switches<Table[V]> }

/** One family of switches as the demo page shows it. */
export type TrapFamily = {
  vendor: Vendor
  family: string
  values: Readonly<Record<string, string>>
  usual: string
}

const families: Readonly<Record<Vendor, Readonly<Record<string, Readonly<Record<string, string>>>>>> = table

/** Every switch with the one line that documents each of its values. */
export const trapFamilies: readonly TrapFamily[] = (['google', 'microsoft', 'oidc'] as const).flatMap(
  (vendor) =>
    Object.entries(families[vendor]).map(([family, values]) => ({
      vendor,
      family,
      values,
      usual: Object.keys(values)[0] ?? 'off',
    })),
)

type Settings = Record<Vendor, Record<string, string>>

const findFamily = (vendor: string, family: string): TrapFamily | undefined =>
  trapFamilies.find((entry) => entry.vendor === vendor && entry.family === family)

/** Sets one switch by name. False when there is no such vendor, family or value. */
export const setTrap = (traps: Traps, vendor: string, family: string, value: string): boolean => {
  const known = findFamily(vendor, family)
  if (known === undefined || !Object.hasOwn(known.values, value)) return false
  const settings: Settings = traps
  settings[known.vendor][family] = value
  return true
}

/** What one switch stands at. */
export const readTrap = (traps: Traps, { vendor, family, usual }: TrapFamily): string => {
  const settings: Settings = traps
  return settings[vendor][family] ?? usual
}

/** Puts every switch back to how the vendors behave. */
export const resetTraps = (traps: Traps): void => {
  for (const { vendor, family, usual } of trapFamilies) setTrap(traps, vendor, family, usual)
}

const isComplete = (settings: Settings): settings is Traps =>
  trapFamilies.every(({ vendor, family, values }) => Object.hasOwn(values, settings[vendor][family] ?? ''))

/** A fresh set of switches, all as usual. */
export const createTraps = (): Traps => {
  const settings: Settings = { google: {}, microsoft: {}, oidc: {} }
  for (const { vendor, family, usual } of trapFamilies) settings[vendor][family] = usual
  if (!isComplete(settings)) throw new Error('a family of switches has no values')
  return settings
}

/** Faults of a JSON endpoint. */
export type Fault = keyof typeof faults
/** Faults of a picture. */
export type PhotoTrap = keyof (typeof shared)['photo']
/** Faults of an ID token. */
export type IdTokenTrap = keyof (typeof shared)['idToken']
/** Faults of profile values. */
export type ProfileTrap = keyof (typeof shared)['profile']
/** Faults of a picture's address. */
export type PictureUrlTrap = keyof (typeof shared)['pictureUrl']
