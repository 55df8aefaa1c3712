// The catalogues, and which of them a browser gets.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { ERROR_PAGE_CODES } from '../../../src/http/pages/error-codes.ts'
import { chooseLocale, LOCALES, messagesFor } from '../../../src/http/pages/locale.ts'

/** Every text of a catalogue by its path; functions are called with their parameters' places. */
function texts(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]]
  if (typeof value === 'function') return [[path, String(Reflect.apply(value, undefined, ['APP', 'OTHER']))]]
  return Object.entries(value ?? {}).flatMap(([key, inner]) => texts(inner, `${path}.${key}`))
}

describe('the catalogues', () => {
  test('have words for every error code in every language', () => {
    for (const locale of LOCALES)
      for (const code of ERROR_PAGE_CODES) {
        const { title, happened, next } = messagesFor(locale).error.texts[code]
        for (const text of [title, happened, next]) expect(text.trim()).not.toBe('')
        // A title is a heading; the other two are sentences.
        expect(title).not.toMatch(/\.$/)
        expect(happened).toMatch(/\.$/)
        expect(next).toMatch(/\.$/)
      }
  })

  test('name the same things in the same places', () => {
    const [en, de] = [texts(messagesFor('en')), texts(messagesFor('de'))]
    expect(de.map(([path]) => path)).toEqual(en.map(([path]) => path))
    for (const [at, [path, english]] of en.entries())
      for (const word of ['APP', 'OTHER'])
        if (english.includes(word)) expect([path, de[at]?.[1]]).toEqual([path, expect.stringContaining(word)])
  })

  test('are translated, but for words that both languages have', () => {
    const german = new Map(texts(messagesFor('de')))
    const same = texts(messagesFor('en')).filter(([path, text]) => german.get(path) === text)
    expect(same.map(([path]) => path)).toEqual(['.fields.name', '.error.code'])
  })

  test('speak British English and formal German', () => {
    for (const [, text] of texts(messagesFor('de'))) expect(text).not.toMatch(/\b(?:du|dich|dir|dein\w*)\b/i)
    for (const [, text] of texts(messagesFor('en'))) expect(text).not.toMatch(/\b\w+(?:ization|izations)\b/i)
  })
})

describe('chooseLocale()', () => {
  test.each([
    [undefined, undefined, 'en'],
    ['de', 'en', 'de'],
    ['fr de-AT en', undefined, 'de'],
    ['fr', 'de', 'de'],
    ['', '', 'en'],
    [undefined, 'de-CH, en;q=0.8', 'de'],
    [undefined, 'en;q=0.8, de;q=0.9', 'de'],
    [undefined, 'fr, de;q=0.5, en;q=0.4', 'de'],
    [undefined, 'fr, it', 'en'],
    [undefined, '*', 'en'],
    [undefined, 'en;q=0, *', 'de'],
    [undefined, 'en;q=0.1, *;q=0.5', 'de'],
    [undefined, 'de;q=0', 'en'],
    [undefined, 'DE', 'de'],
    [undefined, 'de;q=2, en', 'en'],
    [undefined, 'den, english', 'en'],
  ] as const)('takes ui_locales %j and Accept-Language %j for %s', (uiLocales, header, expected) => {
    expect(chooseLocale(uiLocales, header)).toBe(expected)
  })

  test('survives anything, and quickly', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        expect(LOCALES).toContain(chooseLocale(one, other))
      }),
    )
    const started = performance.now()
    chooseLocale(' '.repeat(1_000_000), 'a-'.repeat(500_000))
    expect(performance.now() - started).toBeLessThan(100)
  })
})
