// The page on which a person chooses where to sign in. All ways have the same size and weight; Google's and Microsoft's buttons look
// as their owners ask. It is one form: the button that was pressed sends connector=<id>.
import { html } from 'hono/html'
import { GOOGLE_MARK, MICROSOFT_MARK } from './brand-marks.ts'
import { type Fragment, isolated } from './fragment.ts'
import { type Locale, messagesFor } from './locale.ts'
import { GATE_SCENE, KEY_ICON } from './marks.ts'
import type { Messages, NoticeKey } from './messages.en.ts'
import { newTabLink, shell } from './shell.ts'

export type ConnectorKind = 'google' | 'microsoft' | 'oidc'

export type ConnectorChoice = {
  readonly id: string
  readonly kind: ConnectorKind
  /** Named on the button of kind `oidc`; the other two have texts of their own. */
  readonly label: string
}

export type SignInModel = {
  readonly locale: Locale
  readonly appName: string
  /** Where the form is posted. */
  readonly action: string
  readonly connectors: readonly ConnectorChoice[]
  /** What went wrong on the way here. */
  readonly notice?: NoticeKey | undefined
  readonly privacyUrl: string
  readonly termsUrl: string
  readonly controllerName: string
  /** The app's login_hint. Shown only where it looks like an e-mail address: it is a stranger's text. */
  readonly hint?: string | undefined
}

/** Posts `connector`. */
export function signInPage(model: SignInModel): string {
  const { locale, appName, action, connectors, notice, privacyUrl, termsUrl, controllerName, hint } = model
  const messages = messagesFor(locale)
  const text = messages.signIn
  return shell({
    locale,
    title: text.documentTitle(appName),
    main: html`${GATE_SCENE}
      <h1>${text.heading(isolated(appName))}</h1>
      ${notice === undefined ? '' : html`<p class="notice" role="status">${messages.notices[notice]}</p>`}
      ${isMailbox(hint) ? html`<p class="hint">${text.hint(isolated(hint))}</p>` : ''}
      ${
        connectors.length === 0
          ? html`<p>${text.none}</p>`
          : html`<form method="post" action="${action}" aria-label="${text.choose}">
              <ul class="choices">
                ${connectors.map((connector) => html`<li>${button(text, connector)}</li>`)}
              </ul>
            </form>`
      }
      <p class="promise">
        <strong>${text.kept}</strong> ${text.first}<br />
        ${newTabLink(locale, privacyUrl, text.keptLink)}
      </p>`,
    footer: html`<p>${text.operator(isolated(controllerName))}</p>
      <p>${newTabLink(locale, privacyUrl, text.privacy)} ${newTabLink(locale, termsUrl, text.terms)}</p>`,
  })
}

function button(text: Messages['signIn'], { id, kind, label }: ConnectorChoice): Fragment {
  const [mark, words] = {
    google: [GOOGLE_MARK, text.google] as const,
    microsoft: [MICROSOFT_MARK, text.microsoft] as const,
    oidc: [KEY_ICON, text.other(isolated(label))] as const,
  }[kind]
  return html`<button class="connector ${kind}" type="submit" name="connector" value="${id}">
    ${mark}<span>${words}</span>
  </button>`
}

function isMailbox(hint: string | undefined): hint is string {
  return hint !== undefined && hint.length <= 254 && /^[^\s@"<>]+@[^\s@"<>]+$/u.test(hint)
}
