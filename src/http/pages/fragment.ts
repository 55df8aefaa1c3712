// HTML fragments. Whatever is put into html`…` is escaped unless it came out of html`…` itself; `raw` is for our own constants only.
// Nothing here is asynchronous, so a page is one string.
import { html } from 'hono/html'

export type Fragment = ReturnType<typeof html>

/** The finished string. Throws TypeError when somebody put a promise into a page. */
export function render(fragment: Fragment): string {
  if (fragment instanceof Promise) throw new TypeError('a page is made of strings, not of promises')
  return fragment.toString()
}

/** A value that people chose, set apart so that its direction can't reorder the words around it (Unicode TR 9 §6.5). */
export const isolated = (text: string): Fragment => html`<bdi>${text}</bdi>`

// C0 and C1 controls, and the characters that reorder or hide text (Unicode TR 36 §2.2).
const HOSTILE = /[\p{Cc}\u00AD\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/gu

/** A value for places without markup, such as the title: no direction marks, at most 80 characters. */
export function plain(text: string): string {
  const clean = text.slice(0, 400).toWellFormed().replace(HOSTILE, '').trim()
  return clean.length > 80 ? `${clean.slice(0, 79).toWellFormed()}…` : clean
}
