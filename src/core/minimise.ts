// The narrow gate: UpstreamProfile in, MinimalProfile out. The only maker of MinimalProfile. Whatever is not one of the five fields
// ends here; what is kept is text of bounded length without control or direction-changing characters.
import type { Answer, Choices, MinimalFields, MinimalProfile, UpstreamProfile } from './model.ts'

/** Longest kept value, in characters. Graph's companyName has 64, e-mail 254 (RFC 5321 §4.5.3.1.3). */
const LIMITS = { name: 200, email: 254, company: 200 } as const

// C0 and C1 controls, and the characters that reorder or hide text (Unicode TR 36 §2.2): a name must not rewrite our pages.
const HOSTILE = /[\p{Cc}\u00AD\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/gu

/**
 * What may be kept of an upstream's answer. `choices` says which optional fields the person agreed to; `previous` is what is kept
 * now: an `unknown` answer keeps its value, an `empty` one clears it. Values of a wrong type or beyond the limits count as empty.
 */
export function minimise(
  upstream: UpstreamProfile,
  choices: Choices,
  previous?: MinimalFields,
): MinimalProfile {
  const name = settle(upstream.name, 'name', previous?.name)
  const email = settle(upstream.email, 'email', previous?.email)
  const company = choices.company ? settle(upstream.company, 'company', previous?.company) : undefined
  const fields: MinimalFields = {
    providerUserId: upstream.providerUserId,
    ...(name === undefined ? {} : { name }),
    ...(email === undefined || !looksLikeEmail(email)
      ? {}
      : {
          email,
          emailVerified:
            upstream.email.state === 'unknown' ? (previous?.emailVerified ?? false) : upstream.emailVerified,
        }),
    ...(company === undefined ? {} : { company }),
  }
  return fields as MinimalProfile
}

/** The kept fields less what the person declined: for a profile that waited, already minimised, for the person's word. */
export function keepChosen(fields: MinimalFields, choices: Choices): MinimalProfile {
  const { company, ...rest } = fields
  return { ...rest, ...(choices.company && company !== undefined ? { company } : {}) } as MinimalProfile
}

/** A text made fit to keep and show, or undefined where nothing is left of it. */
export function cleanText(value: unknown, limit: number): string | undefined {
  // Cut before any regular expression runs: an upstream may send a megabyte.
  if (typeof value !== 'string' || value.length > limit * 4) return undefined
  // Composed last: what stood apart by a hidden character must not come out in two spellings.
  const clean = value.toWellFormed().replace(HOSTILE, '').normalize('NFC').trim()
  return clean === '' || clean.length > limit ? undefined : clean
}

function settle(
  answer: Answer<unknown>,
  field: keyof typeof LIMITS,
  previous: string | undefined,
): string | undefined {
  if (answer.state === 'unknown') return previous
  return answer.state === 'known' ? cleanText(answer.value, LIMITS[field]) : undefined
}

// One @ with something on both sides and no spaces: enough to show it, never enough to decide by it.
const looksLikeEmail = (text: string): boolean => /^[^\s@"<>]+@[^\s@"<>]+$/u.test(text)
