// The two lists of values on the confirm page: what is kept on agreeing, and what is kept only when its box is ticked. The values stand
// as they would be stored, whole, each set apart from the text around it.
import { html } from 'hono/html'
import { type FieldName, OPTIONAL_FIELDS, type OptionalField } from '../../core/model.ts'
import { type Fragment, isolated } from './fragment.ts'
import { type Locale, messagesFor } from './locale.ts'
import { initialsAvatar, TICK_ICON } from './marks.ts'

/** What passed the narrow gate. `picture.src` is a data URL or a path of ours. */
export type ConfirmFields = {
  readonly name?: string | undefined
  readonly email?: string | undefined
  readonly emailVerified?: boolean | undefined
  readonly company?: string | undefined
  readonly providerUserId: string
  /** `src` is a data URL or a path of ours. */
  readonly picture?: { readonly src: string } | undefined
}

/** What the two lists need of the page's model. */
export type ValuesModel = {
  readonly locale: Locale
  readonly connectorLabel: string
  readonly fields: ConfirmFields
  readonly newFields?: readonly FieldName[] | undefined
  readonly values: Readonly<Record<OptionalField, boolean>>
}

/** Name, e-mail address and user ID, with the initials that stand in for a picture. */
export function keptFields({ locale, fields, connectorLabel, newFields }: ValuesModel): Fragment {
  const { fields: names, confirm: text } = messagesFor(locale)
  const upstream = isolated(connectorLabel)
  const isNew = (field: FieldName) => newTag(locale, field, newFields)
  const value = (given: string | undefined) =>
    given === undefined
      ? html`<span class="missing">${text.missing}</span>`
      : html`<bdi class="value">${given}</bdi>`
  return html`<section aria-labelledby="kept">
    <h2 id="kept">${text.kept}</h2>
    <div class="person">
      ${initialsAvatar(fields.name ?? fields.email)}
      <dl>
        <div>
          <dt>${names.name}${isNew('name')}</dt>
          <dd>${value(fields.name)}</dd>
        </div>
        <div>
          <dt>${names.email}${isNew('email')}</dt>
          <dd>
            ${value(fields.email)}${
              fields.email === undefined
                ? ''
                : html`<span class="fact"
                    >${fields.emailVerified === true ? html`${TICK_ICON}${text.verified(upstream)}` : text.unverified(upstream)}</span
                  >`
            }
          </dd>
        </div>
        <div>
          <dt>${text.userId(upstream)}${isNew('providerUserId')}</dt>
          <dd class="code">${value(fields.providerUserId)}</dd>
        </div>
      </dl>
    </div>
  </section>`
}

/** A box for each optional field that the upstream gave; nothing where it gave none. */
export function optionalFields({ locale, fields, newFields, values }: ValuesModel): Fragment | '' {
  const { confirm: text } = messagesFor(locale)
  const shown = {
    picture:
      fields.picture &&
      html`<img src="${fields.picture.src}" alt="${text.pictureAlt}" width="56" height="56" />`,
    company: fields.company === undefined ? undefined : html`<bdi class="value">${fields.company}</bdi>`,
  }
  const given = OPTIONAL_FIELDS.filter((field) => shown[field] !== undefined)
  if (given.length === 0) return ''
  return html`<fieldset aria-describedby="optional-hint">
    <legend>${text.optional}</legend>
    <p class="small" id="optional-hint">${text.optionalHint}</p>
    ${given.map(
      (field) =>
        html`<div class="option">
          <input
            type="checkbox"
            id="${field}"
            name="${field}"
            value="yes"
            aria-describedby="${field}-value"
            ${values[field] ? html` checked` : ''}
          />
          <label for="${field}"
            >${text[field]}
            <span class="optional">${text.optionalTag}</span>${newTag(locale, field, newFields)}</label
          >
          <div class="preview" id="${field}-value">${shown[field]}</div>
        </div>`,
    )}
  </fieldset>`
}

function newTag(locale: Locale, field: FieldName, newFields: readonly FieldName[] = []): Fragment | '' {
  return newFields.includes(field) ? html` <span class="new">${messagesFor(locale).confirm.isNew}</span>` : ''
}
