// Google's own facts: what `sub`, `hd`, `email_verified` and `iss` mean, and what Google is asked.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { cast } from '../../demo/upstreams/cast.ts'
import type { Upstreams } from '../../demo/upstreams/server.ts'
import type { GoogleSettings } from '../../src/connectors/settings.ts'
import { callsTo, codeOf, createSetting, requestOf, SETTINGS, startWorld, type Setting } from './setting.ts'

let world: Upstreams
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(() => {
  world.resetTraps()
  for (const person of cast) world.addPerson(structuredClone(person))
  world.requests.length = 0
})

const setting = (changed: Partial<GoogleSettings> = {}): Setting =>
  createSetting(world, { ...SETTINGS.google, ...changed })
const bend = (id: string, idToken: Record<string, unknown>): void => {
  const person = cast.find((one) => one.id === id)
  if (person === undefined) throw new Error(id)
  world.addPerson({ ...structuredClone(person), extra: { idToken } })
}

describe('The Google connector takes', () => {
  test('the Workspace domain for the company and for admission', async () => {
    expect(await setting().signIn('dana')).toMatchObject({
      company: { state: 'known', value: 'widgets.example' },
      admission: { connector: 'google', domain: 'widgets.example' },
    })
  })

  test('no domain from an e-mail address', async () => {
    const profile = await setting().signIn('ines')
    expect(profile.company).toEqual({ state: 'empty' })
    expect(profile.admission).toEqual({ connector: 'google' })
  })

  // A lapsed domain was bought: same address, same domain, another person.
  test('another sub for another person, whatever else is the same', async () => {
    const { signIn } = setting()
    const before = await signIn('dana')
    world.traps.google.subChangedForSameEmail = 'on'
    const after = await signIn('dana')
    expect(after.email).toEqual(before.email)
    expect(after.providerUserId).not.toBe(before.providerUserId)
  })

  test('a callback with and without iss', async () => {
    const { signIn } = setting()
    for (const form of ['on', 'off'] as const) {
      world.traps.google.issParameter = form
      await expect(signIn('dana')).resolves.toBeDefined()
    }
    world.traps.google.issParameter = 'wrong'
    expect(await codeOf(signIn('dana'))).toBe('upstream_invalid')
  })

  test('no token of the bare issuer', async () => {
    world.traps.google.bareIssuer = 'on'
    expect(await codeOf(setting().signIn('dana'))).toBe('upstream_invalid')
  })

  test.each([
    ['a space', 'a b'],
    ['other letters', 'ä'],
    ['256 characters', '1'.repeat(256)],
    ['nothing', ''],
  ])('no sub with %s', async (_what, sub) => {
    bend('dana', { sub })
    expect(await codeOf(setting().signIn('dana'))).toBe('upstream_invalid')
  })

  test('a name that is missing for a name that is missing', async () => {
    expect(await setting().signIn('nameless')).toMatchObject({
      name: { state: 'empty' },
      picture: { state: 'empty' },
    })
  })

  test('the time of authentication where Google gives it', async () => {
    const { signIn } = setting()
    expect(await signIn('dana')).not.toHaveProperty('authTime')
    bend('dana', { auth_time: 1_795_490_000 })
    expect(await signIn('dana')).toHaveProperty('authTime', 1_795_490_000)
  })

  test('nothing from a place that a claim names', async () => {
    bend('dana', {
      _claim_names: { name: 'src', email: 'src' },
      _claim_sources: { src: { endpoint: 'https://oauth2.googleapis.com/claims', access_token: 'x' } },
    })
    await setting().signIn('dana')
    expect(callsTo(world, 'claims')).toBe(0)
  })
})

describe('The Google connector holds an e-mail address', () => {
  test.each([
    ['dana', true, 'verified, and of a Workspace'],
    ['theo', true, 'a Gmail address'],
    ['ines', false, 'verified once, elsewhere'],
    ['amara', false, 'not verified'],
  ])('of %s: proven is %p, being %s', async (person, proven) => {
    const { signIn } = setting()
    expect((await signIn(person)).emailVerified).toBe(proven)
    world.traps.google.emailVerifiedAsString = 'on'
    expect((await signIn(person)).emailVerified).toBe(proven)
  })

  test.each([
    ['email_verified is 1', { email_verified: 1 }],
    ['email_verified is "yes"', { email_verified: 'yes' }],
    ['email_verified is missing', { email_verified: undefined }],
    ['the address has two ends', { email: 'theo@attacker.example@gmail.com' }],
    ['the address only resembles Gmail’s', { email: 'theo@notgmail.com' }],
    ['the address is a list', { email: ['theo@gmail.com'] }],
  ])('for unproven when %s', async (_when, claims) => {
    bend('theo', claims)
    expect((await setting().signIn('theo')).emailVerified).toBe(false)
  })
})

const asked = async (prompts: string[], changed: Partial<GoogleSettings> = {}): Promise<URLSearchParams> => {
  const { connector } = setting(changed)
  const request = requestOf({ prompts, maxAge: 60, loginHint: 'dana@widgets.example', uiLocales: 'de' })
  return (await connector.authorizationUrl(request)).searchParams
}

describe('The Google connector asks', () => {
  test.each([
    [[], null],
    [['login'], 'select_account'],
    [['login', 'select_account'], 'select_account'],
    [['consent'], 'consent'],
    [['select_account', 'consent'], 'select_account consent'],
    [['none'], 'none'],
    [['none', 'login'], 'none'],
    [['create'], null],
  ])('for %p by prompt %p', async (prompts, expected) => {
    expect((await asked(prompts)).get('prompt')).toBe(expected)
  })

  test('with a hint, and for nothing that Google doesn’t document', async () => {
    const parameters = await asked([])
    expect(parameters.get('login_hint')).toBe('dana@widgets.example')
    for (const name of ['max_age', 'access_type', 'ui_locales', 'claims', 'hd'])
      expect(parameters.has(name)).toBe(false)
  })

  test('for a hosted domain, and checks it by the claim', async () => {
    const hosted = { hostedDomain: 'widgets.example' }
    expect((await asked([], hosted)).get('hd')).toBe('widgets.example')
    const { signIn } = setting(hosted)
    await expect(signIn('dana')).resolves.toBeDefined()
    bend('ines', { email: 'ines@widgets.example' })
    expect(await codeOf(signIn('ines'))).toBe('not_admitted')
  })
})

describe('The Google connector fetches a picture', () => {
  test('from Google’s host, in a larger size', async () => {
    expect((await setting().signIn('dana')).picture.state).toBe('known')
    expect(world.requests.map(({ url }) => url).filter((url) => url.includes('lh3.'))).toEqual([
      expect.stringMatching(/=s256-c$/),
    ])
  })

  test.each(['metadata', 'loopback', 'otherHost', 'plainHttp', 'javascript', 'data'] as const)(
    'from nowhere else: %s',
    async (trap) => {
      world.traps.google.pictureUrl = trap
      expect((await setting().signIn('dana')).picture).toEqual({ state: 'empty' })
      expect(callsTo(world, 'picture')).toBe(0)
      expect(callsTo(world, 'lh3.')).toBe(0)
    },
  )

  test('from none of Google’s hosts but the one for pictures', async () => {
    bend('dana', { picture: 'https://oauth2.googleapis.com/picture.png' })
    const { log, signIn } = setting()
    expect((await signIn('dana')).picture).toEqual({ state: 'empty' })
    expect(callsTo(world, 'picture')).toBe(0)
    expect(log).toEqual([])
  })
})
