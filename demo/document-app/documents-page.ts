/**
 * The page of somebody who is signed in: who they are here, their documents, a form for another one, and the panels that tell
 * what the app knows. A picture is shown only when it is the issuer's; otherwise initials stand in.
 */
import type { Response } from 'express'
import { html } from 'hono/html'
import { kinds, type Document } from './documents.ts'
import { attribute, isolated, sendPage, sheetMark, tick, type Look, type Piece } from './html.ts'
import { knownPanel, tokenPanel } from './panels.ts'
import type { SignedIn } from './sign-in.ts'

/** `draft` is what the person had typed before they had to sign in again; `problem` is why a form wasn't taken. */
export type DocumentsPage = {
  readonly signedIn: SignedIn
  readonly documents: readonly Document[]
  readonly audience: string
  readonly draft: { title: string; kind: string } | undefined
  readonly problem: 'title' | 'renewed' | undefined
}

const kindNames = { invoice: 'Invoice', contract: 'Contract', letter: 'Letter' } as const
const day = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
})
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
        <div class="work">
          <section aria-labelledby="documents">
            <h2 id="documents">Documents <span class="count">${documents.length}</span></h2>
            <ul class="documents">
              ${documents.map(documentRow)}
            </ul>
          </section>
          ${createForm(page)}
        </div>
        ${knownPanel(signedIn, look.name)} ${tokenPanel(signedIn, page.audience)}
      </div>`,
  })
}
