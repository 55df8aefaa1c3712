// Signing out: the question that oidc-provider's end_session needs answered (OIDC RP-Initiated Logout 1.0 §2), and the page after.
// Only the "Sign out" button sends logout=yes; without it the session stays.
import { html } from 'hono/html'
import { isolated } from './fragment.ts'
import { type Locale, messagesFor } from './locale.ts'
import { GATE_MARK } from './marks.ts'
import { shell } from './shell.ts'

export type LogoutModel = {
  readonly locale: Locale
  /** oidc-provider's end_session_confirm. */
  readonly action: string
  /** The secret out of `session.state`. */
  readonly xsrf: string
  /** The app that asked, where it said who it is. */
  readonly appName?: string | undefined
}

/** Posts `xsrf` and, from "Sign out" only, `logout=yes`. */
export function logoutPage({ locale, action, xsrf, appName }: LogoutModel): string {
  const text = messagesFor(locale).logout
  return shell({
    locale,
    title: text.documentTitle,
    main: html`<h1>${text.heading}</h1>
      <p class="lead">
        ${appName === undefined ? text.plain : text.fromApp(isolated(appName))} ${text.effect}
      </p>
      <form method="post" action="${action}">
        <input type="hidden" name="xsrf" value="${xsrf}" />
        <div class="actions">
          <button class="primary" type="submit" name="logout" value="yes">${text.yes}</button>
          <button class="secondary" type="submit">${text.no}</button>
        </div>
      </form>`,
  })
}

export type SignedOutModel = {
  readonly locale: Locale
  readonly appName?: string | undefined
  /** An address registered for the app. */
  readonly returnUrl?: string | undefined
}

export function signedOutPage({ locale, appName, returnUrl }: SignedOutModel): string {
  const text = messagesFor(locale).signedOut
  const back = appName === undefined ? text.backPlain : text.back(isolated(appName))
  return shell({
    locale,
    title: text.documentTitle,
    main: html`<div class="gate">${GATE_MARK}</div>
      <h1>${text.heading}</h1>
      <p class="lead">${text.text}</p>
      <p>${text.upstream}</p>
      ${returnUrl === undefined ? '' : html`<p class="actions"><a class="primary" href="${returnUrl}">${back}</a></p>`}`,
  })
}
