// The sign-in page, the way upstream and back, and the confirm page.
import { Router, urlencoded, type NextFunction, type Request, type Response } from 'express'
import passport from 'passport'
import { agree, decline, getInteraction, pendingOf } from '../core/confirm.ts'
import { BrokerError, type BrokerErrorCode } from '../core/errors.ts'
import type { Finished, Interaction, Pending } from '../core/interaction.ts'
import { FIELDS, type Client, type FieldName } from '../core/model.ts'
import { appSources, checkSameOrigin, interactionUid, localeOf, sendPage, type HttpDeps } from './context.ts'
import { confirmPage } from './pages/confirm.ts'
import type { NoticeKey } from './pages/messages.en.ts'
import { messagesFor } from './pages/locale.ts'
import { signInPage } from './pages/sign-in.ts'
import { handleOf, UpstreamStrategy } from './upstream-strategy.ts'

// After these the person is back on the sign-in page and may choose again.
const BACK_TO_CHOICE: ReadonlySet<BrokerErrorCode> = new Set([
  'upstream_declined',
  'upstream_unavailable',
  'upstream_refused',
  'connector_unavailable',
])

export function signInRoutes(deps: HttpDeps): Router {
  const router = Router()
  const authenticator = new passport.Passport()
  authenticator.use(new UpstreamStrategy(deps))
  // passport's types leave the handler untyped, and don't know our option.
  const authenticate = (connector: string): Handler =>
    authenticator.authenticate('upstream', { session: false, connector } as object) as Handler
  const form = urlencoded({ extended: false, limit: '4kb', parameterLimit: 10 })

  router.get('/sign-in/:handle', async (request, response) => {
    const interaction = await getInteraction(deps.signIn, interactionUid(deps, request))
    if (pendingOf(interaction) !== undefined) {
      response.redirect(303, `${request.path}/confirm`)
      return
    }
    const { client, params } = interaction
    const connectors = [...deps.signIn.connectors.values()].filter(
      ({ id }) => client.admission.connectors.length === 0 || client.admission.connectors.includes(id),
    )
    const origins = await Promise.all(connectors.map(({ id }) => deps.upstreamOrigins(id)))
    const locale = localeOf(request, params)
    const page = signInPage({
      locale,
      appName: client.name,
      action: request.path,
      connectors: connectors.map(({ id, kind, label }) => ({ id, kind, label })),
      notice: noticeOf(request, interaction),
      privacyUrl: deps.notice.url,
      termsUrl: deps.terms.url,
      controllerName: deps.controller.name,
      hint: typeof params['login_hint'] === 'string' ? params['login_hint'] : undefined,
    })
    // A person whom the upstream knows passes through it, and us, to the app without a stop: browsers hold the form to every hop, and
    // upstreams send people on to sign-in pages of others (login.live.com, a company's own).
    const hops = origins.filter((origin) => origin !== undefined)
    sendPage(response, 200, page, [...new Set(['https:', ...hops, ...appSources(interaction)])])
  })

  router.post('/sign-in/:handle', form, (request: Request, response: Response, next: NextFunction) => {
    checkSameOrigin(deps, request)
    const { connector } = (request.body ?? {}) as { connector?: unknown }
    if (typeof connector !== 'string' || !deps.signIn.connectors.has(connector))
      throw new BrokerError('unknown_connector')
    authenticate(connector)(request, response, (error: unknown) => {
      fail(error, { connector, backTo: request.path, response, next })
    })
  })

  for (const connector of deps.signIn.connectors.values()) {
    router.get(connector.callbackPath, (request, response, next) => {
      const query = new URLSearchParams(request.originalUrl.split('?')[1] ?? '')
      const backTo = handleOf(query)
      authenticate(connector.id)(request, response, (error: unknown) => {
        if (error !== undefined) {
          const place = backTo === undefined ? undefined : `/sign-in/${backTo}`
          fail(error, { connector: connector.id, backTo: place, response, next })
          return
        }
        const finished = request.user as Finished
        response.redirect(
          303,
          finished.kind === 'resume' ? finished.returnTo : `/sign-in/${finished.handle}/confirm`,
        )
      })
    })
  }

  router.get('/sign-in/:handle/confirm', async (request, response) => {
    const interaction = await getInteraction(deps.signIn, interactionUid(deps, request))
    const pending = pendingOf(interaction)
    if (pending === undefined) {
      response.redirect(303, `/sign-in/${request.params.handle}`)
      return
    }
    showConfirm(request, response, interaction, pending, { picture: false, company: false }, [])
  })

  router.post('/sign-in/:handle/confirm', form, async (request, response) => {
    checkSameOrigin(deps, request)
    const interaction = await getInteraction(deps.signIn, interactionUid(deps, request))
    const pending = pendingOf(interaction)
    const body = (request.body ?? {}) as Record<string, unknown>
    if (pending === undefined) throw new BrokerError('interaction_expired')
    if (body['decision'] !== 'agree' && body['decision'] !== 'decline') throw new BrokerError('bad_request')
    if (body['decision'] === 'decline') {
      response.redirect(303, await decline(deps.signIn, interaction))
      return
    }
    const choices = { picture: body['picture'] === 'yes', company: body['company'] === 'yes' }
    if (body['adult'] !== 'yes') {
      showConfirm(request, response, interaction, pending, choices, ['adult_required'])
      return
    }
    response.redirect(303, await agree(deps.signIn, interaction, { choices, adult: true }))
  })

  /** Back to the choice where another one may help; else an error page that leads there. */
  function fail(
    error: unknown,
    at: { connector: string; backTo: string | undefined; response: Response; next: NextFunction },
  ): void {
    const { connector, backTo, response, next } = at
    if (error instanceof BrokerError && BACK_TO_CHOICE.has(error.code) && backTo !== undefined) {
      deps.log.warn(error.code, { connector, error: error.cause })
      response.redirect(303, `${backTo}?notice=${error.code}`)
      return
    }
    const isOver = error instanceof BrokerError && error.code === 'interaction_expired'
    response.locals['retryUrl'] = isOver ? undefined : backTo
    next(error)
  }

  function showConfirm(
    request: Request,
    response: Response,
    interaction: Interaction,
    pending: Pending,
    values: { picture: boolean; company: boolean },
    errors: readonly 'adult_required'[],
  ): void {
    const { client, params } = interaction
    const { picture, profile, facts } = pending
    const page = confirmPage({
      locale: localeOf(request, params),
      action: `/sign-in/${String(request.params['handle'])}/confirm`,
      appName: client.name,
      reason: pending.reason,
      connectorLabel: deps.signIn.connectors.get(pending.connector)?.label ?? pending.connector,
      fields: {
        ...profile,
        picture: typeof picture === 'string' ? { src: `data:image/webp;base64,${picture}` } : undefined,
      },
      // The first time everything is new, and the page says so once.
      newFields: pending.reason === 'first_time' ? [] : (pending.newFields as FieldName[]),
      released: { appName: client.name, fields: releasedFields(client) },
      controller: deps.controller,
      noticeVersion: deps.notice.version,
      termsVersion: deps.terms.version,
      noticeUrl: deps.notice.url,
      termsUrl: deps.terms.url,
      admissionFacts: { domain: facts.domain, tenant: facts.tenant },
      errors,
      values,
    })
    sendPage(response, errors.length > 0 ? 422 : 200, page, appSources(interaction))
  }

  function noticeOf(request: Request, interaction: Interaction): NoticeKey | undefined {
    const asked = request.query['notice']
    const notices = messagesFor('en').notices
    if (typeof asked === 'string' && Object.hasOwn(notices, asked)) return asked as NoticeKey
    const { prompt } = interaction.body.payload as { prompt?: { reasons?: string[] } }
    return prompt?.reasons?.includes('not_admitted') === true ? 'not_admitted' : undefined
  }

  return router
}

type Handler = (request: Request, response: Response, next: (error?: unknown) => void) => void

const BY_SCOPE: Readonly<Record<string, readonly FieldName[]>> = {
  profile: ['name', 'picture'],
  email: ['email'],
  company: ['company'],
  provider_id: ['providerUserId'],
}

/** The fields that an app's configuration lets it receive. */
const releasedFields = (client: Client): FieldName[] => {
  const fields = new Set(client.scopes.flatMap((scope) => BY_SCOPE[scope] ?? []))
  return FIELDS.filter((field) => fields.has(field))
}
