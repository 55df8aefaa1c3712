/**
 * How endpoints and pictures break: each fault as its line says, at every endpoint that can have it.
 */
import { createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { z } from 'zod'
import { createPlainApp } from '../../../demo/upstreams/plain-app.ts'
import { startUpstreams } from '../../../demo/upstreams/server.ts'
import type { Upstreams } from '../../../demo/upstreams/server.ts'
import { setTrap } from '../../../demo/upstreams/traps.ts'

let upstreams: Upstreams
let graphToken: string
let googlePicture: string

beforeAll(async () => {
  upstreams = await startUpstreams()
  const tokens = await createPlainApp(upstreams, 'microsoft').tokens('robin', { scope: 'openid User.Read' })
  graphToken = z.string().parse(tokens['access_token'])
  googlePicture = z.string().parse((await createPlainApp(upstreams, 'google').claims('dana'))['picture'])
})

afterEach(() => upstreams.resetTraps())

afterAll(() => upstreams.close())

const ask = (url: string, method = 'GET', patience = 20_000): Promise<Response> =>
  upstreams.fetch(url, {
    method,
    redirect: 'manual',
    headers: { authorization: `Bearer ${graphToken}` },
    signal: AbortSignal.timeout(patience),
  })

describe.each([
  ['google', 'discovery', 'GET', 'https://accounts.google.com/.well-known/openid-configuration'],
  ['google', 'jwks', 'GET', 'https://www.googleapis.com/oauth2/v3/certs'],
  ['google', 'token', 'POST', 'https://oauth2.googleapis.com/token'],
  ['google', 'userinfo', 'GET', 'https://openidconnect.googleapis.com/v1/userinfo'],
  [
    'microsoft',
    'discovery',
    'GET',
    'https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration',
  ],
  ['microsoft', 'jwks', 'GET', 'https://login.microsoftonline.com/common/discovery/v2.0/keys'],
  ['microsoft', 'token', 'POST', 'https://login.microsoftonline.com/common/oauth2/v2.0/token'],
  ['microsoft', 'graph', 'GET', 'https://graph.microsoft.com/v1.0/me'],
  ['oidc', 'discovery', 'GET', 'https://oidc.example/.well-known/openid-configuration'],
  ['oidc', 'jwks', 'GET', 'https://oidc.example/jwks'],
  ['oidc', 'token', 'POST', 'https://oidc.example/token'],
  ['microsoft', 'userinfo', 'GET', 'https://graph.microsoft.com/oidc/userinfo'],
  ['oidc', 'userinfo', 'GET', 'https://oidc.example/userinfo'],
])('%s %s', (vendor, family, method, url) => {
  const broken = (fault: string): Promise<Response> => {
    expect(setTrap(upstreams.traps, vendor, family, fault)).toBe(true)
    return ask(url, method, fault === 'slow' ? 150 : undefined)
  }

  test('goes down, hangs, fails, or answers something else than JSON', async () => {
    await expect(broken('down')).rejects.toThrow('fetch failed')
    await expect(broken('slow')).rejects.toThrow('aborted due to timeout')
    expect((await broken('error500')).status).toBe(500)
    expect(await (await broken('html')).text()).toMatch(/^<!doctype html>/)
    await expect((await broken('truncatedJson')).json()).rejects.toThrow('in JSON')
  })

  test('sends its caller elsewhere, still on loopback and in the log', async () => {
    const answer = await broken('redirect302')
    expect(answer.status).toBe(302)
    const target = answer.headers.get('location') ?? ''
    expect(target).toBe(`${upstreams.origin}/elsewhere.example/moved`)
    await fetch(target)
    expect(upstreams.requests.at(-1)?.url).toBe('https://elsewhere.example/moved')
  })
})

test('a huge body is 50 MB, and ends when the caller hangs up', async () => {
  upstreams.traps.google.jwks = 'hugeBody'
  const whole = await upstreams.fetch('https://www.googleapis.com/oauth2/v3/certs')
  expect((await whole.arrayBuffer()).byteLength).toBeGreaterThan(50 * 1024 * 1024)
  const partial = await upstreams.fetch('https://www.googleapis.com/oauth2/v3/certs')
  await partial.body?.cancel()
})

test('discovery may name another issuer, a key set may be empty, userinfo may be of another or name a private address', async () => {
  upstreams.traps.google.discovery = 'otherIssuer'
  const document = await ask('https://accounts.google.com/.well-known/openid-configuration')
  expect(await document.json()).toMatchObject({ issuer: 'https://attacker.example' })
  upstreams.traps.google.jwks = 'empty'
  expect(await (await ask('https://www.googleapis.com/oauth2/v3/certs')).json()).toEqual({ keys: [] })
  upstreams.traps.microsoft.userinfo = 'otherSub'
  const userinfo = await ask('https://graph.microsoft.com/oidc/userinfo')
  expect(await userinfo.json()).toMatchObject({ sub: 'another-subject' })
  upstreams.traps.microsoft.pictureUrl = 'loopback'
  const bent = await ask('https://graph.microsoft.com/oidc/userinfo')
  expect(await bent.json()).toMatchObject({ picture: 'https://127.0.0.1/picture.png' })
})

test('Graph throttles with Retry-After, or forbids', async () => {
  upstreams.traps.microsoft.graph = 'throttled429'
  const throttled = await ask('https://graph.microsoft.com/v1.0/me')
  expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '120'])
  upstreams.traps.microsoft.graph = 'forbidden'
  expect((await ask('https://graph.microsoft.com/v1.0/me')).status).toBe(403)
})

test('close() ends calls that hang', async () => {
  const own = await startUpstreams()
  own.traps.google.discovery = 'slow'
  const hanging = own.fetch('https://accounts.google.com/.well-known/openid-configuration')
  const outcome = expect(hanging).rejects.toThrow('fetch failed')
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
  await own.close()
  await outcome
})

test('a port that is taken is an error at the start', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => {
    other.once('listening', resolve)
  })
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await expect(startUpstreams({ port })).rejects.toThrow('EADDRINUSE')
  other.close()
})

describe.each([
  ['google', () => googlePicture],
  ['microsoft', () => 'https://graph.microsoft.com/v1.0/me/photos/96x96/$value'],
  ['oidc', () => 'https://oidc.example/pictures/ola'],
])('%s picture', (vendor, address) => {
  const picture = async (trap: string) => {
    setTrap(upstreams.traps, vendor, 'photo', trap)
    const answer = await upstreams.fetch(address(), {
      redirect: 'manual',
      headers: { authorization: `Bearer ${graphToken}` },
    })
    const bytes = Buffer.from(await answer.arrayBuffer())
    return { status: answer.status, type: answer.headers.get('content-type'), bytes }
  }

  test('is real', async () => {
    const { bytes, type } = await picture('off')
    expect(`image/${(await sharp(bytes).metadata()).format}`).toBe(type)
  })

  test('is missing, throttled or elsewhere', async () => {
    expect((await picture('missing')).status).toBe(404)
    expect((await picture('throttled429')).status).toBe(429)
    expect((await picture('redirect302')).status).toBe(302)
  })

  test('is an SVG, said or unsaid, a text, a page', async () => {
    expect(await picture('svg')).toMatchObject({ type: expect.stringContaining('image/svg+xml') })
    expect(await picture('svgAsPng')).toMatchObject({ type: 'image/png' })
    expect((await picture('svgAsPng')).bytes.toString()).toContain('<script>')
    await expect(sharp((await picture('notAnImage')).bytes).metadata()).rejects.toThrow('unsupported')
    expect(await picture('html')).toMatchObject({ type: expect.stringContaining('text/html') })
  })

  test('is small as a file and huge as a picture', async () => {
    const { bytes } = await picture('bomb')
    expect(bytes.byteLength).toBeLessThan(100_000)
    const bomb = sharp(bytes, { limitInputPixels: 30_000 * 30_000 })
    expect(await bomb.metadata()).toMatchObject({ format: 'png', width: 20_000, height: 20_000 })
    await expect(sharp(bytes).resize(96).toBuffer()).rejects.toThrow('exceeds pixel limit')
  })

  test('is cut in half', async () => {
    const { bytes } = await picture('truncated')
    await expect(sharp(bytes, { failOn: 'error' }).toBuffer()).rejects.toThrow()
  })

  test('tells where it was taken', async () => {
    const { exif } = await sharp((await picture('gps')).bytes).metadata()
    expect(exif?.toString('latin1')).toContain('Simulated camera')
  })
})

test('a picture without end is 50 MB', async () => {
  upstreams.traps.google.photo = 'huge'
  const answer = await upstreams.fetch(googlePicture)
  expect(answer.headers.get('content-type')).toBe('image/jpeg')
  expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(50 * 1024 * 1024)
})

test('Google pictures come in the size that the address asks for', async () => {
  const size = async (address: string) => {
    const answer = await upstreams.fetch(address)
    return (await sharp(Buffer.from(await answer.arrayBuffer())).metadata()).width
  }
  expect(await size(googlePicture)).toBe(96)
  expect(await size(googlePicture.replace('=s96-c', '=s256-c'))).toBe(256)
  expect((await upstreams.fetch('https://lh3.googleusercontent.com/a/nobody=s96-c')).status).toBe(404)
})
