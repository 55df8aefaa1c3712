// The page that shows, value by value, what would be kept, before any of it is. Boxes start empty; nothing is agreed to by silence
// (GDPR Art. 4 (11), Recital 32). Declining needs no box.
import { html } from 'hono/html'
import type { ConfirmReason } from '../../core/agreement.ts'
import { type FieldName, OPTIONAL_FIELDS, type OptionalField } from '../../core/model.ts'
import { type Fragment, isolated } from './fragment.ts'
import { type Locale, messagesFor } from './locale.ts'
import { type ConfirmFields, keptFields, optionalFields } from './confirm-values.ts'
import { contactLink, newTabLink, shell } from './shell.ts'

export type ConfirmModel = {
  readonly locale: Locale
  /** Where the form is posted. */
  readonly action: string
  readonly appName: string
  readonly reason: ConfirmReason
  /** The upstream's name as people know it, such as `Google`. */
  readonly connectorLabel: string
  readonly fields: ConfirmFields
  readonly newFields?: readonly FieldName[] | undefined
  readonly released: { readonly appName: string; readonly fields: readonly FieldName[] }
  readonly controller: {
    readonly name: string
    readonly contact: string
    readonly dpo: string
    readonly supervisoryAuthority: string
  }
  readonly noticeVersion: string
  readonly termsVersion: string
  readonly noticeUrl: string
  readonly termsUrl: string
  readonly admissionFacts?:
    { readonly domain?: string | undefined; readonly tenant?: string | undefined } | undefined
  readonly errors?: readonly 'adult_required'[] | undefined
  /** What was ticked when the page is shown again; both false the first time. */
  readonly values: Readonly<Record<OptionalField, boolean>>
}

/** Posts `decision` (`agree` or `decline`) and, each `yes` where ticked, `picture`, `company` and `adult`. */
export function confirmPage(model: ConfirmModel): string {
  const { locale, action, appName, errors = [] } = model
  const text = messagesFor(locale).confirm
  const failed = errors.includes('adult_required')
  const app = isolated(appName)
  return shell({
    locale,
    wide: true,
    title: (failed ? text.errorPrefix : '') + text.documentTitle(appName),
    main: html`${
        failed
          ? html`<div class="notice" role="alert">
              <h2>${text.errorHeading}</h2>
              <p><a href="#adult">${text.adultRequired}</a></p>
            </div>`
          : ''
      }
      <h1>${text.heading}</h1>
      <p class="lead">${text.reasons[model.reason](app, isolated(model.connectorLabel))}</p>
      <form method="post" action="${action}">
        ${keptFields(model)} ${optionalFields(model)} ${releasedFields(model)} ${admission(model)}
        ${responsible(model)} ${agreement(model, failed)}
        <div class="actions">
          <button class="primary" type="submit" name="decision" value="agree">${text.agree}</button>
          <button class="secondary" type="submit" name="decision" value="decline" formnovalidate>
            ${text.decline}
          </button>
        </div>
        <p class="small">${text.declineHint(app)}</p>
      </form>`,
  })
}

function releasedFields({ locale, fields, released }: ConfirmModel): Fragment {
  const { fields: names, confirm: text } = messagesFor(locale)
  const given = released.fields.filter((field) => fields[field] !== undefined)
  return html`<section aria-labelledby="receives">
    <h2 id="receives">${text.receives(isolated(released.appName))}</h2>
    ${
      given.length === 0
        ? html`<p>${text.receivesNothing}</p>`
        : html`<p>${text.receivesIntro}</p>
            <ul class="tags">
              ${given.map((field) => html`<li>${names[field]}${isOptional(field) ? html` <span class="optional">${text.ifTicked}</span>` : ''}</li>`)}
            </ul>`
    }
  </section>`
}

const isOptional = (field: FieldName): boolean => OPTIONAL_FIELDS.some((one) => one === field)

function admission({ locale, admissionFacts: { domain, tenant } = {} }: ConfirmModel): Fragment | '' {
  const text = messagesFor(locale).confirm.admission
  if (domain !== undefined && tenant !== undefined)
    return html`<p class="small">${text.both(isolated(domain), isolated(tenant))}</p>`
  const organisation = domain ?? tenant
  return organisation === undefined ? '' : html`<p class="small">${text.one(isolated(organisation))}</p>`
}

function responsible({ locale, controller }: ConfirmModel): Fragment {
  const text = messagesFor(locale).confirm
  return html`<section aria-labelledby="responsible">
    <h2 id="responsible">${text.controllerHeading}</h2>
    <dl class="contacts">
      <div>
        <dt>${text.controller}</dt>
        <dd>${isolated(controller.name)}</dd>
      </div>
      <div>
        <dt>${text.contact}</dt>
        <dd>${contactLink(locale, controller.contact)}</dd>
      </div>
      <div>
        <dt>${text.dpo}</dt>
        <dd>${contactLink(locale, controller.dpo)}</dd>
      </div>
      <div>
        <dt>${text.authority}</dt>
        <dd>${contactLink(locale, controller.supervisoryAuthority)}</dd>
      </div>
    </dl>
  </section>`
}

function agreement(model: ConfirmModel, failed: boolean): Fragment {
  const { locale, noticeUrl, noticeVersion, termsUrl, termsVersion } = model
  const text = messagesFor(locale).confirm
  const notice = newTabLink(locale, noticeUrl, text.noticeName(isolated(noticeVersion)))
  const terms = newTabLink(locale, termsUrl, text.termsName(isolated(termsVersion)))
  return html`<div class="option agreement">
    <input
      type="checkbox"
      id="adult"
      name="adult"
      value="yes"
      required${failed ? html` aria-invalid="true" aria-describedby="adult-error"` : ''}
    />
    <label for="adult">${text.agreement(notice, terms)}</label>
    ${failed ? html`<p class="field-error" id="adult-error">${text.adultRequired}</p>` : ''}
  </div>`
}
