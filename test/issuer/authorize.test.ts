// The authorization endpoint: what is refused, where the refusal goes, and what a fresh sign-in means.
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  appYaml,
  redirectUriOf,
  secretOf,
  signIn,
  testApp,
  testBrowser,
  testSetting,
  type TestSetting,
} from '../support/app.ts'
import {
  askSilently,
  basicOf,
  codeOf,
  getCode,
  getTokens,
  post,
  postAs,
  publicYaml,
  redemption,
  tally,
} from './helpers.ts'

const web = 'https://editor.example.com/callback'

let setting: TestSetting
beforeAll(async () => {
  setting = await testSetting({
    clients:
      appYaml('docs') +
      appYaml('legacy', '    requirePkce: false') +
      appYaml('pushed', '    requirePar: true') +
      appYaml('relaxed', '    acceptUnprovenAuthTime: true') +
      appYaml('off', '    enabled: false') +
      publicYaml('phone') +
      `
  - id: editor
    name: editor
    secret: ${secretOf('editor')}
    redirectUris: [${web}]`,
  })
})
afterAll(() => setting.close())

const get = (parameters: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(`${setting.issuer}/authorize?${new URLSearchParams(parameters).toString()}`, { redirect: 'manual' })

const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
const base = {
  client_id: 'docs',
  response_type: 'code',
  redirect_uri: redirectUriOf('docs'),
  scope: 'openid',
  state: 's',
  code_challenge: CHALLENGE,
  code_challenge_method: 'S256',
}
const without = (...names: string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(base).filter(([name]) => !names.includes(name)))
const errorIn = (response: Response): string | null =>
  new URL(response.headers.get('location') ?? 'x:').searchParams.get('error')

describe('PKCE', () => {
  test.each([
    ['is missing', without('code_challenge', 'code_challenge_method')],
    ['is plain', { ...base, code_challenge_method: 'plain' }],
    ['names no method', without('code_challenge_method')],
    ['is too short', { ...base, code_challenge: 'short' }],
    ['names a method only', without('code_challenge')],
  ])('that %s is invalid_request', async (_how, parameters) => {
    expect(errorIn(await get(parameters))).toBe('invalid_request')
  })

  test.each([
    ['a wrong verifier', { code_verifier: 'x'.repeat(43) }],
    ['the challenge itself', { code_verifier: CHALLENGE }],
    ['no verifier', {}],
    ['an empty verifier', { code_verifier: '' }],
  ])('gives nothing for %s', async (_what, given) => {
    const { code, sent } = await getCode(await testApp(setting.issuer, 'docs'))
    const { code_verifier: _verifier, ...form } = redemption('docs', code, sent)
    const answer = await postAs(setting.issuer, '/token', 'docs', { ...form, ...given })
    expect(answer.status).toBe(400)
    expect(answer.body['error']).toMatch(/^invalid_(grant|request)$/)
  })

  test('may be waived for a confidential app alone, and then a verifier out of nowhere is refused', async () => {
    const browser = testBrowser()
    const url = new URL(`${setting.issuer}/authorize`)
    url.search = new URLSearchParams({
      client_id: 'legacy',
      response_type: 'code',
      redirect_uri: redirectUriOf('legacy'),
      scope: 'openid',
    }).toString()
    const form = (code: string) => ({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUriOf('legacy'),
    })
    const first = codeOf(await signIn(browser, url, 'google', 'dana'))
    expect((await postAs(setting.issuer, '/token', 'legacy', form(first))).status).toBe(200)
    const second = codeOf(await browser.open(url))
    const answer = await postAs(setting.issuer, '/token', 'legacy', {
      ...form(second),
      code_verifier: 'x'.repeat(43),
    })
    expect(tally([answer])).toEqual({ '400 invalid_grant': 1 })
  })

  test('that a waiving app does send is held to', async () => {
    const { code, sent } = await getCode(await testApp(setting.issuer, 'legacy'))
    const { code_verifier: _verifier, ...form } = redemption('legacy', code, sent)
    expect(tally([await postAs(setting.issuer, '/token', 'legacy', form)])).toEqual({
      '400 invalid_grant': 1,
    })
  })
})

describe('a redirect URI', () => {
  const HOSTILE = [
    'https://editor.example.com/callback/',
    'https://editor.example.com/callbac',
    'https://editor.example.com/callbackx',
    'https://editor.example.com/Callback',
    'https://editor.example.com/callback?',
    'https://editor.example.com/callback?x=1',
    'https://editor.example.com/callback#',
    'https://editor.example.com/callback#x',
    'https://editor.example.com/callback%20',
    'https://editor.example.com/callback ',
    ' https://editor.example.com/callback',
    'https://editor.example.com/callback\n',
    'https://editor.example.com/callback\0',
    'https://editor.example.com/callback%00',
    'https://editor.example.com/callback%0d%0aset-cookie:x=1',
    'https://editor.example.com//callback',
    'https://editor.example.com/./callback',
    'https://editor.example.com/x/../callback',
    'https://editor.example.com/x/%2e%2e/callback',
    'https://editor.example.com/x/..%2fcallback',
    'https://editor.example.com/%63allback',
    'https://editor.example.com\\callback',
    'https://editor.example.com/callback\\',
    'https://editor.example.com/callback;x',
    'https://editor.example.com:443/callback',
    'https://editor.example.com:8443/callback',
    'https://editor.example.com:443@evil.example/callback',
    'https://editor.example.com@evil.example/callback',
    'https://user@editor.example.com/callback',
    'https://user:pass@editor.example.com/callback',
    'https://evil.example\\@editor.example.com/callback',
    'https://evil.example#@editor.example.com/callback',
    'https://editor.example.com.evil.example/callback',
    'https://editorxexample.com/callback',
    'https://editor.example.comx/callback',
    'https://xeditor.example.com/callback',
    'https://example.com/callback',
    'https://editor.example.com./callback',
    'https://EDITOR.example.com/callback',
    'HTTPS://editor.example.com/callback',
    'http://editor.example.com/callback',
    '//editor.example.com/callback',
    '/callback',
    'editor.example.com/callback',
    'https:/editor.example.com/callback',
    'https:editor.example.com/callback',
    'https:///editor.example.com/callback',
    'https://еditor.example.com/callback',
    'https://editor。example.com/callback',
    'https://editor.example.com/callback\u202e',
    'javascript:alert(1)//https://editor.example.com/callback',
    'data:text/html,https://editor.example.com/callback',
    'blob:https://editor.example.com/callback',
    'file:///etc/passwd',
    'https://localhost/callback',
    'http://127.0.0.1/callback',
    'http://[::1]/callback',
    'about:blank',
    '*',
    'null',
    '',
  ]
  const editor = { ...base, client_id: 'editor' }

  test('that is registered, to the letter, is taken', async () => {
    expect((await get({ ...editor, redirect_uri: web })).status).toBe(303)
  })

  test.each(HOSTILE)('%j gets an error page and no redirect', async (uri) => {
    for (const prompt of ['none', 'login']) {
      const response = await get({ ...editor, redirect_uri: uri, prompt })
      expect(response.status).toBe(400)
      expect(response.headers.get('location')).toBeNull()
      expect(await response.text()).not.toContain('evil.example')
    }
    const pushed = await post(
      `${setting.issuer}/par`,
      { ...editor, redirect_uri: uri },
      { authorization: basicOf('editor') },
    )
    expect(pushed.status).toBe(400)
  })

  test('must be named, and the same again at the token endpoint', async () => {
    const { redirect_uri: _uri, ...rest } = editor
    const response = await get(rest)
    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
    const { code, sent } = await getCode(await testApp(setting.issuer, 'docs'))
    const form = redemption('docs', code, sent)
    const answer = await postAs(setting.issuer, '/token', 'docs', {
      ...form,
      redirect_uri: `${form['redirect_uri']}/`,
    })
    expect(tally([answer])).toEqual({ '400 invalid_grant': 1 })
  })
})

describe('a request', () => {
  test.each(['nobody', 'off', '', 'DOCS', 'docs ', '__proto__', 'constructor'])(
    'of the app %j gets a page and no redirect',
    async (id) => {
      const response = await get({ ...base, client_id: id })
      expect(response.status).toBe(400)
      expect(response.headers.get('location')).toBeNull()
    },
  )

  test.each(['token', 'id_token', 'code id_token', 'code token', 'none', 'xyz', ''])(
    'for the response type %j is refused without a code',
    async (type) => {
      const response = await get({ ...base, response_type: type, nonce: 'n' })
      const location = response.headers.get('location') ?? ''
      expect(location).not.toContain('code=')
      expect(location === '' ? response.status : location).toEqual(
        location === ''
          ? 400
          : expect.stringMatching(/error=(unsupported_response_type|unauthorized_client|invalid_request)/),
      )
    },
  )

  test.each(['fragment', 'form_post', 'web_message', 'jwt'])(
    'for the response mode %s never breaks',
    async (mode) => {
      expect((await get({ ...base, response_mode: mode, prompt: 'none' })).status).toBeLessThan(500)
    },
  )

  test('by POST is asked again by GET, parameters intact', async () => {
    const parameters = { ...base, state: 'a&b=c ä/+%', login_hint: 'dana+x@widgets.example' }
    const answer = await post(`${setting.issuer}/authorize`, parameters)
    expect(answer.status).toBe(303)
    const location = new URL(answer.headers.get('location') ?? '', setting.issuer)
    expect(location.origin).toBe(setting.issuer)
    expect(location.pathname).toBe('/authorize')
    expect(Object.fromEntries(location.searchParams)).toEqual(parameters)
    expect(answer.headers.getSetCookie()).toEqual([])
    const page = await testBrowser().open(location)
    expect(page.html).toContain('name="connector"')
  })

  test('by POST with a parameter twice is still told so', async () => {
    const form = new URLSearchParams(base)
    form.append('scope', 'openid email')
    const answer = await post(`${setting.issuer}/authorize`, form)
    const end = await fetch(new URL(answer.headers.get('location') ?? '', setting.issuer), {
      redirect: 'manual',
    })
    expect(errorIn(end)).toBe('invalid_request')
  })

  test('must be pushed where the app says so', async () => {
    const app = await testApp(setting.issuer, 'pushed')
    const sent = await app.request()
    expect(errorIn(await fetch(sent.url, { redirect: 'manual' }))).toBe('invalid_request')
    const pushed = await postAs(setting.issuer, '/par', 'pushed', Object.fromEntries(sent.url.searchParams))
    expect(pushed.status).toBe(201)
    const url = new URL(`${setting.issuer}/authorize`)
    url.search = new URLSearchParams({
      client_id: 'pushed',
      request_uri: String(pushed.body['request_uri']),
    }).toString()
    const code = codeOf(await signIn(testBrowser(), url, 'google', 'dana'))
    expect((await postAs(setting.issuer, '/token', 'pushed', redemption('pushed', code, sent))).status).toBe(
      200,
    )
  })

  test('that one app pushed is not another’s to use', async () => {
    const sent = await (await testApp(setting.issuer, 'docs')).request()
    const pushed = await postAs(setting.issuer, '/par', 'docs', Object.fromEntries(sent.url.searchParams))
    const stolen = await get({ client_id: 'pushed', request_uri: String(pushed.body['request_uri']) })
    expect(stolen.status).toBe(400)
    expect(stolen.headers.get('location')).toBeNull()
  })

  test('may not carry a request object of its own', async () => {
    for (const extra of [{ request: 'eyJhbGciOiJub25lIn0.e30.' }, { request_uri: 'https://evil.example/r' }])
      expect(
        (await get({ ...base, ...(extra as Record<string, string>) })).headers.get('location') ?? '',
      ).not.toContain('code=')
  })

  test('with the uid of somebody’s interaction in the path gives no code', async () => {
    const browser = testBrowser()
    const page = await browser.open((await (await testApp(setting.issuer, 'docs')).request()).url)
    const handle = page.url.pathname.split('/').pop() ?? ''
    for (const path of [`/authorize/${handle}`, `/sign-in/${handle}`, `/sign-in/${handle}/confirm`]) {
      const response = await fetch(`${setting.issuer}${path}`, { redirect: 'manual' })
      expect(response.status).toBe(400)
      expect(response.headers.get('location')).toBeNull()
    }
  })
})

describe('a fresh sign-in', () => {
  const asked: [string, Record<string, string>][] = [
    ['prompt=login', { prompt: 'login' }],
    ['max_age=0', { max_age: '0' }],
    ['max_age=300', { max_age: '300' }],
  ]

  test.each(asked)(
    'by %s that the upstream does not prove is an error for the app',
    async (_how, parameters) => {
      const app = await testApp(setting.issuer, 'docs')
      const { url } = await signIn(testBrowser(), (await app.request(parameters)).url, 'google', 'dana')
      expect(url.href.startsWith(redirectUriOf('docs'))).toBe(true)
      expect(url.searchParams.get('error')).toBe('unmet_authentication_requirements')
    },
  )

  test.each(asked)(
    'by %s rests on the upstream’s word where the app accepts that',
    async (_how, parameters) => {
      const { tokens } = await getTokens(setting, 'relaxed', { parameters })
      expect(tokens['id_token']).toBeDefined()
    },
  )

  test.each(asked)('by %s is proven by an upstream that says when', async (_how, parameters) => {
    const app = await testApp(setting.issuer, 'docs')
    const { code, sent, browser } = await getCode(app, { connector: 'oidc', person: 'ola', parameters })
    const answer = await postAs(setting.issuer, '/token', 'docs', redemption('docs', code, sent))
    const claims = JSON.parse(
      Buffer.from(String(answer.body['id_token']).split('.')[1] ?? '', 'base64url').toString(),
    ) as { auth_time?: number }
    expect(Math.abs((claims.auth_time ?? 0) - Date.now() / 1000)).toBeLessThan(120)
    expect((await askSilently(app, browser, { max_age: '300' })).code).not.toBeNull()
  })

  test('is not had from a session whose upstream proved nothing', async () => {
    const { browser, app } = await getTokens(setting, 'docs')
    expect((await askSilently(app, browser, { max_age: '3600' })).error).toBe('login_required')
    expect((await askSilently(app, browser)).code).not.toBeNull()
    const relaxed = await testApp(setting.issuer, 'relaxed')
    expect((await askSilently(relaxed, browser, { max_age: '3600' })).code).not.toBeNull()
  })

  test('can’t be asked for silently', async () => {
    const app = await testApp(setting.issuer, 'docs')
    expect(errorIn(await get({ ...base, prompt: 'none login' }))).toBe('invalid_request')
    expect((await askSilently(app, testBrowser())).error).toBe('login_required')
  })
})

test('a request’s host never reaches a link', async () => {
  const { hostname, port } = new URL(setting.issuer)
  const location = await new Promise<string | undefined>((resolve, reject) => {
    const sent = httpRequest(
      {
        hostname,
        port,
        path: `/authorize?${new URLSearchParams(base).toString()}`,
        headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' },
      },
      (response) => {
        response.resume()
        resolve(response.headers.location)
      },
    )
    sent.on('error', reject).end()
  })
  expect(location).toMatch(/^(\/sign-in\/|http:\/\/localhost:\d+\/sign-in\/)/)
})
