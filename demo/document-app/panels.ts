/**
 * What the app knows about a person, in full, and how it knows that it is true: the claims of the ID token, as they came. Every
 * claim shows up here, also one that nobody expected.
 */
import { html } from 'hono/html'
import { isolated, tick, type Piece } from './html.ts'
import type { SignedIn } from './sign-in.ts'

const profileClaims = [
  ['name', 'Name'],
  ['email', 'E-mail address'],
  ['email_verified', 'E-mail verified'],
  ['picture', 'Picture'],
  ['company', 'Company'],
  ['provider_id', 'ID at your provider'],
  ['sub', 'ID for this app'],
] as const

/** Claims that are about the token, not about the person. */
const protocolClaims = new Set([
  'iss',
  'aud',
  'exp',
  'iat',
  'nbf',
  'jti',
  'nonce',
  'sid',
  'auth_time',
  'at_hash',
  'azp',
  'acr',
  'amr',
])

const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' })

const time = (seconds: number | undefined): Piece =>
  seconds === undefined
    ? html`unknown`
    : html`<time datetime="${new Date(seconds * 1000).toISOString()}"
        >${moment.format(seconds * 1000)} UTC</time
      >`

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const fact = (label: string, value: Piece, claim?: string): Piece =>
  html`<div>
    <dt>${label}${claim === undefined ? '' : html` <code>${claim}</code>`}</dt>
    <dd>${value}</dd>
  </div>`

/** `name` is the app's. */
export const knownPanel = ({ claims }: SignedIn, name: string): Piece => {
  const expected = new Set<string>(profileClaims.map(([claim]) => claim))
  const others = Object.keys(claims).filter((claim) => !expected.has(claim) && !protocolClaims.has(claim))
  return html`<section class="known card" aria-labelledby="known">
    <h2 id="known">What this app knows about you</h2>
    <p class="small">All that ${name} was told when you signed in.</p>
    <dl class="facts">
      ${profileClaims.map(([claim, label]) =>
        claims[claim] === undefined
          ? fact(label, html`<span class="missing">not given</span>`, claim)
          : fact(label, isolated(textOf(claims[claim])), claim),
      )}
      ${others.map((claim) => fact('Something else', isolated(textOf(claims[claim])), claim))}
    </dl>
  </section>`
}

/** `audience` is the API that the access token is for. */
export const tokenPanel = ({ claims, key, accessTokenExpiresAt }: SignedIn, audience: string): Piece =>
  html`<section class="token card" aria-labelledby="token">
    <h2 id="token">How it knows</h2>
    <p class="verified">${tick} Signature verified with the issuer’s published keys</p>
    <dl class="facts">
      ${fact('Issuer', isolated(textOf(claims.iss)), 'iss')}
      ${fact('Subject', isolated(textOf(claims.sub)), 'sub')}
      ${fact('Session', claims['sid'] === undefined ? html`none` : isolated(textOf(claims['sid'])), 'sid')}
      ${fact('Algorithm', isolated(key.alg), 'alg')} ${fact('Key', isolated(key.kid), 'kid')}
      ${fact('ID token expires', time(claims.exp), 'exp')}
      ${fact('Access token for', isolated(audience), 'aud')}
      ${fact('Access token expires', time(accessTokenExpiresAt), 'exp')}
    </dl>
  </section>`
