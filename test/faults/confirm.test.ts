// The person's word: what is shown before anything is kept, what is kept after it, and when it is asked for again.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { appYaml, testApp, testSetting, type TestApp, type TestSetting } from '../support/app.ts'
import {
  agree,
  attempt,
  changingNothing,
  claimsOf,
  isConfirm,
  newcomer,
  rowsOf,
  signInFully,
  sql,
} from './setting.ts'

let setting: TestSetting
let app: TestApp
beforeAll(async () => {
  setting = await testSetting({ clients: appYaml('docs') })
  app = await testApp(setting.issuer, 'docs')
})
afterAll(() => setting.close())
beforeEach(() => {
  setting.lines.length = 0
})

const NOTHING_TICKED = { adult: 'yes' }

const stored = async (subject: string) =>
  (
    await sql<{ picture: boolean; keep_picture: boolean; keep_company: boolean; notices: string[] }>(
      setting,
      `select i.picture_sealed is not null as picture, a.keep_picture, a.keep_company,
              array(select notice_version from acceptance where account = a.id order by accepted_at) as notices
       from subject s join account a on a.id = s.account join identity i on i.account = a.id where s.subject = $1`,
      [subject],
    )
  )[0]

describe('before the person agrees', () => {
  test('every value is shown and none is kept', async () => {
    const { page } = await changingNothing(setting, () => attempt(app, 'google', newcomer(setting, 'google')))
    expect(isConfirm(page)).toBe(true)
    for (const value of [
      'Dana Reyes',
      'dana@widgets.example',
      'widgets.example',
      '<img src="data:image/webp',
    ])
      expect(page.html).toContain(value)
    expect(page.html).not.toMatch(/type="checkbox"[^>]*\schecked/)
    const rows = await sql<{ found: boolean }>(
      setting,
      `select position('dana@widgets' in encode(payload_sealed, 'escape')) > 0 as found from record`,
    )
    expect(rows.some(({ found }) => found)).toBe(false)
  })

  test('and without being an adult, nothing is kept and the page says why', async () => {
    const { browser, page, sent } = await attempt(app, 'google', newcomer(setting, 'google'))
    const again = await changingNothing(setting, () => agree(browser, page, { picture: 'yes' }))
    expect(again.status).toBe(422)
    expect(again.html).toContain('id="adult-error"')
    expect(again.html).toMatch(/name="picture"[^>]*checked|checked[^>]*name="picture"/)
    expect((await claimsOf(app, await agree(browser, again), sent)).picture).toBeDefined()
  })

  test('a reload or a second visit to the sign-in page shows it again', async () => {
    const { browser, page } = await attempt(app, 'google', newcomer(setting, 'google'))
    const signInPage = page.url.href.replace(/\/confirm$/, '')
    expect((await changingNothing(setting, () => browser.open(signInPage))).url.href).toBe(page.url.href)
  })

  test('declining keeps nothing and tells the app', async () => {
    const { browser, page } = await attempt(app, 'google', newcomer(setting, 'google'))
    const last = await changingNothing(setting, () => browser.press(page, 'decision', 'decline'))
    expect(last.url.searchParams.get('error')).toBe('access_denied')
    const { session } = await rowsOf(setting)
    expect(session).toBeDefined()
  })
})

describe('picture and company', () => {
  test('unticked are neither kept nor released', async () => {
    const person = newcomer(setting, 'microsoft')
    const claims = await signInFully(app, 'microsoft', person, { fields: NOTHING_TICKED })
    expect(claims).not.toHaveProperty('picture')
    expect(claims).not.toHaveProperty('company')
    expect(await stored(claims.sub)).toMatchObject({
      picture: false,
      keep_picture: false,
      keep_company: false,
    })
  })

  test('that were declined are not asked about again, nor taken up later', async () => {
    const person = newcomer(setting, 'microsoft')
    await signInFully(app, 'microsoft', person, { fields: NOTHING_TICKED })
    const again = await signInFully(app, 'microsoft', person)
    expect(again.asked).toBe(false)
    expect(again).not.toHaveProperty('picture')
    expect(again).not.toHaveProperty('company')
    expect(await stored(again.sub)).toMatchObject({ picture: false })
  })

  test('are each for the person to choose', async () => {
    const company = await signInFully(app, 'microsoft', newcomer(setting, 'microsoft'), {
      fields: { adult: 'yes', company: 'yes' },
    })
    expect(company).toMatchObject({ company: 'Larkspur Legal LLP' })
    expect(company).not.toHaveProperty('picture')
    const picture = await signInFully(app, 'microsoft', newcomer(setting, 'microsoft'), {
      fields: { adult: 'yes', picture: 'yes' },
    })
    expect(picture).not.toHaveProperty('company')
    expect(picture.picture).toBeDefined()
  })
})

describe('the person is asked again', () => {
  test.each(['notice_version', 'terms_version'])('when another %s is in force', async (column) => {
    const person = newcomer(setting, 'google')
    const { sub } = await signInFully(app, 'google', person)
    await sql(
      setting,
      `update acceptance set ${column} = 'older' where account = (select account from subject where subject = $1)`,
      [sub],
    )
    const { browser, page, sent } = await changingNothing(setting, () => attempt(app, 'google', person))
    expect(isConfirm(page)).toBe(true)
    expect((await claimsOf(app, await agree(browser, page), sent)).sub).toBe(sub)
    expect((await stored(sub))?.notices).toHaveLength(2)
    expect((await signInFully(app, 'google', person)).asked).toBe(false)
  })

  test('when a field appears that was never shown, and then no more', async () => {
    const sub = '900000999'
    const without = newcomer(setting, 'google', { sub, picture: false, hd: undefined })
    const first = await signInFully(app, 'google', without)
    const withCompany = newcomer(setting, 'google', { sub, picture: false })
    const second = await signInFully(app, 'google', withCompany, { fields: NOTHING_TICKED })
    expect(second).toMatchObject({ sub: first.sub, asked: true })
    expect(second).not.toHaveProperty('company')
    expect((await signInFully(app, 'google', withCompany)).asked).toBe(false)
    const withPicture = newcomer(setting, 'google', { sub })
    const third = await signInFully(app, 'google', withPicture)
    expect(third).toMatchObject({ sub: first.sub, asked: true, company: 'widgets.example' })
    expect(third.picture).toBeDefined()
    for (const person of [withPicture, without, withCompany])
      expect((await signInFully(app, 'google', person)).asked).toBe(false)
  })

  test('and declining then leaves the account as it was', async () => {
    const person = newcomer(setting, 'google')
    const { sub } = await signInFully(app, 'google', person)
    await sql(
      setting,
      `update acceptance set notice_version = 'older' where account = (select account from subject where subject = $1)`,
      [sub],
    )
    const { browser, page } = await attempt(app, 'google', person)
    const last = await changingNothing(setting, () => browser.press(page, 'decision', 'decline'))
    expect(last.url.searchParams.get('error')).toBe('access_denied')
    expect(await stored(sub)).toMatchObject({ picture: true, keep_picture: true, keep_company: true })
  })
})
