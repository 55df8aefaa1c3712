/**
 * The simulated Microsoft Graph keeps to what Microsoft documents of me, organization, photos and userinfo.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import sharp from 'sharp'
import { z } from 'zod'
import { larkspur } from '../../../demo/upstreams/cast.ts'
import { createPlainApp, jsonOf } from '../../../demo/upstreams/plain-app.ts'
import { startUpstreams } from '../../../demo/upstreams/server.ts'
import type { Upstreams } from '../../../demo/upstreams/server.ts'

let upstreams: Upstreams

beforeAll(async () => {
  upstreams = await startUpstreams()
})

afterAll(() => upstreams.close())

/** Asks Graph as a person who signed in at an authority with some scopes. */
const ask = async (
  person: string,
  path: string,
  { authority = 'common', scope = 'openid profile email User.Read' } = {},
): Promise<Response> => {
  const tokens = await createPlainApp(upstreams, 'microsoft', { authority }).tokens(person, { scope })
  return upstreams.fetch(`https://graph.microsoft.com${path}`, {
    headers: { authorization: `Bearer ${z.string().parse(tokens['access_token'])}` },
  })
}

test('$select brings companyName, and nothing that was not asked for', async () => {
  const answer = await ask('robin', '/v1.0/me?$select=id,companyName')
  expect(await jsonOf(answer)).toEqual({
    '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#users(id,companyName)/$entity',
    id: 'c1d2e3f4-1111-4222-8333-444455556666',
    companyName: 'Larkspur Legal LLP',
  })
})

test('without $select a default set comes, without companyName', async () => {
  const me = await jsonOf(await ask('robin', '/v1.0/me'))
  expect(me).toMatchObject({ displayName: 'Robin Vale', mail: 'robin@larkspur.example', jobTitle: null })
  expect(me).not.toHaveProperty('companyName')
})

test('companyName is null for most, though their organisation has a name', async () => {
  expect(await jsonOf(await ask('mina', '/v1.0/me?$select=companyName'))).toMatchObject({ companyName: null })
  expect(await jsonOf(await ask('mina', '/v1.0/organization?$select=id,displayName'))).toMatchObject({
    value: [{ id: larkspur.id, displayName: 'Larkspur Legal' }],
  })
})

test("a guest sees the inviting tenant's organisation", async () => {
  const answer = await ask('priya', '/v1.0/organization', { authority: larkspur.id })
  expect(await jsonOf(answer)).toMatchObject({ value: [{ displayName: 'Larkspur Legal' }] })
})

test('a personal account ignores $select, has a short id and no organisation', async () => {
  const me = await jsonOf(await ask('kim', '/v1.0/me?$select=id'))
  expect(me).toMatchObject({
    id: '1ee2a7991dc5b56b',
    displayName: 'Kim Oduya',
    businessPhones: [],
    mail: null,
  })
  expect((await ask('kim', '/v1.0/organization')).status).toBe(400)
})

test('an unknown property in $select is a bad request', async () => {
  expect((await ask('robin', '/v1.0/me?$select=shoeSize')).status).toBe(400)
})

test('without User.Read everything but userinfo is forbidden', async () => {
  const scope = 'openid profile email'
  for (const path of ['/v1.0/me', '/v1.0/organization', '/v1.0/me/photo/$value']) {
    expect((await ask('robin', path, { scope })).status).toBe(403)
  }
  expect(await jsonOf(await ask('robin', '/oidc/userinfo', { scope }))).toMatchObject({
    name: 'Robin Vale',
    picture: 'https://graph.microsoft.com/v1.0/me/photo/$value',
  })
})

test('without a token the answer is 401', async () => {
  const answer = await upstreams.fetch('https://graph.microsoft.com/v1.0/me')
  expect(answer.status).toBe(401)
  expect(await jsonOf(answer)).toMatchObject({ error: { code: 'InvalidAuthenticationToken' } })
})

test.each([
  ['/v1.0/me/photos/96x96/$value', 96],
  ['/v1.0/me/photo/$value', 648],
])('%s is a JPEG of %i pixels', async (path, side) => {
  const answer = await ask('robin', path)
  expect(answer.headers.get('content-type')).toBe('image/jpeg')
  const picture = await sharp(Buffer.from(await answer.arrayBuffer())).metadata()
  expect(picture).toMatchObject({ format: 'jpeg', width: side, height: side })
})

test('who has no photo gets 404 ImageNotFound', async () => {
  const answer = await ask('jonas', '/v1.0/me/photos/96x96/$value')
  expect(answer.status).toBe(404)
  expect(await jsonOf(answer)).toMatchObject({ error: { code: 'ImageNotFound' } })
})

test('added people may carry a hundred further properties that nobody asked for', async () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`extra${index}`, 'x']))
  upstreams.addPerson({
    vendor: 'microsoft',
    id: 'chatty',
    tag: 'a hundred further properties',
    tenant: '9188040d-6c67-4c5b-b112-36a304b66dad',
    oid: '00000000-0000-0000-aaaa-bbbbccccdddd',
    upn: 'chatty@outlook.example',
    extra: { graph: many },
  })
  expect(await jsonOf(await ask('chatty', '/v1.0/me?$select=id'))).toMatchObject({
    extra0: 'x',
    extra99: 'x',
  })
})
