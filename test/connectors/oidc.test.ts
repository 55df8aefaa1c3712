// The generic connector: what the standard says, and nothing that an upstream adds to it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { cast } from '../../demo/upstreams/cast.ts'
import type { Upstreams } from '../../demo/upstreams/server.ts'
import type { OidcSettings } from '../../src/connectors/settings.ts'
import { createOutbound } from '../../src/outbound.ts'
import { createConnectors, upstreamHosts } from '../../src/connectors/registry.ts'
import {
  callsTo,
  codeOf,
  createSetting,
  requestOf,
  REDIRECT_BASE,
  SETTINGS,
  startWorld,
  type Setting,
} from './setting.ts'

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

const setting = (changed: Partial<OidcSettings> = {}, options = {}): Setting =>
  createSetting(world, { ...SETTINGS.oidc, ...changed }, options)
const bend = (id: string, extra: { idToken?: object; userinfo?: object }): void => {
  const person = cast.find((one) => one.id === id)
  if (person === undefined) throw new Error(id)
  const { idToken = {}, userinfo = {} } = extra
  world.addPerson({
    ...structuredClone(person),
    extra: { idToken: { ...idToken }, userinfo: { ...userinfo } },
  })
}

describe('The generic connector asks', () => {
  test('for prompts, age, hint and languages as the standard has them', async () => {
    const { connector } = setting()
    const url = await connector.authorizationUrl(
      requestOf({ prompts: ['consent', 'login', 'create'], maxAge: 0, loginHint: 'ola', uiLocales: 'nb en' }),
    )
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      prompt: 'login consent',
      max_age: '0',
      login_hint: 'ola',
      ui_locales: 'nb en',
      scope: 'openid profile email',
    })
  })

  test('for none alone', async () => {
    const { connector } = setting()
    const url = await connector.authorizationUrl(requestOf({ prompts: ['login', 'none'] }))
    expect(url.searchParams.get('prompt')).toBe('none')
  })

  test('for the scopes of its settings, openid always among them', async () => {
    const { connector } = setting({ scopes: ['email'] })
    expect((await connector.authorizationUrl(requestOf())).searchParams.get('scope')).toBe('openid email')
  })

  test.each(['client_secret_basic', 'client_secret_post'] as const)(
    'with its secret by %s',
    async (method) => {
      await expect(setting({ clientAuth: method }).signIn('ola')).resolves.toBeDefined()
    },
  )
})

describe('The generic connector, asked for a recent authentication,', () => {
  test('gives its time', async () => {
    const profile = await setting().signIn('ola', { maxAge: 300 })
    expect(typeof profile.authTime).toBe('number')
  })

  test.each(['off', 'old'] as const)('refuses when auth_time is %s', async (trap) => {
    world.traps.oidc.authTime = trap
    const { signIn } = setting()
    expect(await codeOf(signIn('ola', { maxAge: 300 }))).toBe('auth_time_unproven')
    await expect(signIn('ola')).resolves.toBeDefined()
  })

  test('refuses a time that is no number', async () => {
    bend('ola', { idToken: { auth_time: '1795490000' } })
    expect(await codeOf(setting().signIn('ola', { maxAge: 300 }))).toBe('upstream_invalid')
  })
})

describe('The generic connector, where the callback', () => {
  test.each(['off', 'wrong'] as const)('should carry iss and has it %s, refuses it', async (trap) => {
    world.traps.oidc.issParameter = trap
    expect(await codeOf(setting().signIn('ola'))).toBe('upstream_invalid')
  })
})

describe('The generic connector reads userinfo', () => {
  test('not at all when the ID token has name and e-mail', async () => {
    await setting().signIn('ola')
    expect(callsTo(world, '/userinfo')).toBe(0)
  })

  test('for what the ID token lacks', async () => {
    bend('ola', { idToken: { name: undefined, email: undefined, email_verified: undefined } })
    expect(await setting().signIn('ola')).toMatchObject({
      name: { state: 'known', value: 'Ola Nordmann' },
      email: { state: 'known', value: 'ola@fjord.example' },
      emailVerified: true,
    })
    expect(callsTo(world, '/userinfo')).toBe(1)
  })

  test('and takes the proof of an address only from where the address comes', async () => {
    bend('ola', { idToken: { name: undefined, email_verified: undefined } })
    expect((await setting().signIn('ola')).emailVerified).toBe(false)
  })

  test('of nobody else', async () => {
    bend('ola', { idToken: { name: undefined } })
    world.traps.oidc.userinfo = 'otherSub'
    expect(await codeOf(setting().signIn('ola'))).toBe('upstream_invalid')
  })

  test.each(['down', 'error500', 'html', 'truncatedJson', 'hugeBody', 'slow', 'redirect302'] as const)(
    'in vain when it is %s, and signs the person in',
    async (fault) => {
      bend('ola', { idToken: { name: undefined } })
      world.traps.oidc.userinfo = fault
      const { log, signIn } = setting({}, { timeoutMs: 300 })
      expect(await signIn('ola')).toMatchObject({ name: { state: 'unknown' }, email: { state: 'known' } })
      expect(log.map(({ code }) => code)).toEqual(['userinfo_missing'])
    },
  )
})

describe('The generic connector holds an e-mail address', () => {
  test.each([
    [true, true],
    [false, false],
    ['true', false],
    [1, false],
    [null, false],
  ])('for verified by %p: %p', async (claim, proven) => {
    bend('ola', { idToken: { email_verified: claim } })
    expect((await setting().signIn('ola')).emailVerified).toBe(proven)
  })
})

describe('The generic connector fetches a picture', () => {
  test('from no host unless its settings name it', async () => {
    const { signIn } = setting({ pictureHosts: [] })
    expect((await signIn('ola')).picture).toEqual({ state: 'empty' })
    expect(callsTo(world, '/pictures/')).toBe(0)
    expect((await setting().signIn('ola')).picture.state).toBe('known')
  })

  test.each(['metadata', 'loopback', 'otherHost', 'plainHttp', 'javascript', 'data'] as const)(
    'from nowhere else: %s',
    async (trap) => {
      world.traps.oidc.pictureUrl = trap
      const profile = await setting().signIn('ola')
      expect(profile.picture).toEqual(
        // The map of simulated origins knows https only, so plain http is refused as it would be in production.
        { state: 'empty' },
      )
      expect(callsTo(world, 'picture')).toBe(0)
    },
  )
})

const make = (settings: OidcSettings[]) => () =>
  createConnectors(settings, {
    outbound: createOutbound({ allowedHosts: upstreamHosts(settings), production: false }),
    redirectBase: `${REDIRECT_BASE}/`,
    clock: Date.now,
    log: { warn: () => undefined, error: () => undefined },
  })

describe('The registry of connectors', () => {
  test('gives each connector a callback path of its own', () => {
    const connectors = make([SETTINGS.oidc, { ...SETTINGS.oidc, id: 'second' }])()
    expect([...connectors.values()].map(({ callbackPath }) => callbackPath)).toEqual([
      '/callback/oidc',
      '/callback/second',
    ])
  })

  test('refuses two that share an id or a path, and ids that fit no path', () => {
    expect(make([SETTINGS.oidc, SETTINGS.oidc])).toThrow('configuration_invalid')
    expect(make([SETTINGS.oidc, { ...SETTINGS.oidc, id: 'b', callbackPath: '/callback/oidc' }])).toThrow(
      'configuration_invalid',
    )
    expect(make([{ ...SETTINGS.oidc, id: '../x' }])).toThrow('configuration_invalid')
  })

  test('asks nothing of an upstream before somebody signs in', () => {
    make([{ ...SETTINGS.oidc, issuer: 'https://nowhere.invalid' }])()
    expect(world.requests).toEqual([])
  })

  test('names the hosts that its connectors call', () => {
    expect(
      upstreamHosts([
        { ...SETTINGS.oidc, issuer: 'https://login.example:8443/tenant', endpointHosts: ['keys.example'] },
        SETTINGS.microsoft,
      ]),
    ).toEqual([
      'login.example:8443',
      'keys.example',
      'oidc.example',
      'login.microsoftonline.com',
      'graph.microsoft.com',
    ])
  })
})
