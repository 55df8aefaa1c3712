// Which language a page speaks. The app's ui_locales goes first (OIDC Core §3.1.2.1), then the browser's Accept-Language with its
// q-values (RFC 9110 §12.5.4), then English.
import { de } from './messages.de.ts'
import { en, type Messages } from './messages.en.ts'

export const LOCALES = ['en', 'de'] as const
export type Locale = (typeof LOCALES)[number]

const CATALOGUES: Readonly<Record<Locale, Messages>> = { en, de }

export const messagesFor = (locale: Locale): Messages => CATALOGUES[locale]

/** Both arguments come from strangers, may be anything, and are read only as far as somebody honest would write them. */
export function chooseLocale(uiLocales: string | undefined, acceptLanguage: string | undefined): Locale {
  for (const tag of (uiLocales ?? '').slice(0, LONGEST).split(' ')) {
    const locale = supported(tag)
    if (locale !== undefined) return locale
  }
  return accepted((acceptLanguage ?? '').slice(0, LONGEST)) ?? 'en'
}

const LONGEST = 1000

function accepted(header: string): Locale | undefined {
  const ranges = header
    .split(',')
    .map(parseRange)
    .filter((range) => range !== undefined)
  const named = new Set(ranges.map(({ tag }) => supported(tag)))
  for (const { tag, quality } of ranges.toSorted((one, other) => other.quality - one.quality)) {
    if (quality === 0) return undefined
    // `*` stands for every language that the header doesn't name.
    const locale = tag === '*' ? LOCALES.find((locale) => !named.has(locale)) : supported(tag)
    if (locale !== undefined) return locale
  }
  return undefined
}

function parseRange(text: string): { tag: string; quality: number } | undefined {
  const match =
    /^\s*(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/iu.exec(text)
  return match?.[1] === undefined ? undefined : { tag: match[1], quality: Number(match[2] ?? 1) }
}

function supported(tag: string): Locale | undefined {
  const primary = tag.split('-', 1)[0]?.toLowerCase()
  return LOCALES.find((locale) => locale === primary)
}
