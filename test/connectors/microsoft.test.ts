// Microsoft's own rules: what the library leaves out (the table of upstreams G.1), who may sign in, and what Graph adds.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { cast, larkspur, quayside } from '../../demo/upstreams/cast.ts'
import { consumersTenant } from '../../demo/upstreams/people.ts'
import type { Upstreams } from '../../demo/upstreams/server.ts'
import type { Traps } from '../../demo/upstreams/traps.ts'
import { createConnectors } from '../../src/connectors/registry.ts'
import type { MicrosoftSettings } from '../../src/connectors/settings.ts'
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

const setting = (changed: Partial<MicrosoftSettings> = {}, options = {}): Setting =>
  createSetting(world, { ...SETTINGS.microsoft, ...changed }, options)
const issuerOf = (tenant: string): string => `https://login.microsoftonline.com/${tenant}/v2.0`

/** The person with claims or Graph values of our choice. */
const bend = (id: string, extra: { idToken?: object; graph?: object }): void => {
  const person = cast.find((one) => one.id === id)
  if (person === undefined) throw new Error(id)
  const { idToken = {}, graph = {} } = extra
  world.addPerson({ ...structuredClone(person), extra: { idToken: { ...idToken }, graph: { ...graph } } })
}

describe('The Microsoft connector refuses', () => {
  const REFUSED = [
    ['consumerKeySignsWorkToken', 'a work account under the key of personal accounts', 'key_issuer'],
    ['tidMissing', 'a token without a tenant', 'id_token_tid'],
    ['tidNotGuid', 'a tenant that is no GUID', 'id_token_tid'],
    ['issTidMismatch', 'a tenant other than the issuer’s', 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'],
    ['v1Token', 'a token of version 1', 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'],
    ['unpublishedKey', 'a key that is no longer published', 'OAUTH_KEY_SELECTION_FAILED'],
  ] as const satisfies readonly (readonly [keyof Traps['microsoft'], string, string])[]

  test.each(REFUSED)('%s: %s', async (trap, _what, reason) => {
    world.traps.microsoft[trap] = 'on'
    const { log, signIn } = setting()
    expect(await codeOf(signIn('robin'))).toBe('upstream_invalid')
    expect(log).toEqual([
      { level: 'warn', code: 'upstream_invalid', fields: { connector: 'microsoft', reason } },
    ])
  })

  test.each([
    ['a tenant in capitals', { tid: larkspur.id.toUpperCase(), iss: issuerOf(larkspur.id.toUpperCase()) }],
    ['a tenant that is a list', { tid: [larkspur.id] }],
    ['an object id that is none', { oid: 'admin' }],
    ['an object id that is a number', { oid: 7 }],
    ['no object id', { oid: undefined }],
    ['another version', { ver: '3.0' }],
    ['a token that is not valid yet', { nbf: Date.now() / 1000 + 600 }],
  ])('%s', async (_what, idToken) => {
    bend('robin', { idToken })
    expect(await codeOf(setting().signIn('robin'))).toBe('upstream_invalid')
  })

  test('an issuer in the callback that is another tenant’s, and takes the tenant’s own', async () => {
    const { comeBack, connector } = setting()
    const wrong = await comeBack('robin')
    wrong.query.set('iss', issuerOf(quayside.id))
    expect(await codeOf(connector.exchange(wrong.query, wrong.sent))).toBe('upstream_invalid')
    const right = await comeBack('robin')
    right.query.set('iss', issuerOf(larkspur.id))
    await expect(connector.exchange(right.query, right.sent)).resolves.toBeDefined()
    const twice = await comeBack('robin')
    twice.query.append('iss', issuerOf(larkspur.id))
    twice.query.append('iss', issuerOf(larkspur.id))
    expect(await codeOf(connector.exchange(twice.query, twice.sent))).toBe('upstream_invalid')
  })

  test('an authority or an allowed tenant that is a domain', () => {
    const { outbound } = setting()
    const make = (changed: Partial<MicrosoftSettings>) => () =>
      createConnectors([{ ...SETTINGS.microsoft, ...changed }], {
        outbound,
        redirectBase: 'https://id.example',
        clock: Date.now,
        log: { warn: () => undefined, error: () => undefined },
      })
    expect(make({ authority: 'larkspur.example' })).toThrow('configuration_invalid')
    expect(make({ authority: '../common' })).toThrow('configuration_invalid')
    expect(make({ allowedTenants: ['common'] })).toThrow('configuration_invalid')
  })
})

describe('The Microsoft connector admits by the token', () => {
  test('personal accounts at consumers, and no work account', async () => {
    const { signIn } = setting({ authority: 'consumers' })
    await expect(signIn('kim')).resolves.toMatchObject({ admission: { tenant: consumersTenant } })
    bend('kim', { idToken: { tid: larkspur.id, iss: issuerOf(larkspur.id) } })
    expect(await codeOf(signIn('kim'))).toBe('upstream_invalid')
  })

  test('work accounts at organizations, and no personal one', async () => {
    const { log, signIn } = setting({ authority: 'organizations' })
    await expect(signIn('robin')).resolves.toMatchObject({ admission: { tenant: larkspur.id } })
    bend('robin', { idToken: { tid: consumersTenant, iss: issuerOf(consumersTenant) } })
    expect(await codeOf(signIn('robin'))).toBe('upstream_invalid')
    expect(log.at(-1)?.fields).toMatchObject({ reason: 'id_token_authority' })
  })

  test('one tenant at its own authority, guests under their own id, and nobody of another', async () => {
    const { signIn } = setting({ authority: larkspur.id.toUpperCase() })
    await expect(signIn('robin')).resolves.toMatchObject({ admission: { tenant: larkspur.id } })
    await expect(signIn('priya')).resolves.toMatchObject({
      providerUserId: `${larkspur.id}:7fa5c203-18be-4d69-a3c4-60e2d9b1f857`,
      company: { state: 'known', value: 'Larkspur Legal' },
    })
    bend('robin', { idToken: { tid: quayside.id, iss: issuerOf(quayside.id) } })
    expect(await codeOf(signIn('robin'))).toBe('upstream_invalid')
  })

  test('only allowed tenants, and everybody when the list is empty', async () => {
    const some = setting({ allowedTenants: [larkspur.id.toUpperCase()] })
    await expect(some.signIn('robin')).resolves.toBeDefined()
    expect(await codeOf(some.signIn('mallory'))).toBe('not_admitted')
    expect(await codeOf(some.signIn('kim'))).toBe('not_admitted')
    await expect(setting({ allowedTenants: [] }).signIn('mallory')).resolves.toBeDefined()
  })
})

describe('The Microsoft connector holds an e-mail address', () => {
  // nOAuth: the tenant's administrator writes whose address he likes.
  test('for unproven where the tenant doesn’t own the domain, and keys the person by tenant and object', async () => {
    const { signIn } = setting()
    const [victim, attacker] = [await signIn('robin'), await signIn('mallory')]
    expect(attacker.email).toEqual(victim.email)
    expect([victim.emailVerified, attacker.emailVerified]).toEqual([true, false])
    expect(attacker.providerUserId).toBe(`${quayside.id}:d4f17a86-9b30-4c5e-82f1-07ab36c9e5d8`)
    expect(attacker.providerUserId).not.toBe(victim.providerUserId)
  })

  test.each(['boolean', 'number', 'text', 'textNumber'] as const)('by xms_edov as %s', async (form) => {
    world.traps.microsoft.xmsEdov = form
    const { signIn } = setting()
    expect((await signIn('robin')).emailVerified).toBe(true)
    expect((await signIn('mallory')).emailVerified).toBe(false)
  })

  test.each(['yes', 'TRUE', 2, {}, [true], null])('for unproven when xms_edov is %p', async (edov) => {
    bend('robin', { idToken: { xms_edov: edov } })
    expect((await setting().signIn('robin')).emailVerified).toBe(false)
  })

  test('for proven when the account is a personal one', async () => {
    expect(await setting().signIn('kim')).toMatchObject({ emailVerified: true, company: { state: 'empty' } })
  })

  test('for absent rather than to take the user name for it', async () => {
    expect(await setting().signIn('jonas')).toMatchObject({ email: { state: 'empty' }, emailVerified: false })
    world.traps.microsoft.removeUnverifiedEmail = 'on'
    expect(await setting().signIn('mallory')).toMatchObject({ email: { state: 'empty' } })
  })
})

const asked = async (prompts: string[], loginHint?: string): Promise<URLSearchParams> => {
  const { connector } = setting()
  const request = requestOf({ prompts, maxAge: 60, ...(loginHint === undefined ? {} : { loginHint }) })
  return (await connector.authorizationUrl(request)).searchParams
}

describe('The Microsoft connector asks', () => {
  test.each([
    [[], null],
    [['login'], 'login'],
    [['select_account', 'login', 'consent'], 'login'],
    [['select_account', 'consent'], 'consent'],
    [['select_account'], 'select_account'],
    [['none'], 'none'],
    [['create'], null],
  ])('for %p by prompt %p alone', async (prompts, expected) => {
    expect((await asked(prompts)).getAll('prompt')).toEqual(expected === null ? [] : [expected])
  })

  test('with a hint, but never beside select_account, and never for an age', async () => {
    const hint = 'robin@larkspur.example'
    expect((await asked([], hint)).get('login_hint')).toBe(hint)
    expect((await asked(['select_account'], hint)).has('login_hint')).toBe(false)
    expect((await asked([])).has('max_age')).toBe(false)
  })

  test('for User.Read unless told otherwise', async () => {
    expect((await asked([])).get('scope')).toBe('openid profile email User.Read')
    const { connector, signIn } = setting({ graph: false })
    expect((await connector.authorizationUrl(requestOf())).searchParams.get('scope')).toBe(
      'openid profile email',
    )
    expect(await signIn('robin')).toMatchObject({ company: { state: 'empty' }, picture: { state: 'empty' } })
    expect(callsTo(world, 'graph.microsoft.com')).toBe(0)
  })
})

describe('The Microsoft connector takes from Graph', () => {
  test('the company of the directory, else the organisation’s name', async () => {
    const { signIn } = setting()
    expect((await signIn('robin')).company).toEqual({ state: 'known', value: 'Larkspur Legal LLP' })
    expect((await signIn('mina')).company).toEqual({ state: 'known', value: 'Larkspur Legal' })
  })

  test('no company of a personal account: it isn’t even asked', async () => {
    await setting().signIn('kim')
    expect(world.requests.filter(({ url }) => url.includes('graph.')).map(({ url }) => url)).toEqual([
      'https://graph.microsoft.com/v1.0/me/photo/$value',
    ])
  })

  test('only the value it asks for', async () => {
    await setting().signIn('robin')
    const calls = world.requests.filter(({ url }) => url.includes('graph.')).map(({ url }) => url)
    expect(calls.toSorted().map((url) => decodeURIComponent(url))).toEqual([
      'https://graph.microsoft.com/v1.0/me/photo/$value',
      'https://graph.microsoft.com/v1.0/me?$select=companyName',
      'https://graph.microsoft.com/v1.0/organization?$select=displayName',
    ])
  })

  test('an empty picture when there is none', async () => {
    expect((await setting().signIn('jonas')).picture).toEqual({ state: 'empty' })
  })

  test.each(['down', 'error500', 'html', 'truncatedJson', 'slow', 'throttled429', 'forbidden'] as const)(
    'no news when Graph is %s, and signs the person in',
    async (fault) => {
      world.traps.microsoft.graph = fault
      const profile = await setting({}, { deadlineMs: 300 }).signIn('robin')
      expect(profile.company).toEqual({ state: 'unknown' })
      expect(profile.picture.state).toBe(['html', 'truncatedJson'].includes(fault) ? 'empty' : 'unknown')
    },
  )
})

describe('The Microsoft connector understands', () => {
  test.each([
    ['AADSTS7000215', 'connector_unavailable'],
    ['AADSTS7000222', 'connector_unavailable'],
    ['AADSTS50057', 'upstream_refused'],
    ['AADSTS50034', 'upstream_refused'],
    ['AADSTS50173', 'upstream_refused'],
    ['AADSTS65001', 'upstream_refused'],
    ['AADSTS70008', 'upstream_refused'],
    ['AADSTS700016', 'upstream_refused'],
    ['AADSTS700082', 'upstream_refused'],
    ['AADSTS7000112', 'upstream_refused'],
    ['AADSTS50076', 'upstream_refused'],
  ] as const)('%s as %s, and says so in the log', async (refusal, code) => {
    world.traps.microsoft.refuse = refusal
    const { log, signIn } = setting()
    expect(await codeOf(signIn('robin'))).toBe(code)
    expect(log).toMatchObject([
      {
        level: code === 'connector_unavailable' ? 'error' : 'warn',
        code,
        fields: { aadsts: Number(refusal.slice(6)) },
      },
    ])
  })
})
