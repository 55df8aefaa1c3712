// What every connector owes, whichever upstream it speaks to: run for all three against the simulated upstreams.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import type { Upstreams } from '../../demo/upstreams/server.ts'
import type { Fault, IdTokenTrap } from '../../demo/upstreams/traps.ts'
import {
  callsTo,
  codeOf,
  createSetting,
  requestOf,
  KINDS,
  redirectUriOf,
  SETTINGS,
  startWorld,
} from './setting.ts'

let world: Upstreams
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(() => {
  world.resetTraps()
  world.requests.length = 0
})

const PEOPLE = { google: 'dana', microsoft: 'robin', oidc: 'ola' } as const
const IDS = {
  google: '108204268033311374519',
  microsoft: '3a1f9c52-7d11-4d0e-9a55-0c6f0f2f7a10:c1d2e3f4-1111-4222-8333-444455556666',
  oidc: 'user-0001',
} as const
const DISCOVERY = '/.well-known/openid-configuration'
const KEY_SETS = { google: '/oauth2/v3/certs', microsoft: '/discovery/v2.0/keys', oidc: '/jwks' } as const
const QUICK = { timeoutMs: 300 }

const BAD_ID_TOKENS = [
  ...(['wrongIss', 'wrongAud', 'extraAud', 'wrongNonce', 'missingNonce', 'missingSub', 'expired'] as const),
  ...(['missingExp', 'future', 'algNone', 'algHs256', 'algHs256PublicKey', 'badSignature'] as const),
  ...(['wrongAtHash', 'hasEventsClaim'] as const),
] satisfies IdTokenTrap[]

const TRANSPORT: readonly (readonly [Exclude<Fault, 'off'>, string])[] = [
  ['down', 'upstream_unavailable'],
  ['error500', 'upstream_unavailable'],
  ['slow', 'upstream_unavailable'],
  ['html', 'upstream_invalid'],
  ['truncatedJson', 'upstream_invalid'],
  ['hugeBody', 'upstream_invalid'],
  ['redirect302', 'upstream_invalid'],
]

describe.each(KINDS)('the %s connector', (kind) => {
  const person = PEOPLE[kind]
  const traps = () => world.traps[kind]
  const setting = (options?: { timeoutMs: number }) => createSetting(world, SETTINGS[kind], options)

  describe('sends the browser away', () => {
    test('with state, nonce, an S256 challenge and the exact redirect URI', async () => {
      const { connector } = setting()
      const sent = requestOf()
      const { searchParams } = await connector.authorizationUrl(sent)
      expect(Object.fromEntries(searchParams)).toMatchObject({
        response_type: 'code',
        client_id: `broker-${kind}`,
        redirect_uri: redirectUriOf(kind),
        state: sent.state,
        nonce: sent.nonce,
        code_challenge: createHash('sha256').update(sent.codeVerifier).digest('base64url'),
        code_challenge_method: 'S256',
      })
      expect(searchParams.get('scope')?.split(' ')).toEqual(
        expect.arrayContaining(['openid', 'email', 'profile']),
      )
    })

    test('never with the verifier, the secret or a request for a refresh token', async () => {
      const { connector } = setting()
      const sent = requestOf()
      const url = await connector.authorizationUrl(sent)
      expect(url.href).not.toContain(sent.codeVerifier)
      expect(url.searchParams.has('client_secret')).toBe(false)
      expect(url.href).not.toContain('offline')
    })

    test('to the simulated page, though documents name the real one', async () => {
      const { connector } = setting()
      expect((await connector.authorizationUrl(requestOf())).origin).toBe(world.origin)
    })
  })

  describe('comes back', () => {
    test('with a profile that is keyed by the id of the upstream', async () => {
      const profile = await setting().signIn(person)
      expect(profile).toMatchObject({
        connector: kind,
        providerUserId: IDS[kind],
        name: { state: 'known' },
        email: { state: 'known' },
        emailVerified: true,
        picture: { state: 'known' },
        admission: { connector: kind },
      })
    })

    test('with no token and no other claim in it', async () => {
      const profile = await setting().signIn(person)
      const known = ['connector', 'issuer', 'providerUserId', 'name', 'email', 'emailVerified', 'company']
      known.push('picture', 'admission', 'authTime', 'upstreamSid')
      expect(Object.keys(profile).filter((name) => !known.includes(name))).toEqual([])
    })

    test.each(['dropState', 'wrongState', 'duplicateCode'] as const)(
      'never by %s, and doesn’t spend the code on it',
      async (trap) => {
        traps().authorize = trap
        const { comeBack, connector } = setting()
        const { query, sent } = await comeBack(person)
        expect(await codeOf(connector.exchange(query, sent))).toBe('upstream_invalid')
        expect(callsTo(world, '/token')).toBe(0)
      },
    )

    test('never by an issuer that is another one', async () => {
      const { comeBack, connector } = setting()
      const { query, sent } = await comeBack(person)
      query.set('iss', 'https://attacker.example')
      expect(await codeOf(connector.exchange(query, sent))).toBe('upstream_invalid')
    })

    test('never by the nonce of another round trip', async () => {
      const { comeBack, connector } = setting()
      const { query, sent } = await comeBack(person)
      expect(await codeOf(connector.exchange(query, { ...sent, nonce: 'another' }))).toBe('upstream_invalid')
    })

    test('never with the PKCE verifier of another round trip', async () => {
      const { comeBack, connector } = setting()
      const { query, sent } = await comeBack(person)
      expect(await codeOf(connector.exchange(query, { ...sent, codeVerifier: 'v'.repeat(43) }))).toBe(
        'upstream_refused',
      )
    })

    test('once: the upstream refuses a code that was used', async () => {
      const { comeBack, connector } = setting()
      const { query, sent } = await comeBack(person)
      await connector.exchange(query, sent)
      expect(await codeOf(connector.exchange(query, sent))).toBe('upstream_refused')
    })

    test('without a person who said no', async () => {
      traps().authorize = 'accessDenied'
      const { log, signIn } = setting()
      expect(await codeOf(signIn(person))).toBe('upstream_declined')
      expect(log).toEqual([])
    })

    test('with the error of an upstream that would not', async () => {
      traps().authorize = 'serverError'
      expect(await codeOf(setting().signIn(person))).toBe('upstream_refused')
    })
  })

  test.each(BAD_ID_TOKENS)('refuses an ID token: %s', async (trap) => {
    traps().idToken = trap
    expect(await codeOf(setting().signIn(person))).toBe('upstream_invalid')
  })

  test('refuses an ID token under a key that nobody published, after one look', async () => {
    traps().keys = 'unknownKid'
    const { pass, signIn } = setting()
    for (let attempt = 0; attempt < 4; attempt += 1)
      expect(await codeOf(signIn(person))).toBe('upstream_invalid')
    // The first fetch, and one that was forced.
    expect(callsTo(world, KEY_SETS[kind])).toBe(2)
    pass(31)
    expect(await codeOf(signIn(person))).toBe('upstream_invalid')
    expect(callsTo(world, KEY_SETS[kind])).toBe(3)
  })

  test('takes a key that was published right after its last look', async () => {
    const { signIn } = setting()
    await signIn(person)
    traps().keys = 'rotated'
    await expect(signIn(person)).resolves.toMatchObject({ providerUserId: IDS[kind] })
    await expect(signIn(person)).resolves.toMatchObject({ providerUserId: IDS[kind] })
    expect(callsTo(world, KEY_SETS[kind])).toBe(2)
  })

  test('takes a new key for twenty people at once with one look', async () => {
    const { comeBack, connector } = setting()
    const waiting = await Promise.all(Array.from({ length: 20 }, () => comeBack(person)))
    const [first, ...others] = waiting
    if (first === undefined) throw new Error('nobody')
    await connector.exchange(first.query, first.sent)
    traps().keys = 'rotated'
    await Promise.all(others.map(({ query, sent }) => connector.exchange(query, sent)))
    expect(callsTo(world, KEY_SETS[kind])).toBe(2)
  })

  test('keeps signing people in while the key set is out of reach', async () => {
    const { pass, signIn } = setting()
    await signIn(person)
    traps().jwks = 'down'
    pass(2 * 3600)
    await expect(signIn(person)).resolves.toMatchObject({ providerUserId: IDS[kind] })
    pass(23 * 3600)
    expect(await codeOf(signIn(person))).toBe('upstream_unavailable')
  })

  test('refuses everybody when the key set is empty', async () => {
    traps().jwks = 'empty'
    expect(await codeOf(setting().signIn(person))).toBe('upstream_invalid')
  })

  test.each(TRANSPORT)('ends a token exchange that is %s with %s', async (fault, code) => {
    traps().token = fault
    expect(await codeOf(setting(QUICK).signIn(person))).toBe(code)
    expect(callsTo(world, 'elsewhere.example')).toBe(0)
  })

  test('ends without an ID token', async () => {
    traps().token = 'noIdToken'
    expect(await codeOf(setting().signIn(person))).toBe('upstream_invalid')
  })

  test('says that it is set up wrongly when the upstream refuses its secret', async () => {
    traps().token = 'expiredSecret'
    const { log, signIn } = setting()
    expect(await codeOf(signIn(person))).toBe('connector_unavailable')
    expect(log).toEqual([
      {
        level: 'error',
        code: 'connector_unavailable',
        fields: expect.objectContaining({ connector: kind, upstreamError: 'invalid_client' }),
      },
    ])
  })

  test.each(TRANSPORT.map(([fault]) => fault))('ends without a discovery document: %s', async (fault) => {
    traps().discovery = fault
    const { connector } = setting(QUICK)
    expect(await codeOf(connector.authorizationUrl(requestOf()))).toMatch(/^upstream_(unavailable|invalid)$/)
    expect(callsTo(world, 'elsewhere.example')).toBe(0)
  })

  test.each(TRANSPORT.map(([fault]) => fault))('ends without a key set: %s', async (fault) => {
    traps().jwks = fault
    expect(await codeOf(setting(QUICK).signIn(person))).toMatch(/^upstream_(unavailable|invalid)$/)
  })

  test('refuses a discovery document of another issuer, also when it comes later', async () => {
    traps().discovery = 'otherIssuer'
    const first = setting()
    expect(await codeOf(first.signIn(person))).toBe('upstream_invalid')
    world.resetTraps()
    const second = setting()
    await second.signIn(person)
    traps().discovery = 'otherIssuer'
    second.pass(25 * 3600)
    expect(await codeOf(second.signIn(person))).toBe('upstream_invalid')
    // Also in the pause before it asks again: what it knew is not good any more.
    expect(await codeOf(second.signIn(person))).toBe('upstream_invalid')
  })

  test('gets over an upstream that was down at first, and asks it at a bounded rate', async () => {
    traps().discovery = 'down'
    const { pass, signIn, log } = setting()
    expect(await codeOf(signIn(person))).toBe('upstream_unavailable')
    expect(await codeOf(signIn(person))).toBe('upstream_unavailable')
    expect(callsTo(world, DISCOVERY)).toBe(1)
    world.resetTraps()
    pass(1)
    await expect(signIn(person)).resolves.toMatchObject({ providerUserId: IDS[kind] })
    expect(callsTo(world, DISCOVERY)).toBe(2)
    expect(log.map(({ code }) => code)).toEqual(['upstream_unavailable', 'upstream_unavailable'])
  })

  test('reads the discovery document once for many, and again after a day', async () => {
    const { connector, pass } = setting()
    await Promise.all(Array.from({ length: 10 }, () => connector.authorizationUrl(requestOf())))
    expect(callsTo(world, DISCOVERY)).toBe(1)
    pass(25 * 3600)
    await connector.authorizationUrl(requestOf())
    expect(callsTo(world, DISCOVERY)).toBe(2)
  })

  test('keeps what it knew while discovery is out of reach', async () => {
    const { pass, signIn } = setting()
    await signIn(person)
    traps().discovery = 'html'
    pass(25 * 3600)
    await expect(signIn(person)).resolves.toMatchObject({ providerUserId: IDS[kind] })
  })

  test('tolerates a clock that is a minute late, and no more', async () => {
    const { comeBack, connector, lag } = setting()
    const [first, second] = [await comeBack(person), await comeBack(person)]
    lag(58)
    await expect(connector.exchange(first.query, first.sent)).resolves.toBeDefined()
    lag(600)
    expect(await codeOf(connector.exchange(second.query, second.sent))).toBe('upstream_invalid')
  })

  test('hands on values of a wrong type as they are, for the narrow gate to drop', async () => {
    traps().profile = 'wrongType'
    const profile = await setting().signIn(person)
    expect(profile.name.state === 'known' && typeof profile.name.value).not.toBe('string')
    expect(profile.emailVerified).toBe(false)
  })

  test('signs in people of whom nothing is known', async () => {
    traps().profile = 'missing'
    const profile = await setting().signIn(person)
    expect(profile).toMatchObject({ name: { state: 'empty' }, email: { state: 'empty' } })
    expect(profile.emailVerified).toBe(false)
  })

  test.each([['throttled429'], ['slow']] as const)('doesn’t know a picture that is %s', async (trap) => {
    traps().photo = trap
    const profile = await createSetting(world, SETTINGS[kind], { deadlineMs: 300 }).signIn(person)
    expect(profile.picture).toEqual({ state: 'unknown' })
  })

  test.each([
    ...(['missing', 'svg', 'svgAsPng', 'notAnImage', 'html', 'bomb', 'huge'] as const),
    ...(['truncated', 'redirect302'] as const),
  ])('keeps no picture that is %s', async (trap) => {
    traps().photo = trap
    const { log, signIn } = setting()
    expect((await signIn(person)).picture).toEqual({ state: 'empty' })
    expect(log.map(({ code }) => code)).toEqual(trap === 'missing' ? [] : ['optional_field_missing'])
    expect(callsTo(world, 'elsewhere.example')).toBe(0)
  })

  test('writes no claim, code, token, state or address to the log, nor into an error', async () => {
    const failures: unknown[] = []
    const lines: unknown[] = []
    const secrets: string[] = []
    for (const idToken of BAD_ID_TOKENS) {
      world.resetTraps()
      traps().idToken = idToken
      const { comeBack, connector, log } = setting()
      const { query, sent } = await comeBack(person)
      secrets.push(sent.state, sent.nonce, sent.codeVerifier, query.get('code') ?? '')
      await connector.exchange(query, sent).catch((error: unknown) => failures.push(error))
      lines.push(...log)
    }
    const chain = (error: unknown): string =>
      error instanceof Error
        ? `${error.message} ${JSON.stringify(Object.entries(error))} ${chain(error.cause)}`
        : ''
    const written = `${JSON.stringify(lines)} ${failures.map(chain).join('\n')}`
    expect(failures).toHaveLength(BAD_ID_TOKENS.length)
    expect(lines).toHaveLength(BAD_ID_TOKENS.length)
    for (const secret of [...secrets, IDS[kind], 'example', 'eyJ', 'http'])
      expect(written).not.toContain(secret)
  })
})
