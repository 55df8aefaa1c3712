/**
 * The frame of the app's pages: head, bar, main, foot. No script and nothing inline, so the policy allows none; pictures may come
 * from the issuer, and forms may end there, as browsers check every redirect that follows a form.
 */
import type { Response } from 'express'
import { html, raw } from 'hono/html'

/** A piece of escaped HTML; pieces may nest. */
export type Piece = ReturnType<typeof html>

/** What every page needs to know of the app. */
export type Look = {
  readonly name: string
  readonly tagline: string
  readonly issuerOrigin: string
  readonly stylesheet: string
  /** `#rrggbb`, for the icon in the browser's tab. */
  readonly accent: string
}

/** Content Security Policy Level 3. */
export const policyOf = (issuerOrigin: string): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    `img-src 'self' data: ${issuerOrigin}`,
    `form-action 'self' ${issuerOrigin}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

const sheet = 'M5 2h9.5L20 7.5V20a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2z'

/** A sheet of paper with its corner folded: the app's mark, and in front of each document. */
export const sheetMark = (className: string): Piece =>
  html`<svg class="${className}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path class="sheet" d="${sheet}" />
    <path class="fold" d="M14.5 2 20 7.5h-4a1.5 1.5 0 0 1-1.5-1.5z" />
    <path class="lines" d="M7 12h9M7 15h9M7 18h5" />
  </svg>`

export const tick: Piece = html`<svg class="tick" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
  <path d="m3 8.5 3.2 3L13 4.5" />
</svg>`

const favicon = (accent: string): string =>
  `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="${accent}" d="${sheet}"/><path stroke="#fff" stroke-width="1.6" d="M7 12h9M7 16h6"/></svg>`,
  )}`

/** `bar` is what stands at the end of the bar at the top. */
export const sendPage = async (
  res: Response,
  look: Look,
  page: { status?: number; title: string; bar?: Piece; main: Piece },
): Promise<void> => {
  const { name, issuerOrigin, stylesheet, accent } = look
  const document = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${page.title} – ${name}</title>
        <link rel="icon" href="${favicon(accent)}" />
        <link rel="stylesheet" href="${stylesheet}" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="bar">
          <a class="brand" href="/">${sheetMark('mark')}<span translate="no">${name}</span></a>
          ${page.bar ?? ''}
        </header>
        <main id="main">${page.main}</main>
        <footer>
          <p>
            ${name} keeps no passwords. Sign-in is at
            <span translate="no">${new URL(issuerOrigin).host}</span>.
          </p>
        </footer>
      </body>
    </html>`
  res
    .status(page.status ?? 200)
    .set({
      'Content-Security-Policy': policyOf(issuerOrigin),
      'Cache-Control': 'no-store',
    })
    .type('html')
    .send(String(document))
}

/** A value that people or others chose, apart from the direction of the words around it. */
export const isolated = (text: string): Piece => html`<bdi>${text}</bdi>`

/** ` aria-invalid="true"` and the like: for constants only. */
export const attribute = (when: boolean, constant: string) => (when ? raw(` ${constant}`) : '')
