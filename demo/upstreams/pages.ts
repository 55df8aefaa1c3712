/**
 * The pages of the simulated upstreams: person chooser, error page, the page that carries an answer by POST.
 * No scripts, nothing loaded from elsewhere, no vendor's logo; every page says that it is a simulation.
 */
import type { Response } from 'express'
import { html, raw } from 'hono/html'
import type { Person, Vendor } from './people.ts'
import { pageStyle } from './style.ts'

/** A piece of escaped HTML; pieces may nest. */
export type Piece = ReturnType<typeof html>

const productOf = { google: 'Google', microsoft: 'Microsoft', oidc: 'OpenID provider' } as const

/** Sends a whole page. The policy forbids scripts and anything from elsewhere. */
export const sendPage = async (res: Response, status: number, title: string, body: Piece): Promise<void> => {
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <style>
          ${raw(pageStyle)}
        </style>
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html>`
  res
    .status(status)
    .set({
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Content-Security-Policy':
        "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    })
    .send(String(page))
}

const initials = (person: Person): string =>
  (person.name ?? '')
    .split(/\s+/)
    .filter((word) => /^\p{L}/u.test(word))
    .map((word) => word.charAt(0))
    .slice(0, 2)
    .join('') || '?'

/** A person's picture or initials; decorative, as the name stands beside it. */
export const avatar = (person: Person): Piece =>
  person.picture === true
    ? html`<img class="avatar" src="/people/${person.id}/picture" alt="" width="44" height="44" />`
    : html`<span class="avatar" aria-hidden="true">${initials(person)}</span>`

/** What the person types to sign in: e-mail address, principal name, or at least the subject. */
export const addressOf = (person: Person): string =>
  person.vendor === 'microsoft' ? person.upn : (person.email ?? person.sub)

const choice = (person: Person, hinted: boolean): Piece =>
  html`<li>
    <button type="submit" name="person" value="${person.id}" ${hinted ? raw(' autofocus') : ''}>
      ${avatar(person)}
      <span class="who">
        <strong>${person.name ?? addressOf(person)}</strong>
        ${person.name === undefined ? '' : html`<span>${addressOf(person)}</span>`}
        <small>${person.tag}${hinted ? ' · suggested by the app' : ''}</small>
      </span>
    </button>
  </li>`

/**
 * The person chooser. `request` is the authorization request's query, sent back as a hidden field and checked again;
 * `hint` is the app's login_hint, which brings one person to the top and picks nobody.
 */
export const sendChooser = (
  res: Response,
  page: {
    vendor: Vendor
    clientId: string
    people: readonly Person[]
    hint: string | null
    action: string
    cancel: string
    request: string
  },
): Promise<void> => {
  const product = productOf[page.vendor]
  const isHinted = (person: Person): boolean =>
    page.hint !== null && [addressOf(person), 'sub' in person ? person.sub : person.oid].includes(page.hint)
  const people = [...page.people].toSorted((a, b) => Number(isHinted(b)) - Number(isHinted(a)))
  return sendPage(
    res,
    200,
    `Choose a person – Simulated ${product}`,
    html`<p class="banner">Simulated ${product} — demo</p>
      <h1>Who is signing in?</h1>
      <p>to continue to <code>${page.clientId}</code>. Nobody here is real, and no password is asked.</p>
      <form method="post" action="${page.action}">
        <input type="hidden" name="request" value="${page.request}" />
        <ul class="people">
          ${people.map((person) => choice(person, isHinted(person)))}
        </ul>
      </form>
      <p class="foot"><a href="${page.cancel}">Cancel</a></p>`,
  )
}

/** The vendor's own error page: shown when nothing may be sent to the app. */
export const sendErrorPage = (
  res: Response,
  vendor: Vendor,
  status: number,
  error: { title: string; code: string; text: string },
): Promise<void> =>
  sendPage(
    res,
    status,
    `${error.title} – Simulated ${productOf[vendor]}`,
    html`<p class="banner">Simulated ${productOf[vendor]} — demo</p>
      <h1>${error.title}</h1>
      <p>${error.text}</p>
      <p><code>${error.code}</code></p>`,
  )

/** OAuth 2.0 Form Post Response Mode, without a script: the person presses the button. */
export const sendFormPost = (
  res: Response,
  vendor: Vendor,
  uri: string,
  parameters: URLSearchParams,
): Promise<void> =>
  sendPage(
    res,
    200,
    `Back to the app – Simulated ${productOf[vendor]}`,
    html`<p class="banner">Simulated ${productOf[vendor]} — demo</p>
      <h1>Back to the app</h1>
      <form method="post" action="${uri}">
        ${[...parameters].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
        <button class="plain" type="submit">Continue</button>
      </form>`,
  )
