// Three hundred requests that no browser would send, over every route: each gets an answer that is not our fault, and the process lives on.
// attacks.md 45, 46, §3 (HTTP).
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { request } from 'node:http'
import {
  appYaml,
  secretOf,
  testApp,
  testBrowser,
  testSetting,
  type TestApp,
  type TestSetting,
} from '../support/app.ts'
import { rowsOf, signInFully } from './setting.ts'

let setting: TestSetting
let app: TestApp
let handle: string
let cookie: string
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs') })
  app = await testApp(setting.issuer, 'docs')
  const browser = testBrowser()
  const page = await browser.open((await app.request()).url)
  handle = page.url.pathname.split('/')[2] ?? ''
  cookie = await browser.jar.getCookieString(page.url.href)
})
afterAll(() => setting.close())

const PATHS = [
  ['/authorize', '/token', '/userinfo', '/jwks', '/introspect', '/revoke', '/session/end', '/par'],
  ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/health/ready'],
  ['/authorize/x', '/authorize/%ff', '/authorize/a/b', '/session/end/confirm', '/session/end/success'],
  ['/callback/google', '/callback/microsoft', '/callback/oidc', '/callback/', '/picture/x', '/picture/%00'],
  [`/picture/${'a'.repeat(43)}`, '/sign-in/HANDLE', '/sign-in/HANDLE/confirm', '/sign-in/x', '/sign-in/'],
  ['/', '//', '/%', '/..%2f..%2fetc/passwd', '//attacker.example/', '/\\attacker.example', '/metrics'],
].flat()
const NAMES = [
  ['client_id', 'redirect_uri', 'response_type', 'scope', 'state', 'nonce', 'code', 'code_verifier', 'iss'],
  ['code_challenge', 'code_challenge_method', 'prompt', 'max_age', 'id_token_hint', 'login_hint', 'error'],
  ['claims', 'request', 'request_uri', 'resource', 'ui_locales', 'response_mode', 'grant_type', 'token'],
  ['refresh_token', 'client_assertion', 'client_assertion_type', 'connector', 'decision', 'adult', 'notice'],
  ['post_logout_redirect_uri', 'logout', 'xsrf', '__proto__', 'constructor', 'a[b]', ''],
].flat()
const LIKELY = [
  ['docs', 'code', 'openid', 'S256', 'none', 'login', '0', '-1', '1e400', 'authorization_code', 'google'],
  ['refresh_token', 'agree', 'decline', 'yes', 'form_post', 'query', 'fragment', '{}', '{"userinfo":null}'],
  ['{"id_token":{"sub":{"value":1}}}', '[]', 'null', 'a'.repeat(43), 'eyJhbGciOiJub25lIn0.e30.', '%00'],
  ['http://localhost:4999/docs/callback', 'javascript:alert(1)', '//attacker.example', '\r\nset-cookie: a=b'],
].flat()

const value = fc.oneof(
  fc.constantFrom(...LIKELY),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 300 }),
)
const pairs = fc.array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 8 })
const CONTENT = 'application/x-www-form-urlencoded'
const shot = fc.record({
  method: fc.constantFrom('GET', 'GET', 'POST', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'),
  path: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...PATHS) }, { weight: 1, arbitrary: fc.webPath() }),
  query: pairs,
  body: fc.oneof(
    pairs.map((entries) => new URLSearchParams(entries).toString()),
    fc.json({ maxDepth: 2 }),
    fc.string({ unit: 'binary', maxLength: 200 }),
  ),
  type: fc.constantFrom(
    CONTENT,
    CONTENT,
    'application/json',
    'text/plain',
    'multipart/form-data',
    `${CONTENT}; charset=x`,
  ),
  cookie: fc.constantFrom('ours', 'ours', 'none', 'garbage'),
  authorization: fc.constantFrom(
    undefined,
    undefined,
    `Basic ${Buffer.from(`docs:${secretOf('docs')}`).toString('base64')}`,
    'Basic %%%',
    'Bearer x',
    `DPoP ${'a'.repeat(43)}`,
  ),
  host: fc.constantFrom('localhost', 'attacker.example', '[::1]:99999', ''),
  language: fc.constantFrom('en', 'de', '*;q=', 'x'.repeat(200)),
})
type Shot = typeof shot extends fc.Arbitrary<infer T> ? T : never

function fire(given: Shot): Promise<number> {
  const query = new URLSearchParams(given.query).toString()
  const path = `${given.path.replace('HANDLE', handle)}${query === '' ? '' : `?${query}`}`
  const cookies = { ours: cookie, none: '', garbage: 'narrowgate=%; narrowgate-interaction=;;=,"' }
  const body = given.method === 'GET' || given.method === 'HEAD' ? '' : given.body
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: new URL(setting.issuer).port,
        method: given.method,
        path,
        headers: {
          host: given.host,
          cookie: cookies[given.cookie],
          'content-type': given.type,
          'content-length': Buffer.byteLength(body),
          'accept-language': given.language,
          ...(given.authorization === undefined ? {} : { authorization: given.authorization }),
        },
        agent: false,
        timeout: 5000,
      },
      (response) => {
        response.resume().on('end', () => {
          resolve(response.statusCode ?? 0)
        })
      },
    )
    call.on('timeout', () => call.destroy(new Error('no answer')))
    call.on('error', reject)
    call.end(body)
  })
}

test('no request of three hundred is answered with a fault of ours, or makes anything', async () => {
  const before = await rowsOf(setting)
  await fc.assert(
    fc.asyncProperty(shot, async (given) => {
      const status = await fire(given)
      expect(status).toBeGreaterThanOrEqual(200)
      expect(status).toBeLessThan(500)
    }),
    { numRuns: 300, seed: 20_261_124 },
  )
  expect(setting.lines.filter(({ level }) => level === 'error')).toEqual([])
  expect(await rowsOf(setting)).toEqual(before)
  expect((await signInFully(app, 'google', 'dana')).name).toBe('Dana Reyes')
})
