/**
 * The simulation's pages: choosers that people and plain HTTP clients can use, and a root page that flips switches.
 */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createPlainApp } from '../../../demo/upstreams/plain-app.ts'
import { startUpstreams } from '../../../demo/upstreams/server.ts'
import type { Upstreams } from '../../../demo/upstreams/server.ts'
import { trapFamilies } from '../../../demo/upstreams/traps.ts'
import { createVisitor } from '../../../demo/upstreams/visitor.ts'

let upstreams: Upstreams

beforeAll(async () => {
  upstreams = await startUpstreams()
})

afterEach(() => upstreams.resetTraps())

afterAll(() => upstreams.close())

test.each([
  ['google', 'Simulated Google — demo', 'dana'],
  ['microsoft', 'Simulated Microsoft — demo', 'robin'],
  ['oidc', 'Simulated OpenID provider — demo', 'ola'],
] as const)(
  'the chooser of %s says what it is, lists its people and lets one cancel',
  async (vendor, title, person) => {
    const visitor = createVisitor(upstreams)
    const page = await visitor.open(createPlainApp(upstreams, vendor).authorizeUrl())
    expect(page.html).toContain(title)
    expect(page.html).toContain(`value="${person}"`)
    expect(page.html).not.toMatch(/<script|<link|https?:\/\/(?!localhost)/)
    expect((await visitor.cancel(page)).location).toContain('error=access_denied')
  },
)

test('what an app sends is escaped on the chooser', async () => {
  const app = createPlainApp(upstreams, 'google')
  const page = await createVisitor(upstreams).open(app.authorizeUrl({ state: '"><script>alert(1)</script>' }))
  expect(page.status).toBe(200)
  expect(page.html).not.toContain('<script')
})

test('a changed request in the hidden field is checked again', async () => {
  const visitor = createVisitor(upstreams)
  const page = await visitor.open(createPlainApp(upstreams, 'google').authorizeUrl())
  const forged = { ...page, html: page.html.replaceAll('localhost%3A9', 'attacker.example') }
  expect(await visitor.choose(forged, 'dana')).toMatchObject({ status: 400, location: undefined })
})

test('pictures of people without one are not there, and others are PNG', async () => {
  expect((await fetch(`${upstreams.origin}/people/noor/picture`)).status).toBe(404)
  const answer = await fetch(`${upstreams.origin}/people/dana/picture`)
  expect(answer.headers.get('content-type')).toBe('image/png')
})

const post = (fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${upstreams.origin}/traps`, {
    method: 'POST',
    redirect: 'manual',
    headers,
    body: new URLSearchParams(fields),
  })

test('the root page shows every switch with a line for each of its values', async () => {
  const text = await (await fetch(upstreams.origin)).text()
  for (const { vendor, family, values } of trapFamilies) {
    expect(text).toContain(`name="${vendor}.${family}"`)
    expect(Object.keys(values).length).toBeGreaterThan(1)
  }
})

test('the root page flips switches and puts all of them back', async () => {
  expect((await post({ 'google.idToken': 'wrongAud', 'google.nonsense': 'on' })).status).toBe(303)
  expect(upstreams.traps.google.idToken).toBe('wrongAud')
  await post({ 'google.idToken': 'no such value' })
  expect(upstreams.traps.google.idToken).toBe('wrongAud')
  await post({ reset: 'all' })
  expect(upstreams.traps.google.idToken).toBe('off')
})

test("another site's page flips nothing", async () => {
  const answer = await post({ 'google.idToken': 'wrongAud' }, { origin: 'https://attacker.example' })
  expect(answer.status).toBe(403)
  expect(upstreams.traps.google.idToken).toBe('off')
})

test('the log names calls by their real address, without secrets and without the own pages', async () => {
  upstreams.requests.length = 0
  const app = createPlainApp(upstreams, 'google')
  await app.tokens('dana')
  await fetch(upstreams.origin)
  expect(upstreams.requests.map(({ method, url }) => `${method} ${url.split('?')[0] ?? ''}`)).toEqual([
    'GET https://accounts.google.com/o/oauth2/v2/auth',
    'POST https://accounts.google.com/signin/choose',
    'POST https://oauth2.googleapis.com/token',
  ])
  expect(JSON.stringify(upstreams.requests)).not.toMatch(/state-1|nonce-1/)
})

test('fetch() refuses hosts that are not simulated', async () => {
  await expect(upstreams.fetch('https://attacker.example/')).rejects.toThrow('not a simulated upstream')
})
