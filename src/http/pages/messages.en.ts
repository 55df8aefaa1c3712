// What the pages say, in English. The type of this catalogue is the type of every other: a missing key doesn't compile.
// Arguments are fragments that are escaped and set apart already; `documentTitle` and its like take plain text.
import { html } from 'hono/html'
import type { FieldName } from '../../core/model.ts'
import { errorTexts } from './error-texts.en.ts'
import type { Fragment } from './fragment.ts'

const fields: Readonly<Record<FieldName, string>> = {
  name: 'Name',
  email: 'Email address',
  picture: 'Picture',
  company: 'Company',
  providerUserId: 'User ID',
}

const signIn = {
  documentTitle: (app: string) => `Sign in to ${app}`,
  heading: (app: Fragment) => html`Sign in to ${app}`,
  hint: (account: Fragment) => html`The app suggests the account <strong>${account}</strong>.`,
  choose: 'Ways to sign in',
  google: 'Sign in with Google',
  microsoft: 'Sign in with Microsoft',
  other: (label: Fragment) => html`Sign in with ${label}`,
  kept: 'We keep five details and nothing else.',
  keptLink: 'What we keep, and why',
  first: 'You see each of them before it is kept.',
  none: 'No way to sign in is set up for this app. Please tell the people who run it.',
  operator: (controller: Fragment) => html`Run by ${controller}`,
  privacy: 'Privacy notice',
  terms: 'Terms',
}

const notices = {
  upstream_declined:
    'You stopped the sign-in, or it was not allowed. Nothing was kept. You can try again or choose another way.',
  upstream_unavailable:
    'The service that you chose did not answer. Please try again in a minute, or choose another way.',
  upstream_refused: 'The service that you chose turned our request down. Please choose another way.',
  upstream_invalid: 'The answer did not pass our checks, so we did not use it. Please try again.',
  connector_unavailable: 'That way of signing in is not available at the moment. Please choose another one.',
  interaction_expired: 'That took longer than we may wait. Please start again.',
  not_admitted: 'This app does not accept the account that you used. Please sign in with another one.',
  auth_time_unproven: 'This app asks for a fresh sign-in. Please sign in again.',
}

const confirm = {
  documentTitle: (app: string) => `Check what we keep – ${app}`,
  errorPrefix: 'Error: ',
  heading: 'Check what we keep about you',
  reasons: {
    first_time: (app: Fragment, upstream: Fragment) =>
      html`You are signing in to ${app} with ${upstream} for the first time. This is what ${upstream} told us.
      Nothing is kept until you agree.`,
    new_field: (app: Fragment, upstream: Fragment) =>
      html`You are signing in to ${app}. ${upstream} now tells us something that you have not been shown
      before; it is marked “new”. It is not kept until you agree.`,
    notice_changed: (app: Fragment, upstream: Fragment) =>
      html`You are signing in to ${app} with ${upstream}. Our privacy notice or our terms have changed since
      you last agreed, so we ask you again.`,
  },
  errorHeading: 'Please check one thing',
  adultRequired: 'To continue, confirm that you are 18 or over and agree. Otherwise choose Decline.',
  kept: 'Kept if you agree',
  optional: 'Kept only if you tick it',
  optionalHint: 'You can sign in without these, and change your mind at any time.',
  isNew: 'new',
  missing: 'Not given',
  verified: (upstream: Fragment) => html`Confirmed by ${upstream}`,
  unverified: (upstream: Fragment) => html`Not confirmed by ${upstream}`,
  userId: (upstream: Fragment) => html`User ID at ${upstream}`,
  picture: 'Keep my picture',
  pictureAlt: 'The picture that would be kept',
  company: 'Keep my company',
  optionalTag: '(optional)',
  receives: (app: Fragment) => html`What ${app} receives`,
  receivesIntro: 'Only these, and a random ID that stands for you:',
  receivesNothing: 'None of these details, only a random ID that stands for you.',
  ifTicked: 'if you tick it',
  admission: {
    both: (domain: Fragment, tenant: Fragment) =>
      html`You belong to the organisation ${domain} (${tenant}). We hold that sealed in your session, only as
      long as the session lives, to know which apps are open to you. It is not kept in your account.`,
    one: (organisation: Fragment) =>
      html`You belong to the organisation ${organisation}. We hold that sealed in your session, only as long
      as the session lives, to know which apps are open to you. It is not kept in your account.`,
  },
  controllerHeading: 'Who is responsible',
  controller: 'Controller',
  contact: 'Contact',
  dpo: 'Data protection officer',
  authority: 'Supervisory authority',
  agreement: (noticeLink: Fragment, termsLink: Fragment) =>
    html`I am 18 or over, and I agree to the ${noticeLink} and the ${termsLink}.`,
  noticeName: (version: Fragment) => html`privacy notice (version ${version})`,
  termsName: (version: Fragment) => html`terms (version ${version})`,
  agree: 'Agree and continue',
  decline: 'Decline',
  declineHint: (app: Fragment) => html`If you decline, nothing new is kept and you go back to ${app}.`,
}

const logout = {
  documentTitle: 'Sign out',
  heading: 'Do you want to sign out here too?',
  fromApp: (app: Fragment) =>
    html`You have left ${app}. Your sign-in here may still be open for other apps on this device.`,
  plain: 'Your sign-in here may be open for several apps on this device.',
  effect: 'If you sign out, it ends for all of them.',
  yes: 'Sign out',
  no: 'Stay signed in',
}

const signedOut = {
  documentTitle: 'Signed out',
  heading: 'You are signed out',
  text: 'Your sign-in here has ended.',
  upstream:
    'You may still be signed in at Microsoft, Google or the service that you used. On a shared device, sign out there too.',
  back: (app: Fragment) => html`Back to ${app}`,
  backPlain: 'Back to the app',
}

export const en = {
  fields,
  signIn,
  notices,
  confirm,
  logout,
  signedOut,
  newTab: '(opens in a new tab)',
  error: {
    next: 'What you can do',
    support: 'For support',
    code: 'Code',
    request: 'Request',
    detail: 'Detail',
    retry: 'Try again',
    texts: errorTexts,
  },
}

export type Messages = typeof en
export type NoticeKey = keyof typeof notices
