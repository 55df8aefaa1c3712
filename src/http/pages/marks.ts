// Our own drawings, inline so that a page loads nothing: the gate, the wordmark, small icons, and the avatar made of initials.
// They take their colours from the stylesheet; none says anything that the text beside it doesn't.
import { html, raw } from 'hono/html'
import type { Fragment } from './fragment.ts'

/** Two posts, and one thing between them. */
export const GATE_MARK = raw(
  '<svg class="mark" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><rect class="post" x="3" y="1" width="3.5" height="18" rx="1.2"/><rect class="post" x="13.5" y="1" width="3.5" height="18" rx="1.2"/><circle class="pass" cx="10" cy="10" r="2"/></svg>',
)

const OUTSIDE = [
  [8, 30, 3],
  [20, 12, 2.5],
  [26, 44, 3.5],
  [38, 26, 2.5],
  [45, 8, 3],
  [50, 49, 2.5],
  [60, 18, 3.5],
  [64, 38, 3],
  [77, 10, 2.5],
  [80, 47, 3],
  [88, 28, 2.5],
] as const

/** What an upstream knows, on the left; the gate; the five things that pass it, on the right. */
export const GATE_SCENE = raw(
  `<svg class="scene" viewBox="0 0 240 56" aria-hidden="true" focusable="false"><g class="outside">${OUTSIDE.map(
    ([x, y, r]) => `<circle cx="${x}" cy="${y}" r="${r}"/>`,
  ).join(
    '',
  )}</g><rect class="post" x="107" y="0" width="5" height="56" rx="2"/><rect class="post" x="128" y="0" width="5" height="56" rx="2"/><g class="inside">${[
    0, 1, 2, 3, 4,
  ]
    .map((at) => `<circle class="pass" cx="${152 + at * 19}" cy="28" r="4.5"/>`)
    .join('')}</g></svg>`,
)

/** The page of the browser's tab: the gate mark as a data URL. */
export const FAVICON = raw(
  `data:image/svg+xml,${encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><rect width="20" height="20" rx="4" fill="#0c5a4a"/><g fill="#fff"><rect x="5" y="4" width="2.5" height="12" rx="1"/><rect x="12.5" y="4" width="2.5" height="12" rx="1"/><circle cx="10" cy="10" r="1.5"/></g></svg>',
  )}`,
)

/** For a service whose own mark we don't have. */
export const KEY_ICON = raw(
  '<svg class="logo line" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><circle cx="8" cy="12" r="4.5"/><path d="M12.5 12H21M17 12v4M20.5 12v2.5"/></svg>',
)

export const NEW_TAB_ICON = raw(
  '<svg class="newtab" viewBox="0 0 12 12" aria-hidden="true" focusable="false"><path d="M4.5 2H2v8h8V7.5M7 2h3v3M10 2 5.5 6.5"/></svg>',
)

export const TICK_ICON = raw(
  '<svg class="tick" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d="M3.5 8.5 6.5 11.5 12.5 5"/></svg>',
)

/** A round avatar with up to two initials; the gate where the name has no letter. */
export function initialsAvatar(name: string | undefined): Fragment {
  const letters = initials(name ?? '')
  return html`<svg class="avatar" viewBox="0 0 48 48" aria-hidden="true" focusable="false">
    <circle cx="24" cy="24" r="24" />
    ${
      letters === ''
        ? raw('<path d="M19 14v20M29 14v20"/>')
        : html`<text x="24" y="24.5" text-anchor="middle" dominant-baseline="central">${letters}</text>`
    }
  </svg>`
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** First letters of the first and the last word that have one, in capitals. */
function initials(name: string): string {
  // Nobody's initials lie beyond: a megabyte is not searched.
  const words = name
    .slice(0, 256)
    .toWellFormed()
    .replace(/@.*/u, '')
    .split(/[\s,._-]+/u)
    .filter((word) => /^[\p{L}\p{N}]/u.test(word))
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words
  return ends.map((word) => firstLetter(word ?? '')).join('')
}

function firstLetter(word: string): string {
  const first = graphemes.segment(word)[Symbol.iterator]().next().value?.segment ?? ''
  // One grapheme may carry a hundred marks.
  return first.length > 8 ? '' : first.toLocaleUpperCase('en')
}
