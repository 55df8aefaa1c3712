/**
 * What somebody sees who isn't signed in: the front page with its one button, and the page for a sign-in that came to nothing.
 * An error page says what happened, that nothing was lost, and what to do next; the code is for whoever is asked for help.
 */
import type { Response } from 'express'
import { html } from 'hono/html'
import { attribute, isolated, sendPage, type Look, type Piece } from './html.ts'

/** Two sheets; the front one is signed. */
const illustration: Piece = html`<svg
  class="illustration"
  viewBox="0 0 360 320"
  aria-hidden="true"
  focusable="false"
>
  <g class="back">
    <path d="M118 26h146l44 44v188a8 8 0 0 1-8 8H118a8 8 0 0 1-8-8V34a8 8 0 0 1 8-8z" />
  </g>
  <g class="front">
    <path class="paper" d="M62 54h146l44 44v196a8 8 0 0 1-8 8H62a8 8 0 0 1-8-8V62a8 8 0 0 1 8-8z" />
    <path class="corner" d="M208 54l44 44h-36a8 8 0 0 1-8-8z" />
    <path class="heading" d="M78 92h74" />
    <path class="text" d="M78 124h148M78 144h148M78 164h132M78 184h148M78 204h96" />
    <path class="rule" d="M78 268h112" />
    <path
      class="signature"
      d="M82 260c10-26 22-34 24-22 2 10-12 26-6 26 8 0 14-22 20-22 5 0-2 18 4 18 7 0 10-16 16-16 5 0 0 13 6 13 8 0 12-9 24-14"
    />
  </g>
  <g class="stamp">
    <circle cx="252" cy="246" r="38" />
    <path d="m235 247 12 12 23-26" />
  </g>
</svg>`

/** `signedOut`: how much has just been ended, if anything. */
export const sendHome = (
  res: Response,
  look: Look,
  signedOut: 'here' | 'everywhere' | undefined,
): Promise<void> => {
  const host = new URL(look.issuerOrigin).host
  return sendPage(res, look, {
    title: 'Welcome',
    main: html`${
        signedOut === undefined
          ? ''
          : html`<p class="notice" role="status">
              ${
                signedOut === 'everywhere'
                  ? `You are signed out of ${look.name} and at ${host}.`
                  : `You are signed out of ${look.name}.`
              }
            </p>`
      }
      <div class="hero">
        <div>
          <h1>${look.tagline}</h1>
          <p class="lead">
            Invoices, contracts and letters, drafted, sent and signed in one place. Sign in to see yours.
          </p>
          <p class="actions"><a class="button" href="/login">Sign in</a></p>
          <p class="small">
            You’ll choose how to sign in at <span translate="no">${host}</span>, and see what ${look.name} is
            told about you.
          </p>
        </div>
        ${illustration}
      </div>`,
  })
}

type Words = { status: number; title: string; text: string }

const wordsOf = (code: string): Words => {
  switch (code) {
    case 'access_denied':
      return {
        status: 403,
        title: 'You weren’t signed in',
        text: 'Sign-in was cancelled, or this account may not use this app. Nothing was changed.',
      }
    case 'login_required':
    case 'interaction_required':
    case 'consent_required':
    case 'account_selection_required':
      return {
        status: 401,
        title: 'Please sign in yourself',
        text: 'We tried to sign you in without asking you, but you have to choose an account first.',
      }
    case 'state_mismatch':
      return {
        status: 400,
        title: 'This sign-in can’t be finished',
        text: 'It was started in another browser, took too long, or was finished already. Start again and it should work.',
      }
    case 'unreachable':
    case 'temporarily_unavailable':
    case 'server_error':
      return {
        status: 502,
        title: 'Sign-in isn’t available just now',
        text: 'The service that signs you in doesn’t answer as it should. Your documents are safe; try again in a minute.',
      }
    case 'not_found':
      return {
        status: 404,
        title: 'There is no such page',
        text: 'The address may be mistyped or out of date.',
      }
    case 'foreign_form':
      return {
        status: 403,
        title: 'That didn’t come from this page',
        text: 'The form was sent from somewhere else, so nothing was done. Open the app and try there.',
      }
    case 'documents_unavailable':
      return {
        status: 502,
        title: 'Your documents can’t be opened just now',
        text: 'They didn’t accept your sign-in. Signing in again usually helps.',
      }
    default:
      return {
        status: 400,
        title: 'Sign-in didn’t work',
        text: 'The answer that came back couldn’t be used, so you were not signed in. Nothing was changed.',
      }
  }
}

/** `description` is the issuer's own, shown as it came. */
export const sendError = (res: Response, look: Look, code: string, description?: string): Promise<void> => {
  const { status, title, text } = wordsOf(code)
  const isSignIn = !['not_found', 'foreign_form'].includes(code)
  return sendPage(res, look, {
    status,
    title,
    main: html`<div class="card error" ${attribute(status !== 404, 'role="alert"')}>
      <h1>${title}</h1>
      <p class="lead">${text}</p>
      <p class="actions">
        ${isSignIn ? html`<a class="button" href="/login">Try again</a>` : ''}
        <a class="${isSignIn ? 'quiet button' : 'button'}" href="/">Back to the front page</a>
      </p>
      <dl class="facts">
        <div>
          <dt>Code</dt>
          <dd><code>${code.slice(0, 60)}</code></dd>
        </div>
        ${
          description === undefined
            ? ''
            : html`<div>
                <dt>Details</dt>
                <dd>${isolated(description.slice(0, 200))}</dd>
              </div>`
        }
      </dl>
    </div>`,
  })
}
