// The page for whatever went wrong: what happened, what to do next, and two lines for support. Never a cause, a stack or a value of
// somebody's: `detail` is the one that its thrower called safe for strangers.
import { html } from 'hono/html'
import type { ErrorPageCode } from './error-codes.ts'
import { isolated } from './fragment.ts'
import { type Locale, messagesFor } from './locale.ts'
import { GATE_MARK } from './marks.ts'
import { shell } from './shell.ts'

export type ErrorModel = {
  readonly locale: Locale
  readonly code: ErrorPageCode
  readonly requestId: string
  readonly detail?: string | undefined
  /** Where the person can try again. Never an address out of a request. */
  readonly retryUrl?: string | undefined
}

export function errorPage({ locale, code, requestId, detail, retryUrl }: ErrorModel): string {
  const text = messagesFor(locale).error
  const { title, happened, next, retry = text.retry } = text.texts[code]
  return shell({
    locale,
    title,
    main: html`<div class="gate">${GATE_MARK}</div>
      <h1>${title}</h1>
      <p class="lead">${happened}</p>
      <h2>${text.next}</h2>
      <p>${next}</p>
      ${retryUrl === undefined ? '' : html`<p class="actions"><a class="primary" href="${retryUrl}">${retry}</a></p>`}
      <section class="support" aria-labelledby="support">
        <h2 id="support">${text.support}</h2>
        <dl>
          <div>
            <dt>${text.code}</dt>
            <dd><code translate="no">${code}</code></dd>
          </div>
          <div>
            <dt>${text.request}</dt>
            <dd><code translate="no">${isolated(requestId)}</code></dd>
          </div>
          ${
            detail === undefined
              ? ''
              : html`<div>
                  <dt>${text.detail}</dt>
                  <dd lang="en">${isolated(detail)}</dd>
                </div>`
          }
        </dl>
      </section>`,
  })
}
