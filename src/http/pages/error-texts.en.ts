// What an error page says in English, for each code: a title, what happened, what to do next. No blame, no jargon; the code stands
// below for whoever helps. `retry` names the button where "Try again" would be the wrong word.
import type { ErrorPageCode } from './error-codes.ts'

export type ErrorText = {
  readonly title: string
  readonly happened: string
  readonly next: string
  readonly retry?: string
}

const appRequest: ErrorText = {
  title: 'The app sent us something we can’t use',
  happened:
    'The app asked for a sign-in in a way that we don’t accept. This is not about you or your account.',
  next: 'Go back to the app and try once more. If it happens again, tell the people who run the app.',
}
const appUnknown: ErrorText = {
  title: 'We don’t know this app',
  happened:
    'The app that sent you here isn’t registered with us, or isn’t allowed to sign people in this way.',
  next: 'Check that you opened the app from its usual address. If you did, tell the people who run it.',
}
const requestGone: ErrorText = {
  title: 'This sign-in link no longer works',
  happened: 'The request from the app has expired or was used before.',
  next: 'Go back to the app and sign in from there.',
}
const signInAgain: ErrorText = {
  title: 'Please sign in again',
  happened: 'The app asked us to let you in without a question, and we can’t do that at the moment.',
  next: 'Go back to the app and sign in from there.',
}
const accessEnded: ErrorText = {
  title: 'This access has ended',
  happened: 'What the app presented is expired, was used before, or doesn’t cover what it asked for.',
  next: 'Go back to the app and sign in again.',
}
const trouble: ErrorText = {
  title: 'We’re having trouble at the moment',
  happened: 'A part of our service isn’t answering. This is on our side.',
  next: 'Wait a moment, then try again.',
}
const ourFault: ErrorText = {
  title: 'Something went wrong on our side',
  happened: 'We couldn’t finish what you asked for.',
  next: 'Try again in a minute. If it happens again, send the lines below to support.',
}

export const errorTexts: Readonly<Record<ErrorPageCode, ErrorText>> = {
  server_error: ourFault,
  unknown_connector: {
    title: 'We don’t offer this way of signing in',
    happened: 'The link names a sign-in service that isn’t set up here.',
    next: 'Go back to the app and choose another way to sign in.',
    retry: 'Choose another way',
  },
  connector_unavailable: {
    title: 'This way of signing in is not available',
    happened: 'We can’t reach the sign-in service that you chose, or it is switched off at the moment.',
    next: 'Wait a minute and try again, or choose another way to sign in.',
  },
  upstream_unavailable: {
    title: 'The sign-in service isn’t answering',
    happened: 'The service that you chose didn’t answer in time.',
    next: 'Wait a minute and try again, or choose another way to sign in.',
  },
  upstream_refused: {
    title: 'The sign-in service said no',
    happened: 'The service that you chose turned our request down.',
    next: 'Try again, or choose another way to sign in. If it is a work or school account, your administrator may have to allow it first.',
  },
  upstream_declined: {
    title: 'The sign-in was stopped',
    happened: 'You stopped it yourself, or it wasn’t allowed for this account. Nothing was kept.',
    next: 'If you still want to sign in, try again or choose another way.',
  },
  upstream_invalid: {
    title: 'We couldn’t trust the answer',
    happened: 'The answer of the sign-in service didn’t pass our checks, so we didn’t use it.',
    next: 'Try again. If it happens again, send the lines below to support.',
  },
  sign_in_not_found: {
    title: 'We can’t find this sign-in',
    happened: 'It took too long, it began in another browser, or cookies are blocked here.',
    next: 'Go back to the app and sign in from there, in one browser. If cookies are blocked, allow them for this site.',
  },
  sign_in_state_mismatch: {
    title: 'Two sign-ins got mixed up',
    happened: 'The answer that came back doesn’t belong to the sign-in that this browser began.',
    next: 'Close other tabs in which you are signing in, then start again from the app.',
  },
  interaction_expired: {
    title: 'This page has expired',
    happened: 'For your safety a sign-in page is only good for a while, and that is over.',
    next: 'Go back to the app and sign in from there.',
  },
  not_admitted: {
    title: 'This app doesn’t accept this account',
    happened:
      'Your sign-in worked. But the app is only open to certain accounts, such as those of one organisation.',
    next: 'If you have another account, for example one from work or school, use that. If you think that this one should work, ask the people who run the app.',
    retry: 'Use another account',
  },
  account_unavailable: {
    title: 'This account can’t be used at the moment',
    happened: 'The account is restricted, suspended or closed.',
    next: 'If you didn’t ask for that, send the lines below to support.',
    retry: 'Use another account',
  },
  identity_revoked: {
    title: 'Access for this account has ended',
    happened: 'The service where you have the account told us that it was withdrawn or may be at risk.',
    next: 'Check the account there and make it safe. Then sign in again.',
  },
  auth_time_unproven: {
    title: 'The app asks for a fresh sign-in',
    happened:
      'It wants to know that you have signed in just now, and the sign-in service didn’t confirm that.',
    next: 'Sign out at that service, then try again, or choose another way to sign in.',
  },
  adult_required: {
    title: 'We need your confirmation',
    happened: 'This service is for people of 18 or over who agree to the privacy notice and the terms.',
    next: 'Go back and tick the box if that is right. If not, please don’t continue.',
    retry: 'Go back',
  },
  cross_site: {
    title: 'This came from another site',
    happened: 'For your safety we only take this from our own pages.',
    next: 'Go back to the app and start again.',
  },
  not_found: {
    title: 'There’s nothing at this address',
    happened: 'The page doesn’t exist, or doesn’t any more.',
    next: 'Check the address, or go back to the app.',
  },
  bad_request: {
    title: 'We couldn’t read that',
    happened: 'What reached us was incomplete or not in a form that we know.',
    next: 'Go back and try again.',
  },
  storage_unavailable: trouble,
  keys_unavailable: trouble,
  sealed_value_refused: {
    ...ourFault,
    happened: 'Something that we had sealed didn’t open as it should, so we didn’t use it.',
  },
  outbound_refused: {
    ...ourFault,
    happened: 'We were about to contact an address that we don’t allow ourselves to contact.',
  },
  configuration_invalid: { ...ourFault, happened: 'Something isn’t set up as it should be.' },
  access_denied: {
    title: 'You were not signed in',
    happened: 'The sign-in was declined, so the app received nothing.',
    next: 'If you still want to sign in, go back to the app and start again.',
  },
  consent_required: signInAgain,
  interaction_required: signInAgain,
  login_required: signInAgain,
  unmet_authentication_requirements: {
    ...signInAgain,
    happened: 'The app asks for a stronger kind of sign-in than the one you used.',
  },
  session_not_found: {
    title: 'We can’t find your session',
    happened: 'It has ended, it began in another browser, or cookies are blocked here.',
    next: 'Go back to the app and sign in from there. If cookies are blocked, allow them for this site.',
  },
  invalid_redirect_uri: {
    title: 'We don’t know where to send you back to',
    happened: 'The app gave an address that isn’t registered for it. To keep you safe we stopped here.',
    next: 'Check that you opened the app from its usual address. If you did, tell the people who run it.',
  },
  invalid_client: appUnknown,
  invalid_client_metadata: appUnknown,
  unauthorized_client: appUnknown,
  invalid_request_uri: requestGone,
  invalid_request: appRequest,
  invalid_request_object: appRequest,
  invalid_scope: appRequest,
  invalid_target: appRequest,
  invalid_authorization_details: appRequest,
  registration_not_supported: appRequest,
  request_not_supported: appRequest,
  request_uri_not_supported: appRequest,
  unsupported_grant_type: appRequest,
  unsupported_response_mode: appRequest,
  unsupported_response_type: appRequest,
  invalid_dpop_proof: appRequest,
  invalid_grant: accessEnded,
  invalid_token: accessEnded,
  insufficient_scope: accessEnded,
  temporarily_unavailable: trouble,
}
