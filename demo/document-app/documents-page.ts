/**
 * The page of somebody who is signed in: their documents, and beside them, in full, what this app was told about them and how it
 * knows that it is true. Every claim that came in shows up here, also one that nobody expected.
 */
import type { Response } from 'express'
import { html } from 'hono/html'
import { kinds, type Document } from './documents.ts'
import { attribute, isolated, sendPage, sheetMark, tick, type Look, type Piece } from './html.ts'
import type { SignedIn } from './sign-in.ts'

/** `draft` is what the person had typed before they had to sign in again; `problem` is why a form wasn't taken. */
export type DocumentsPage = {
  readonly signedIn: SignedIn
  readonly documents: readonly Document[]
  readonly audience: string
  readonly draft: { title: string; kind: string } | undefined
  readonly problem: 'title' | 'renewed' | undefined
}

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
const protocolClaims = [
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
]

const kindNames = { invoice: 'Invoice', contract: 'Contract', letter: 'Letter' } as const
const day = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
})
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' })

const time = (seconds: number | undefined): Piece =>
  seconds === undefined
    ? html`unknown`
    : html`<time datetime="${new Date(seconds * 1000).toISOString()}"
        >${moment.format(seconds * 1000)} UTC</time
      >`

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const stringIn = (claims: SignedIn['claims'], name: string): string | undefined => {
  const value = claims[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

const initials = (name: string): string =>
  name
    .split(/\s+/)
    .filter((word) => /^\p{L}/u.test(word))
    .map((word) => word.charAt(0).toUpperCase())
    .slice(0, 2)
    .join('')

/** Decorative, as the name stands beside it. Only the issuer's pictures: the page's policy lets in no others. */
const avatar = ({ claims }: SignedIn, look: Look, className: string): Piece => {
  const picture = stringIn(claims, 'picture')
  const isOurs =
    picture !== undefined && URL.canParse(picture) && new URL(picture).origin === look.issuerOrigin
  return isOurs
    ? html`<img
        class="${className}"
        src="${picture}"
        alt=""
        width="64"
        height="64"
        referrerpolicy="no-referrer"
      />`
    : html`<span class="${className}" aria-hidden="true"
        >${initials(stringIn(claims, 'name') ?? stringIn(claims, 'email') ?? '') || '·'}</span
      >`
}

const documentRow = (document: Document): Piece =>
  html`<li>
    ${sheetMark(`thumb ${document.kind}`)}
    <div class="what">
      <h3>${isolated(document.title)}</h3>
      <p>
        <span class="number">${document.number}</span> ${kindNames[document.kind]} ·
        ${isolated(document.party)}
      </p>
    </div>
    <p class="state">
      <span class="chip ${document.tone}">${document.status}</span>
      <time datetime="${document.changed}">${day.format(new Date(document.changed))}</time>
    </p>
  </li>`

const createForm = ({ draft, problem }: DocumentsPage): Piece => {
  const isWrong = problem === 'title'
  return html`<form class="create card" method="post" action="/documents">
    <h2>New document</h2>
    ${
      problem === 'renewed'
        ? html`<p class="notice" role="status">You were signed in again. Press Create once more.</p>`
        : ''
    }
    <div class="fields">
      <p>
        <label for="title">Title</label>
        <input
          id="title"
          name="title"
          type="text"
          required
          maxlength="120"
          autocomplete="off"
          value="${draft?.title ?? ''}"
          ${attribute(isWrong, 'aria-invalid="true" aria-describedby="title-problem"')}
        />
      </p>
      <p>
        <label for="kind">Kind</label>
        <select id="kind" name="kind">
          ${kinds.map(
            (kind) =>
              html`<option value="${kind}" ${attribute(draft?.kind === kind, 'selected')}>
                ${kindNames[kind]}
              </option>`,
          )}
        </select>
      </p>
      <button class="button" type="submit">Create document</button>
    </div>
    ${isWrong ? html`<p id="title-problem" class="problem">Give it a title of 1 to 120 characters.</p>` : ''}
  </form>`
}

const fact = (label: string, value: Piece, claim?: string): Piece =>
  html`<div>
    <dt>${label}${claim === undefined ? '' : html` <code>${claim}</code>`}</dt>
    <dd>${value}</dd>
  </div>`

const knownPanel = ({ claims }: SignedIn, look: Look): Piece => {
  const expected = new Set<string>(profileClaims.map(([name]) => name))
  const others = Object.keys(claims).filter((name) => !expected.has(name) && !protocolClaims.includes(name))
  return html`<section class="card" aria-labelledby="known">
    <h2 id="known">What this app knows about you</h2>
    <p class="small">All that ${look.name} was told when you signed in.</p>
    <dl class="facts">
      ${profileClaims.map(([name, label]) =>
        claims[name] === undefined
          ? fact(label, html`<span class="missing">not given</span>`, name)
          : fact(label, isolated(textOf(claims[name])), name),
      )}
      ${others.map((name) => fact('Something else', isolated(textOf(claims[name])), name))}
    </dl>
  </section>`
}

const tokenPanel = ({ claims, key, accessTokenExpiresAt }: SignedIn, audience: string): Piece =>
  html`<section class="card" aria-labelledby="token">
    <h2 id="token">How it knows</h2>
    <p class="verified">${tick} Signature verified with the issuer’s published keys</p>
    <dl class="facts">
      ${fact('Issuer', isolated(textOf(claims.iss)), 'iss')}
      ${fact('Subject', isolated(textOf(claims.sub)), 'sub')}
      ${fact('Session', claims['sid'] === undefined ? html`none` : isolated(textOf(claims['sid'])), 'sid')}
      ${fact('Key', html`${key.alg}, ${isolated(key.kid)}`, 'kid')}
      ${fact('ID token expires', time(claims.exp), 'exp')}
      ${fact('Access token for', isolated(audience), 'aud')}
      ${fact('Access token expires', time(accessTokenExpiresAt), 'exp')}
    </dl>
  </section>`

export const sendDocuments = (res: Response, look: Look, page: DocumentsPage): Promise<void> => {
  const { signedIn, documents } = page
  const name = stringIn(signedIn.claims, 'name')
  const email = stringIn(signedIn.claims, 'email')
  const company = stringIn(signedIn.claims, 'company')
  return sendPage(res, look, {
    status: page.problem === 'title' ? 422 : 200,
    title: 'Documents',
    bar: html`<form class="account" method="post" action="/logout">
      <button class="quiet button" type="submit" name="action" value="sign-out">Sign out</button>
    </form>`,
    main: html`<div class="greeting">
        ${avatar(signedIn, look, 'avatar')}
        <div>
          <h1>${name === undefined ? 'Hello' : html`Hello, ${isolated(name)}`}</h1>
          ${
            email === undefined
              ? ''
              : html`<p>
                  ${isolated(email)}
                  ${
                    signedIn.claims['email_verified'] === true
                      ? html`<span class="verified">${tick} verified</span>`
                      : html`<span class="chip draft">not verified</span>`
                  }
                </p>`
          }
          ${company === undefined ? '' : html`<p>${isolated(company)}</p>`}
        </div>
      </div>
      <div class="columns">
        <div>
          <section aria-labelledby="documents">
            <h2 id="documents">Documents <span class="count">${documents.length}</span></h2>
            <ul class="documents">
              ${documents.map(documentRow)}
            </ul>
          </section>
          ${createForm(page)}
        </div>
        <div class="side">${knownPanel(signedIn, look)} ${tokenPanel(signedIn, page.audience)}</div>
      </div>`,
  })
}
