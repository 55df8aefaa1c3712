// Every page in the states that people meet, for the tests that look at all of them. The people and the companies are made up.
import { type ConfirmModel, confirmPage } from '../../../src/http/pages/confirm.ts'
import { errorPage } from '../../../src/http/pages/error.ts'
import type { Locale } from '../../../src/http/pages/locale.ts'
import { logoutPage, signedOutPage } from '../../../src/http/pages/logout.ts'
import { type SignInModel, signInPage } from '../../../src/http/pages/sign-in.ts'

export const PICTURE = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="#c9b8e8"/><circle cx="48" cy="38" r="17" fill="#5b3f8f"/><path d="M12 96c4-26 20-36 36-36s32 10 36 36z" fill="#5b3f8f"/></svg>',
)}`

export const signIn = (locale: Locale, more: Partial<SignInModel> = {}): SignInModel => ({
  locale,
  appName: 'Paperwright',
  action: '/interaction/1/connector',
  connectors: [
    { id: 'microsoft', kind: 'microsoft', label: 'Microsoft' },
    { id: 'google', kind: 'google', label: 'Google' },
  ],
  privacyUrl: '/privacy',
  termsUrl: '/terms',
  controllerName: 'Paperwright Ltd',
  ...more,
})

export const confirm = (locale: Locale, more: Partial<ConfirmModel> = {}): ConfirmModel => ({
  locale,
  action: '/interaction/1/confirm',
  appName: 'Paperwright',
  reason: 'first_time',
  connectorLabel: 'Google',
  fields: {
    name: 'Ada Quist',
    email: 'ada.quist@example.com',
    emailVerified: true,
    company: 'Quist & Daughters',
    providerUserId: '104857391026475839201',
    picture: { src: PICTURE },
  },
  released: { appName: 'Paperwright', fields: ['name', 'email', 'company'] },
  controller: {
    name: 'Paperwright Ltd, 1 Example Row, Dublin',
    contact: 'privacy@paperwright.example',
    dpo: 'dpo@paperwright.example',
    supervisoryAuthority: 'https://www.authority.example/complaints',
  },
  noticeVersion: '2026-03',
  termsVersion: '4',
  noticeUrl: '/privacy/2026-03',
  termsUrl: '/terms/4',
  values: { picture: false, company: false },
  ...more,
})

const request = '0198f3c2-5a7e-7d31-9b40-6d2f8a1c4e55'

/** Name → page. */
export const PAGES: Readonly<Record<string, (locale: Locale) => string>> = {
  'sign-in': (locale) => signInPage(signIn(locale)),
  'sign-in-notice': (locale) =>
    signInPage(
      signIn(locale, {
        notice: 'upstream_declined',
        hint: 'ada.quist@example.com',
        connectors: [
          { id: 'microsoft', kind: 'microsoft', label: 'Microsoft' },
          { id: 'google', kind: 'google', label: 'Google' },
          { id: 'harbour', kind: 'oidc', label: 'Harbour University' },
        ],
      }),
    ),
  confirm: (locale) => confirmPage(confirm(locale)),
  'confirm-error': (locale) =>
    confirmPage(confirm(locale, { errors: ['adult_required'], values: { picture: true, company: false } })),
  'confirm-new-field': (locale) =>
    confirmPage(
      confirm(locale, {
        reason: 'new_field',
        newFields: ['company'],
        connectorLabel: 'Microsoft',
        fields: {
          name: 'Þórdís Ævarsdóttir-Schwarzenberger von der Hohen Warte',
          email: `${'a-long-mailbox.'.repeat(8)}x@${'sub.'.repeat(12)}example.com`,
          emailVerified: false,
          company: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
          providerUserId: '9f1c0d5e-6a77-4f0b-8a34-0d8f3b1f2c11:5b2e7a90-1c4d-4c7e-9d55-7e0c2a6f8b3d',
        },
        admissionFacts: { domain: 'example.com', tenant: '9f1c0d5e-6a77-4f0b-8a34-0d8f3b1f2c11' },
      }),
    ),
  error: (locale) =>
    errorPage({ locale, code: 'upstream_unavailable', requestId: request, retryUrl: '/again' }),
  'error-not-admitted': (locale) =>
    errorPage({
      locale,
      code: 'not_admitted',
      requestId: request,
      detail: 'the app admits accounts of example.com only',
      retryUrl: '/again',
    }),
  logout: (locale) =>
    logoutPage({ locale, action: '/session/end/confirm', xsrf: 'f00d', appName: 'Paperwright' }),
  'signed-out': (locale) =>
    signedOutPage({ locale, appName: 'Paperwright', returnUrl: 'https://app.paperwright.example/' }),
}
