// The narrow gate: whatever an upstream answers, the five fields come out at most, clean and short.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { cleanText, keepChosen, minimise } from '../../src/core/minimise.ts'
import { upstreamProfile, type Answer, type UpstreamAnswer } from '../../src/core/model.ts'

const ALL = { picture: true, company: true }
const KEPT = new Set(['providerUserId', 'name', 'email', 'emailVerified', 'company'])
const known = (value: unknown): Answer<unknown> => ({ state: 'known', value })
const UNKNOWN: Answer<never> = { state: 'unknown' }
const EMPTY: Answer<never> = { state: 'empty' }

const answer: UpstreamAnswer = {
  connector: 'google',
  issuer: 'https://accounts.google.com',
  providerUserId: '1082',
  name: known('Dana Reyes'),
  email: known('dana@widgets.example'),
  emailVerified: true,
  company: known('Widgets'),
  picture: EMPTY,
  admission: { connector: 'google', domain: 'widgets.example' },
  authTime: 1,
  upstreamSid: 'sid',
}
const gate = (changed: Partial<UpstreamAnswer> = {}, ...rest: [choices?: typeof ALL, previous?: object]) =>
  minimise(upstreamProfile({ ...answer, ...changed }), rest[0] ?? ALL, rest[1] as never)

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({
    unit: fc.constantFrom(
      'e',
      '\u0301',
      '\u200B',
      '\u202E',
      ' ',
      '\uD800',
      '\u2000',
      '\u0000',
      '@',
      '\uFEFF',
    ),
  }),
)
const hostile = fc.oneof(
  text,
  fc.jsonValue(),
  fc
    .json()
    .map((json) => JSON.parse(json.replace(/^\{/, '{"__proto__":{"a":1},').replace(',}', '}')) as unknown),
  fc.constantFrom<unknown>(undefined, null, Number.NaN, 10n, Symbol('x'), () => 'x', Object.create(null)),
)
const answers = fc.oneof(hostile.map(known), fc.constant(EMPTY), fc.constant(UNKNOWN))
const upstreams = fc
  .record({
    name: answers,
    email: fc.oneof(answers, fc.emailAddress().map(known)),
    company: answers,
    emailVerified: fc.boolean(),
    providerUserId: fc.string({ minLength: 1 }),
    more: fc.dictionary(fc.string(), hostile),
  })
  .map(({ more, ...rest }) => upstreamProfile({ ...more, ...answer, ...rest }))

describe('minimise()', () => {
  test('gives the five fields at most, whatever comes in', () => {
    fc.assert(
      fc.property(upstreams, fc.option(upstreams, { nil: undefined }), (upstream, before) => {
        const previous = before === undefined ? undefined : minimise(before, ALL)
        const kept = minimise(upstream, ALL, previous)
        expect(Object.keys(kept).filter((key) => !KEPT.has(key))).toEqual([])
        expect(Object.getPrototypeOf(kept)).toBe(Object.prototype)
        expect('emailVerified' in kept).toBe('email' in kept)
        expect(kept.providerUserId).toBe(upstream.providerUserId)
        for (const field of ['name', 'email', 'company'] as const)
          expect(['string', 'undefined']).toContain(typeof kept[field])
      }),
    )
  })

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(upstreams, (upstream) => {
        const once = minimise(upstream, ALL)
        const again = Object.fromEntries(
          (['name', 'email', 'company'] as const).map((field) => [
            field,
            once[field] === undefined ? EMPTY : known(once[field]),
          ]),
        )
        expect(minimise({ ...upstream, ...again }, ALL)).toEqual(once)
        const silent = { ...upstream, name: UNKNOWN, email: UNKNOWN, company: UNKNOWN }
        expect(minimise(silent, ALL, once)).toEqual(once)
      }),
    )
  })

  test('keeps what is known', () => {
    expect(gate()).toEqual({
      providerUserId: '1082',
      name: 'Dana Reyes',
      email: 'dana@widgets.example',
      emailVerified: true,
      company: 'Widgets',
    })
  })

  test.each(['name', 'email', 'company'] as const)(
    'keeps %s as it is when unknown, clears it when empty',
    (field) => {
      const previous = gate()
      expect(gate({ [field]: UNKNOWN }, ALL, previous)).toEqual(previous)
      expect(gate({ [field]: EMPTY }, ALL, previous)).not.toHaveProperty(field)
      expect(gate({ [field]: UNKNOWN })).not.toHaveProperty(field)
    },
  )

  test('keeps whether the e-mail was verified with the e-mail, not with the answer', () => {
    const unverified = gate({ emailVerified: false })
    expect(gate({ email: UNKNOWN, emailVerified: true }, ALL, unverified).emailVerified).toBe(false)
    expect(
      gate({ email: known('new@widgets.example'), emailVerified: false }, ALL, gate()).emailVerified,
    ).toBe(false)
    expect(gate({ email: EMPTY }, ALL, gate())).not.toHaveProperty('emailVerified')
  })

  test('keeps no company of a person who declined it, not even the one from before', () => {
    const without = { picture: true, company: false }
    expect(gate({}, without)).not.toHaveProperty('company')
    expect(gate({ company: UNKNOWN }, without, gate())).not.toHaveProperty('company')
  })

  test.each([[1], [true], [['Dana']], [{ name: 'Dana' }], [null], [undefined]])(
    'takes %j for no name',
    (value) => {
      expect(gate({ name: known(value) }, ALL, gate())).not.toHaveProperty('name')
    },
  )

  test('refuses a name of a megabyte, and fast', () => {
    const started = performance.now()
    expect(gate({ name: known('\u202Ea '.repeat(350_000)) })).not.toHaveProperty('name')
    expect(performance.now() - started).toBeLessThan(1000)
  })

  test.each([
    'dana',
    'dana@',
    '@widgets.example',
    'a b@c.example',
    '<a>@c.example',
    'a@b@c.example',
    `${'a'.repeat(250)}@b.example`,
  ])('takes %s for no e-mail address', (value) => {
    expect(gate({ email: known(value) })).not.toHaveProperty('email')
  })

  test('leaves markup as the text that it is', () => {
    const name = '<script>alert("Dana")</script> & {{7*7}} ${x}'
    expect(gate({ name: known(name) }).name).toBe(name)
  })
})

describe('keepChosen()', () => {
  test('takes the company away from who declined it, and nothing else', () => {
    const { company, ...rest } = gate()
    expect(company).toBeDefined()
    expect(keepChosen(gate(), { picture: false, company: false })).toEqual(rest)
    expect(keepChosen(gate(), { picture: false, company: true })).toEqual(gate())
    expect(keepChosen(gate({ company: EMPTY }), ALL)).toEqual(rest)
  })
})

describe('cleanText()', () => {
  test.each([
    ['what turns text around', '\u202Eelgoog\u2066\u2069\u200F\u061C', 'elgoog'],
    ['what has no width', 'Da\u200Bna\u2060 Re\uFEFFyes\u00AD', 'Dana Reyes'],
    ['controls', 'Dana\u0000\u0007\u001B[31m\u0085\r\nReyes\u2028', 'Dana[31mReyes'],
    ['annotations', 'a\uFFF9b\uFFFAc\uFFFB', 'abc'],
    ['space around', ' \u00A0\u3000Dana\t ', 'Dana'],
  ])('removes %s', (_what, value, clean) => {
    expect(cleanText(value, 200)).toBe(clean)
  })

  test('keeps what names are written with: joiners, apostrophes, every script', () => {
    for (const name of ['O’Neil-Žižek', 'می‌خواهم', '👩‍💻 Ada', '王小明', 'नमस्ते'])
      expect(cleanText(name, 200)).toBe(name)
  })

  test('composes what is written in parts, also around what it removed', () => {
    expect(cleanText('Ine\u0302s', 200)).toBe('In\u00EAs')
    expect(cleanText('Ine\u200B\u0302s', 200)).toBe('In\u00EAs')
  })

  test('replaces half a character', () => {
    expect(cleanText('a\uD800b', 200)).toBe('a\uFFFDb')
  })

  test('gives at most the limit, or nothing', () => {
    expect(cleanText('a'.repeat(200), 200)).toHaveLength(200)
    expect(cleanText('a'.repeat(201), 200)).toBeUndefined()
    expect(cleanText(' \u200B ', 200)).toBeUndefined()
    expect(cleanText('', 200)).toBeUndefined()
  })

  test('is the same the second time, well-formed and without hostile characters', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 60 }), (value, limit) => {
        const clean = cleanText(value, limit)
        if (clean === undefined) return
        expect(cleanText(clean, limit)).toBe(clean)
        expect(clean.length).toBeLessThanOrEqual(limit)
        expect(clean.isWellFormed()).toBe(true)
        expect(clean).not.toMatch(/[\p{Cc}\u200B\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/u)
      }),
      { numRuns: 500 },
    )
  })
})
