// What no honest app sends: cut and bent tokens, parameters twice, and requests made of rubbish. Each is told so, and nothing breaks.
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { appYaml, redirectUriOf, secretOf, testApp, testSetting, type TestSetting } from '../support/app.ts'
import {
  askSilently,
  basicOf,
  getCode,
  getTokens,
  isActive,
  post,
  postAs,
  publicYaml,
  redemption,
  tally,
  userinfo,
} from './helpers.ts'

let setting: TestSetting
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs', '    refreshTokens: true') + publicYaml('phone') })
})
afterAll(async () => {
  const broken = setting.lines.filter(
    ({ code }) => code === 'server_error' || code === 'issuer_failed' || code === 'request_failed',
  )
  await setting.close()
  expect(broken).toEqual([])
})

/** Every beginning of a value, and the value with one bit of one character changed, for each of its characters. */
function bent(value: string): string[] {
  const prefixes = Array.from({ length: value.length }, (_, index) => value.slice(0, index))
  const flips = Array.from({ length: value.length }, (_, index) => {
    const flipped = String.fromCharCode(value.charCodeAt(index) ^ 1)
    return `${value.slice(0, index)}${flipped}${value.slice(index + 1)}`
  })
  return [...prefixes, ...flips, `${value}A`, `${value}=`, ` ${value}`, value.toUpperCase()]
}

async function inTurns<T>(values: readonly T[], run: (value: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < values.length; at += 10) await Promise.all(values.slice(at, at + 10).map(run))
}

describe('a token that was cut or bent by one bit', () => {
  test('is no access token', async () => {
    const { tokens } = await getTokens(setting, 'docs')
    const token = String(tokens['access_token'])
    await inTurns(
      bent(token).filter((value) => value.trim() === value),
      async (value) => {
        expect((await userinfo(setting.issuer, value)).status).toBeGreaterThanOrEqual(400)
        expect((await userinfo(setting.issuer, value)).status).toBeLessThanOrEqual(401)
        expect(await isActive(setting.issuer, 'docs', value)).toBe(false)
      },
    )
    expect((await userinfo(setting.issuer, token)).status).toBe(200)
  })

  test('is no refresh token, and costs the honest app nothing', async () => {
    const { tokens } = await getTokens(setting, 'docs')
    const token = String(tokens['refresh_token'])
    const use = (value: string) =>
      postAs(setting.issuer, '/token', 'docs', { grant_type: 'refresh_token', refresh_token: value })
    await inTurns(bent(token), async (value) => {
      const answer = await use(value)
      expect(answer.status).toBe(400)
      expect(answer.body['error']).toMatch(/^invalid_(grant|request)$/)
    })
    expect((await use(token)).status).toBe(200)
  })

  test('is no code, and costs the honest app nothing', async () => {
    const { code, sent } = await getCode(await testApp(setting.issuer, 'docs'))
    await inTurns(bent(code), async (value) => {
      const answer = await postAs(setting.issuer, '/token', 'docs', redemption('docs', value, sent))
      expect(answer.status).toBe(400)
      expect(answer.body['error']).toMatch(/^invalid_(grant|request)$/)
    })
    expect((await postAs(setting.issuer, '/token', 'docs', redemption('docs', code, sent))).status).toBe(200)
  })

  test('is no session cookie', async () => {
    const app = await testApp(setting.issuer, 'docs')
    const { browser } = await getCode(app)
    const cookies = await browser.jar.getCookies(setting.issuer)
    const session = cookies.find(({ key }) => key === 'narrowgate')
    const rest = cookies.filter((cookie) => cookie !== session).map((cookie) => cookie.cookieString())
    const { url } = await app.request({ prompt: 'none' })
    await inTurns(
      bent(session?.value ?? '').filter((value) => !/[\s;]/.test(value)),
      async (value) => {
        const response = await fetch(url, {
          redirect: 'manual',
          headers: { cookie: [`narrowgate=${value}`, ...rest].join('; ') },
        })
        expect(response.status).toBe(303)
        expect(response.headers.get('location')).toContain('error=login_required')
      },
    )
    expect((await askSilently(app, browser)).code).not.toBeNull()
  })
})

describe('a parameter that stands twice', () => {
  const authorize: Record<string, string> = {
    client_id: 'docs',
    response_type: 'code',
    redirect_uri: redirectUriOf('docs'),
    scope: 'openid',
    state: 's',
    nonce: 'n',
    prompt: 'none',
    max_age: '60',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }
  test.each(Object.keys(authorize))('at /authorize: %s', async (name) => {
    const query = new URLSearchParams(authorize)
    query.append(name, authorize[name] ?? '')
    const response = await fetch(`${setting.issuer}/authorize?${query.toString()}`, { redirect: 'manual' })
    const location = response.headers.get('location')
    if (name === 'client_id' || name === 'redirect_uri') {
      expect(response.status).toBe(400)
      expect(location).toBeNull()
    } else {
      expect(new URL(location ?? 'x:').searchParams.get('error')).toBe('invalid_request')
    }
  })

  test.each(['grant_type', 'code', 'redirect_uri', 'code_verifier'])('at /token: %s', async (name) => {
    const { code, sent } = await getCode(await testApp(setting.issuer, 'docs'))
    const form = redemption('docs', code, sent)
    const body = new URLSearchParams(form)
    body.append(name, form[name] ?? '')
    const answer = await post(`${setting.issuer}/token`, body, { authorization: basicOf('docs') })
    expect(tally([answer])).toEqual({ '400 invalid_request': 1 })
  })

  test.each(['/introspect', '/revoke'])('at %s: token', async (path) => {
    const body = new URLSearchParams([
      ['token', 'x'.repeat(43)],
      ['token', 'y'.repeat(43)],
    ])
    const answer = await post(`${setting.issuer}${path}`, body, { authorization: basicOf('docs') })
    expect(tally([answer])).toEqual({ '400 invalid_request': 1 })
  })
})

/** A request byte by byte, as no well-behaved client would send it. */
function raw(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: Buffer | string,
): Promise<number> {
  const { hostname, port } = new URL(setting.issuer)
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, method, path, headers }, (response) => {
      response.resume()
      response.once('end', () => {
        resolve(response.statusCode ?? 0)
      })
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

const RUBBISH = [
  '%',
  '%zz',
  '%00',
  '%c3%28',
  '%ff%fe',
  '%ed%a0%80',
  '[]',
  '[a]=b',
  '__proto__[x]=1',
  'constructor.prototype=1',
  '%0d%0aset-cookie:%20x=1',
  '..%2f..%2fetc%2fpasswd',
  'a'.repeat(5000),
  '%F0%9F%92%A9',
  '%25%25%25',
  '&&&===',
]
const form = 'application/x-www-form-urlencoded'

describe('a malformed request', () => {
  const query = (more: string): string =>
    `client_id=docs&response_type=code&scope=openid&redirect_uri=${encodeURIComponent(redirectUriOf('docs'))}` +
    `&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&${more}`
  const PARAMETERS = [
    'max_age',
    'claims',
    'prompt',
    'id_token_hint',
    'ui_locales',
    'login_hint',
    'response_mode',
    'resource',
    'dpop_jkt',
    'scope',
    'nonce',
    'state',
  ]

  test('to /authorize is never our failure', async () => {
    const cases = [
      ...PARAMETERS.flatMap((name) => RUBBISH.map((value) => query(`${name}=${value}`))),
      ...['-1', '1e99', 'NaN', '1.5', '0x10', '9'.repeat(40), ''].map((age) => query(`max_age=${age}`)),
      ...[
        'null',
        '1',
        '[]',
        '{',
        '{"userinfo":1}',
        '{"userinfo":{"__proto__":null}}',
        '{"id_token":{"sub":{"value":1}}}',
        '"x"',
      ].map((claims) => query(`claims=${encodeURIComponent(claims)}`)),
      ...RUBBISH,
    ]
    expect(cases.length).toBeGreaterThan(200)
    await inTurns(cases, async (text) => {
      expect([text, (await raw('GET', `/authorize?${text}`, {})) < 500]).toEqual([text, true])
    })
  })

  test('to any other path is refused, and never our failure', async () => {
    const paths = [
      '/token',
      '/par',
      '/introspect',
      '/revoke',
      '/userinfo',
      '/session/end',
      '/session/end/confirm',
      '/jwks',
    ]
    const bodies: [string, string | Buffer][] = [
      ...RUBBISH.map((text): [string, string] => [form, `grant_type=refresh_token&refresh_token=${text}`]),
      ...RUBBISH.map((text): [string, string] => [form, text]),
      ['application/json', '{"grant_type":"authorization_code"}'],
      ['application/json', '{'],
      ['multipart/form-data; boundary=x', '--x\r\n'],
      ['text/plain', 'x'],
      [`${form}; charset=utf-7`, 'a=b'],
      [form, Buffer.from([0xff, 0xfe, 0x00, 0x80])],
      [form, 'a=1&'.repeat(3000)],
    ]
    const authorizations = [
      basicOf('docs'),
      'Basic',
      'Basic !!!',
      'Basic OjpAOg==',
      'Bearer',
      'DPoP x',
      `Basic ${Buffer.from('docs:%zz').toString('base64')}`,
    ]
    const cases = paths.flatMap((path) =>
      bodies.map(([type, body], index) => ({
        path,
        type,
        body,
        authorization: authorizations[index % authorizations.length] ?? '',
      })),
    )
    expect(cases.length).toBeGreaterThan(200)
    await inTurns(cases, async ({ path, type, body, authorization }) => {
      const status = await raw('POST', path, { 'content-type': type, authorization }, body)
      const isTaken =
        status === 200 && (path === '/session/end' || path === '/revoke' || path === '/introspect')
      expect([
        path,
        type,
        String(body).slice(0, 60),
        isTaken || (status >= 400 && status < 500) || status,
      ]).toEqual([path, type, String(body).slice(0, 60), true])
    })
  })

  test('by another method, to a bent path or with a bent cookie is never our failure', async () => {
    const methods = ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND']
    const paths = [
      '/authorize',
      '/token',
      '/userinfo',
      '/session/end',
      '/sign-in/x',
      '/callback/google',
      '/picture/x',
      '/',
    ]
    for (const method of methods)
      for (const path of paths) expect(await raw(method, path, {})).toBeLessThan(500)
    const bentPaths = [
      '//',
      '//evil.example/authorize',
      '/authorize/',
      '/authorize//x',
      '/authorize/%00',
      '/authorize/%zz',
      '/authorize/../token',
      '/sign-in/%zz',
      '/sign-in/..%2f',
      `/sign-in/${'a'.repeat(5000)}`,
      '/callback/%00',
      '/callback/google?state=%zz&code=',
      '/callback/google?state=a&state=b',
      '/picture/%zz',
      '/%',
      '/%2e%2e/',
      '/.well-known/openid-configuration/',
      '/callback/nobody',
      'http://evil.example/authorize',
      '/authorize?%',
      '/session/end/success?client_id=nobody',
      '/session/end/success?client_id[]=',
    ]
    for (const path of bentPaths) expect([path, (await raw('GET', path, {})) < 500]).toEqual([path, true])
    const cookies = [
      'narrowgate=',
      'narrowgate=%zz',
      'narrowgate=x; narrowgate.sig=y',
      '=;=;',
      'narrowgate-interaction=a',
      '__proto__=1',
      `narrowgate=${'x'.repeat(4000)}`,
    ]
    for (const cookie of cookies)
      for (const path of [
        `/authorize?${query('prompt=none')}`,
        '/session/end',
        '/sign-in/x',
        '/callback/google?state=a.b&code=c',
        '/authorize/x',
      ])
        expect([cookie, path, (await raw('GET', path, { cookie })) < 500]).toEqual([cookie, path, true])
  })

  test('with a secret in the wrong place gives nothing away', async () => {
    const answer = await post(`${setting.issuer}/token`, {
      grant_type: 'authorization_code',
      client_id: 'phone',
      client_secret: secretOf('docs'),
      code: 'x',
      redirect_uri: 'x',
    })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(JSON.stringify(answer.body)).not.toContain(secretOf('docs'))
  })
})
