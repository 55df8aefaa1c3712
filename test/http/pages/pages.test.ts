// The pages as strings: what strangers write stays text, nothing needs script or inline style, nothing is agreed to in advance.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { confirmPage } from '../../../src/http/pages/confirm.ts'
import { ERROR_PAGE_CODES, errorPageCode } from '../../../src/http/pages/error-codes.ts'
import { errorPage } from '../../../src/http/pages/error.ts'
import { plain } from '../../../src/http/pages/fragment.ts'
import { LOCALES, type Locale } from '../../../src/http/pages/locale.ts'
import { logoutPage, signedOutPage } from '../../../src/http/pages/logout.ts'
import { signInPage } from '../../../src/http/pages/sign-in.ts'
import { STYLESHEET } from '../../../src/http/pages/stylesheet.ts'
import { confirm, PAGES, signIn } from './samples.ts'

/** Every page with the same text in every place that takes one. */
const filledWith = (text: string, locale: Locale = 'en'): string[] => [
  signInPage(
    signIn(locale, {
      appName: text,
      action: text,
      privacyUrl: text,
      termsUrl: text,
      controllerName: text,
      connectors: [{ id: text, kind: 'oidc', label: text }],
    }),
  ),
  confirmPage(
    confirm(locale, {
      appName: text,
      action: text,
      connectorLabel: text,
      // The constant parts keep these from turning into links for some values and not for others.
      controller: {
        name: text,
        contact: `( ${text}`,
        dpo: `( ${text}`,
        supervisoryAuthority: `( ${text}`,
      },
      fields: {
        name: `A ${text}`,
        email: text,
        company: text,
        providerUserId: text,
        picture: { src: text },
      },
      released: { appName: text, fields: ['name', 'picture'] },
      noticeVersion: text,
      termsVersion: text,
      noticeUrl: text,
      termsUrl: text,
      admissionFacts: { domain: text, tenant: text },
    }),
  ),
  errorPage({ locale, code: 'bad_request', requestId: text, detail: text, retryUrl: text }),
  logoutPage({ locale, action: text, xsrf: text, appName: text }),
  signedOutPage({ locale, appName: text, returnUrl: text }),
]

/** Tags and attribute names in order, without any value. */
const skeleton = (page: string): string =>
  [...page.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replaceAll(/="[^"]*"/g, '=')).join('')

const everyPage = LOCALES.flatMap((locale) =>
  Object.entries(PAGES).map(([name, make]) => [name, locale, make(locale)] as const),
)

describe('a page', () => {
  test('keeps its markup whatever people, apps and upstreams are called', () => {
    const expected = filledWith('x').map(skeleton)
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '"><script>alert(1)</script>',
        "'><img src=x onerror=alert(1)>",
        '</title><svg onload=alert(1)>',
        '<!--',
        '&lt;b&gt;',
        '${7*7}',
        '\uD800',
        '\u202Eelgoog',
      ),
    )
    fc.assert(
      fc.property(hostile, (text) => {
        expect(filledWith(text).map(skeleton)).toEqual(expected)
      }),
    )
  })

  test('escapes each of the five characters', () => {
    for (const page of filledWith(`<>&"'`)) {
      expect(page).toContain('&lt;&gt;&amp;&quot;&#39;')
      expect(page).not.toContain(`<>&`)
    }
  })

  test('sets every value apart, so that direction marks reach nothing around them', () => {
    for (const page of filledWith('abc\u202Edef')) {
      const body = page.slice(page.indexOf('<body'))
      const inText = body.replaceAll(/="[^"]*"/g, '=')
      for (const match of inText.matchAll(/([^>]*)abc\u202Edef/g))
        expect(inText.slice(0, match.index)).toMatch(/<bdi[^>]*>$/)
      expect(/<title>(.*)<\/title>/.exec(page)?.[1]).not.toContain('\u202E')
    }
  })

  test('holds a megabyte without harm', () => {
    const megabyte = `${'ß'.repeat(99)}<`.repeat(10_000)
    const started = performance.now()
    const pages = filledWith(megabyte)
    expect(performance.now() - started).toBeLessThan(2000)
    for (const page of pages) {
      expect(page.endsWith('</html>\n')).toBe(true)
      expect(/<title>(.*)<\/title>/s.exec(page)?.[1]?.length).toBeLessThan(500)
    }
  })

  test.each(everyPage)(
    '%s (%s) has no script, no inline style, nothing from elsewhere',
    (_name, locale, page) => {
      expect(page).toMatch(new RegExp(`^<!doctype html>\\s*<html lang="${locale}">`))
      expect(page).not.toMatch(/<(?:script|style|iframe|object|embed|base|link rel="preload")\b/i)
      expect(page).not.toMatch(/\s(?:style|on[a-z]+|srcdoc)\s*=/i)
      expect(page).not.toMatch(/javascript:/i)
      for (const [, src] of page.matchAll(/<(?:img|link)[^>]*?\s(?:src|href)="([^"]*)"/g))
        expect(src).toMatch(/^(?:data:image\/|\/assets\/)/)
      for (const [link] of page.matchAll(/<a [^>]*target="_blank"[^>]*>/g))
        expect(link).toContain('rel="noopener noreferrer"')
    },
  )

  test('fetches one stylesheet, named by its digest, that fetches nothing', () => {
    expect(STYLESHEET.path).toMatch(/^\/assets\/[0-9a-f]{24}\.css$/)
    expect(STYLESHEET.body).not.toMatch(/@import|url\(/i)
    for (const [, , page] of everyPage) expect(page).toContain(`href="${STYLESHEET.path}"`)
  })
})

const withHint = (hint: string): string => signInPage(signIn('en', { hint }))

describe('signInPage()', () => {
  test('has one button for each way to sign in, in the given order', () => {
    const page = PAGES['sign-in-notice']?.('en') ?? ''
    expect([...page.matchAll(/name="connector"\s+value="([^"]*)"/g)].map(([, id]) => id)).toEqual([
      'microsoft',
      'google',
      'harbour',
    ])
    expect(page).toContain('Sign in with Google')
    expect(page).toContain('Sign in with Microsoft')
  })

  test('shows a hint only where it looks like an e-mail address', () => {
    expect(withHint('ada@example.com')).toContain('<bdi>ada@example.com</bdi>')
    for (const hint of ['call 0800 1234', 'a@b c', '@', `${'a'.repeat(250)}@b.example`])
      expect(withHint(hint)).not.toContain(hint)
  })

  test('says so when there is no way to sign in', () => {
    expect(signInPage(signIn('en', { connectors: [] }))).not.toContain('<form')
  })
})

const boxes = (page: string) =>
  [...page.matchAll(/<input\b[^>]*type="checkbox"[^>]*>/g)].map(([box]) => box.replaceAll(/\s+/g, ' '))

const withFacts = (admissionFacts: { domain?: string; tenant?: string }): string =>
  confirmPage(confirm('en', { admissionFacts }))

describe('confirmPage()', () => {
  test('starts with every box empty, the agreement alone required', () => {
    for (const locale of LOCALES) {
      const found = boxes(confirmPage(confirm(locale)))
      expect(found.map((box) => /name="(\w+)"/.exec(box)?.[1])).toEqual(['picture', 'company', 'adult'])
      expect(found.filter((box) => /\schecked\b/.test(box))).toEqual([])
      expect(found.map((box) => /\srequired\b/.test(box))).toEqual([false, false, true])
    }
  })

  test('shown again keeps the choices, never the agreement', () => {
    const found = boxes(
      confirmPage(confirm('en', { errors: ['adult_required'], values: { picture: true, company: true } })),
    )
    expect(found.map((box) => /\schecked\b/.test(box))).toEqual([true, true, false])
    expect(found[2]).toContain('aria-invalid="true"')
  })

  test('offers a box only for what the upstream gave', () => {
    const page = confirmPage(confirm('en', { fields: { providerUserId: '1' } }))
    expect(boxes(page).map((box) => /name="(\w+)"/.exec(box)?.[1])).toEqual(['adult'])
    expect(page).toContain('Not given')
  })

  test('lets a person decline without ticking anything', () => {
    const [decline] = /<button[^>]*value="decline"[^>]*>/.exec(confirmPage(confirm('en'))) ?? []
    expect(decline).toContain('formnovalidate')
  })

  test('marks what is new, and says why it asks', () => {
    const reasons = (['first_time', 'new_field', 'notice_changed'] as const).map((reason) =>
      confirmPage(confirm('en', { reason, newFields: ['email'] })),
    )
    expect(new Set(reasons.map((page) => /<p class="lead">(.*?)<\/p>/s.exec(page)?.[1])).size).toBe(3)
    for (const page of reasons) expect(page.match(/class="new"/g)).toHaveLength(1)
  })

  test('says what it knows of an organisation and for how long', () => {
    expect(withFacts({})).not.toContain('organisation')
    expect(withFacts({ domain: 'quist.example' })).toContain(
      'organisation <bdi>quist.example</bdi>. We hold that sealed',
    )
    expect(withFacts({ domain: 'quist.example', tenant: 'T-1' })).toContain('(<bdi>T-1</bdi>)')
  })

  test('names who is responsible and whom to complain to', () => {
    const { controller } = confirm('en')
    const page = confirmPage(confirm('en'))
    expect(page).toContain(controller.name)
    expect(page).toContain(`mailto:${controller.contact}`)
    expect(page).toContain(`mailto:${controller.dpo}`)
    expect(page).toContain(`href="${controller.supervisoryAuthority}"`)
  })

  test.each([
    ['Ada Quist', 'AQ'],
    ['ada', 'A'],
    ['Þórdís  van der  Ævarsdóttir', 'ÞÆ'],
    ['王小明', '王'],
    ['🧑‍💻 Ada', 'A'],
    ['ada.quist@example.com', 'AQ'],
    ['…', ''],
  ])('draws the initials of %s as %j', (name, initials) => {
    const page = confirmPage(confirm('en', { fields: { name, providerUserId: '1' } }))
    expect(/<text[^>]*>\s*(.*?)\s*<\/text/s.exec(page)?.[1] ?? '').toBe(initials)
  })
})

describe('errorPage()', () => {
  test.each(ERROR_PAGE_CODES)('shows %s with its code, the request and no cause', (code) => {
    for (const locale of LOCALES) {
      const page = errorPage({ locale, code, requestId: 'r-1' })
      expect(page).toContain(`<code translate="no">${code}</code>`)
      expect(page).toContain('<bdi>r-1</bdi>')
      expect(page).not.toContain('undefined')
    }
  })

  test('is friendly to a person whom an app does not admit', () => {
    const page = errorPage({ locale: 'en', code: 'not_admitted', requestId: 'r', retryUrl: '/again' })
    expect(page).toMatch(/href="\/again">\s*Use another account/)
  })

  test('takes a code that nobody foresaw for server_error', () => {
    expect(errorPageCode('not_admitted')).toBe('not_admitted')
    for (const code of [undefined, '', 'toString', 'made_up'])
      expect(errorPageCode(code)).toBe('server_error')
  })
})

describe('logoutPage()', () => {
  test('sends logout=yes from one button only, the secret from both', () => {
    const page = logoutPage({ locale: 'en', action: '/end', xsrf: 's3cret' })
    expect(page).toMatch(/<input type="hidden" name="xsrf" value="s3cret"/)
    expect(page.match(/name="logout"/g)).toHaveLength(1)
    expect(page).toMatch(/<button[^>]*name="logout"\s+value="yes"/)
    expect(page.match(/<button/g)).toHaveLength(2)
  })
})

describe('plain()', () => {
  test('drops what reorders or hides text, and cuts', () => {
    expect(plain('\u202Ea\u200Bb\n')).toBe('ab')
    expect(plain('x'.repeat(1000))).toHaveLength(80)
    expect(plain(`${'x'.repeat(78)}🙂y`).isWellFormed()).toBe(true)
  })
})
