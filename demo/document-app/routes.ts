/**
 * The app's pages and the way through them: front page, sign-in and back, documents, sign-out. A sign-in is finished once, by the
 * browser that began it (RFC 9700 §4.7); forms are taken from the app's own pages alone.
 */
import express from 'express'
import { z } from 'zod'
import type { Document } from './documents.ts'
import { sendDocuments } from './documents-page.ts'
import type { Look } from './html.ts'
import { sendError, sendHome } from './public-pages.ts'
import { createCookie, createStore, randomId } from './sessions.ts'
import { SignInError, type Pending, type SignedIn, type SignIn } from './sign-in.ts'

type Draft = { title: string; kind: string }
type Session = { signedIn: SignedIn; startedAt: number; draft?: Draft }

export type RouteOptions = {
  readonly clientId: string
  /** Where browsers see the app. */
  readonly origin: string
  /** The app's own API, as the app reaches it. */
  readonly api: string
  readonly audience: string
  readonly look: Look
  readonly signIn: SignIn
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const sessionSeconds = 8 * 60 * 60
const pendingSeconds = 10 * 60
/** Younger than this, a refused sign-in would only be refused again. */
const freshMs = 10_000

/** What `/login` hands on to the issuer, for trying things out. */
const passable = z.object({
  prompt: z.string().max(100).optional(),
  login_hint: z.string().max(320).optional(),
  max_age: z
    .string()
    .regex(/^\d{1,9}$/)
    .optional(),
})
const listing = z.object({ documents: z.array(z.custom<Document>()) })
const form = z.object({ title: z.string().default(''), kind: z.string().default('') })

export const pageRoutes = (options: RouteOptions): express.Router => {
  const { look, signIn, origin, now } = options
  const sessions = createStore<Session>(sessionSeconds, now)
  const pendings = createStore<Pending>(pendingSeconds, now)
  const signOuts = createStore<true>(pendingSeconds, now)
  const sessionCookie = createCookie(options, 'session', sessionSeconds)
  const browserCookie = createCookie(options, 'browser', pendingSeconds)
  const sessionOf = (req: express.Request): Session | undefined => sessions.find(sessionCookie.read(req))

  const callApi = (session: Session, init: { method: string; body?: string }): Promise<Response> =>
    fetch(`${options.api}/documents`, {
      ...init,
      headers: {
        authorization: `Bearer ${session.signedIn.accessToken}`,
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    })

  /** The API takes the token no more: the issuer is asked anew, which shows nothing while the person is signed in there. */
  const renew = async (res: express.Response, session: Session): Promise<void> => {
    if (now() - session.startedAt > freshMs) res.redirect(303, '/login')
    else await sendError(res, look, 'documents_unavailable')
  }

  const showDocuments = async (
    res: express.Response,
    session: Session,
    more: { draft?: Draft; problem?: 'title' | 'renewed' } = {},
  ): Promise<void> => {
    const answer = await callApi(session, { method: 'GET' })
    if (answer.status === 401) {
      await renew(res, session)
      return
    }
    if (!answer.ok) {
      await sendError(res, look, 'documents_unavailable')
      return
    }
    const { documents } = listing.parse(await answer.json())
    await sendDocuments(res, look, {
      signedIn: session.signedIn,
      documents,
      audience: options.audience,
      draft: more.draft,
      problem: more.problem,
    })
  }

  const router = express.Router()
  router.use((req, res, next) => {
    // `same-site` would let in the demo's other apps: they are all on localhost.
    if (req.method === 'GET' || req.method === 'HEAD' || req.get('origin') === origin) next()
    else return sendError(res, look, 'foreign_form')
    return undefined
  })

  router.get('/', async (req, res) => {
    if (sessionOf(req) !== undefined) {
      res.redirect(303, '/documents')
      return
    }
    const { state } = req.query
    const ended = signOuts.take(typeof state === 'string' ? state : undefined)
    await sendHome(res, look, ended === undefined ? undefined : 'everywhere')
  })

  router.get('/login', async (req, res) => {
    const passed = passable.safeParse(req.query)
    const given = Object.entries(passed.data ?? {}).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    )
    const browser = browserCookie.read(req) ?? randomId()
    const { url, state, pending } = await signIn.begin(browser, Object.fromEntries(given))
    pendings.put(state, pending)
    browserCookie.write(res, browser)
    res.redirect(303, url.href)
  })

  router.get('/callback', async (req, res) => {
    const { state } = req.query
    const name = typeof state === 'string' ? state : ''
    const pending = pendings.find(name)
    // Another browser's sign-in stays where it is: it isn't this one's to use up.
    if (pending === undefined || pending.browser !== browserCookie.read(req))
      throw new SignInError('state_mismatch')
    pendings.drop(name)
    const signedIn = await signIn.finish(new URL(req.originalUrl, origin), name, pending)
    const oldId = sessionCookie.read(req)
    const old = sessions.take(oldId)
    const draft = old?.signedIn.claims.sub === signedIn.claims.sub ? old?.draft : undefined
    // A new name for each session, so that none can be planted.
    const id = randomId()
    sessions.put(id, { signedIn, startedAt: now(), ...(draft === undefined ? {} : { draft }) })
    sessionCookie.write(res, id)
    res.redirect(303, '/documents')
  })

  router.get('/documents', async (req, res) => {
    const session = sessionOf(req)
    if (session === undefined) {
      res.redirect(303, '/')
      return
    }
    const { draft } = session
    await showDocuments(res, session, draft === undefined ? {} : { draft, problem: 'renewed' })
  })

  router.post('/documents', express.urlencoded({ extended: false, limit: '10kb' }), async (req, res) => {
    const session = sessionOf(req)
    if (session === undefined) {
      res.redirect(303, '/')
      return
    }
    const draft = form.catch({ title: '', kind: '' }).parse(req.body)
    const answer = await callApi(session, { method: 'POST', body: JSON.stringify(draft) })
    if (answer.status === 401) {
      session.draft = draft
      await renew(res, session)
    } else if (answer.status === 422) await showDocuments(res, session, { draft, problem: 'title' })
    else if (!answer.ok) await sendError(res, look, 'documents_unavailable')
    else {
      delete session.draft
      res.redirect(303, '/documents')
    }
  })

  router.post('/logout', async (req, res) => {
    const session = sessions.take(sessionCookie.read(req))
    sessionCookie.clear(res)
    if (session === undefined) {
      res.redirect(303, '/')
      return
    }
    const state = randomId()
    // Signed out here in any case, also when the issuer can't be asked.
    const url = await signIn.signOutUrl(session.signedIn.idToken, state).catch(() => undefined)
    if (url === undefined) {
      await sendHome(res, look, 'here')
      return
    }
    signOuts.put(state, true)
    res.redirect(303, url.href)
  })

  router.use((_req, res) => sendError(res, look, 'not_found'))
  router.use(
    async (error: unknown, _req: express.Request, res: express.Response, next: express.NextFunction) => {
      if (res.headersSent) next(error)
      else if (error instanceof SignInError) await sendError(res, look, error.code, error.description)
      else await sendError(res, look, 'server_error')
    },
  )
  return router
}
