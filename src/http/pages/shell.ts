// The frame around every page: head, wordmark, one card, footer. No script, no inline style, nothing from elsewhere, so that the
// policy default-src 'none'; style-src 'self'; img-src 'self' data: holds on all of them.
import { html, raw } from 'hono/html'
import { type Fragment, isolated, plain, render } from './fragment.ts'
import { type Locale, messagesFor } from './locale.ts'
import { FAVICON, GATE_MARK, NEW_TAB_ICON } from './marks.ts'
import { STYLESHEET } from './stylesheet.ts'

export type ShellModel = {
  readonly locale: Locale
  /** Plain text, for the browser's tab. */
  readonly title: string
  readonly main: Fragment
  readonly footer?: Fragment | undefined
  /** More room, for a page with values to read. */
  readonly wide?: boolean
}

/** A whole document. */
export function shell({ locale, title, main, footer, wide = false }: ShellModel): string {
  return render(html`<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<meta name="robots" content="noindex, nofollow">
<title>${plain(title)}</title>
<link rel="icon" href="${FAVICON}">
<link rel="stylesheet" href="${STYLESHEET.path}">
</head>
<body${wide ? raw(' class="wide"') : ''}>
<header class="brand">${GATE_MARK}<span translate="no">Narrowgate</span></header>
<main class="card">
${main}
</main>
${footer === undefined ? '' : html`<footer>${footer}</footer>`}
</body>
</html>
`)
}

/** A link that leaves the page open, and says so: what was begun here isn't lost. */
export function newTabLink(locale: Locale, href: string, text: Fragment | string): Fragment {
  const { newTab } = messagesFor(locale)
  // The word joiner keeps the icon on the last word's line.
  const icon = html`${raw('&#8288;')}${NEW_TAB_ICON}<span class="visually-hidden"> ${newTab}</span>`
  return html`<a href="${href}" target="_blank" rel="noopener noreferrer">${text}${icon}</a>`
}

/** An address as people write it in a configuration: a mailbox or a web address becomes a link, anything else stays text. */
export function contactLink(locale: Locale, contact: string): Fragment {
  if (/^[^\s@"<>?&]+@[^\s@"<>?&]+$/u.test(contact))
    return html`<a href="mailto:${contact}">${isolated(contact)}</a>`
  return /^https:\/\/\S+$/u.test(contact)
    ? newTabLink(locale, contact, isolated(contact.slice('https://'.length)))
    : isolated(contact)
}
