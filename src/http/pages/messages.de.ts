// What the pages say, in German, with the formal "Sie".
import { html } from 'hono/html'
import { errorTexts } from './error-texts.de.ts'
import type { Messages } from './messages.en.ts'

const fields: Messages['fields'] = {
  name: 'Name',
  email: 'E-Mail-Adresse',
  picture: 'Bild',
  company: 'Firma',
  providerUserId: 'Benutzer-ID',
}

const signIn: Messages['signIn'] = {
  documentTitle: (app) => `Bei ${app} anmelden`,
  heading: (app) => html`Bei ${app} anmelden`,
  hint: (account) => html`Die App schlägt das Konto <strong>${account}</strong> vor.`,
  choose: 'Möglichkeiten, sich anzumelden',
  google: 'Mit Google anmelden',
  microsoft: 'Mit Microsoft anmelden',
  other: (label) => html`Mit ${label} anmelden`,
  kept: 'Wir speichern fünf Angaben und sonst nichts.',
  keptLink: 'Was wir speichern und warum',
  first: 'Sie sehen jede davon, bevor wir sie speichern.',
  none: 'Für diese App ist keine Anmeldung eingerichtet. Bitte sagen Sie dem Betreiber der App Bescheid.',
  operator: (controller) => html`Betrieben von ${controller}`,
  privacy: 'Datenschutzhinweise',
  terms: 'Nutzungsbedingungen',
}

const notices: Messages['notices'] = {
  upstream_declined:
    'Sie haben die Anmeldung abgebrochen, oder sie wurde nicht erlaubt. Es wurde nichts gespeichert. Sie können es noch einmal versuchen oder einen anderen Weg wählen.',
  upstream_unavailable:
    'Der gewählte Dienst hat nicht geantwortet. Bitte versuchen Sie es in einer Minute noch einmal, oder wählen Sie einen anderen Weg.',
  upstream_refused: 'Der gewählte Dienst hat unsere Anfrage abgelehnt. Bitte wählen Sie einen anderen Weg.',
  upstream_invalid:
    'Die Antwort hat unsere Prüfung nicht bestanden, deshalb haben wir sie nicht verwendet. Bitte versuchen Sie es noch einmal.',
  connector_unavailable: 'Diese Anmeldung ist gerade nicht verfügbar. Bitte wählen Sie eine andere.',
  interaction_expired: 'Das hat länger gedauert, als wir warten dürfen. Bitte beginnen Sie noch einmal.',
  not_admitted: 'Diese App nimmt das verwendete Konto nicht an. Bitte melden Sie sich mit einem anderen an.',
  auth_time_unproven: 'Diese App verlangt eine frische Anmeldung. Bitte melden Sie sich noch einmal an.',
}

const confirm: Messages['confirm'] = {
  documentTitle: (app) => `Prüfen, was wir speichern – ${app}`,
  errorPrefix: 'Fehler: ',
  heading: 'Prüfen Sie, was wir über Sie speichern',
  reasons: {
    first_time: (app, upstream) =>
      html`Sie melden sich zum ersten Mal mit ${upstream} bei ${app} an. Das hat uns ${upstream} mitgeteilt.
      Gespeichert wird erst, wenn Sie zustimmen.`,
    new_field: (app, upstream) =>
      html`Sie melden sich bei ${app} an. ${upstream} teilt uns jetzt etwas mit, das wir Ihnen noch nicht
      gezeigt haben; es ist mit „neu“ gekennzeichnet. Gespeichert wird es erst, wenn Sie zustimmen.`,
    notice_changed: (app, upstream) =>
      html`Sie melden sich mit ${upstream} bei ${app} an. Unsere Datenschutzhinweise oder Nutzungsbedingungen
      haben sich geändert, seit Sie zugestimmt haben. Deshalb fragen wir noch einmal.`,
  },
  errorHeading: 'Bitte prüfen Sie eine Sache',
  adultRequired:
    'Um fortzufahren, bestätigen Sie, dass Sie mindestens 18 Jahre alt sind und zustimmen. Andernfalls wählen Sie „Ablehnen“.',
  kept: 'Wird gespeichert, wenn Sie zustimmen',
  optional: 'Wird nur gespeichert, wenn Sie es ankreuzen',
  optionalHint: 'Sie können sich auch ohne anmelden und es sich jederzeit anders überlegen.',
  isNew: 'neu',
  missing: 'Keine Angabe',
  verified: (upstream) => html`Von ${upstream} bestätigt`,
  unverified: (upstream) => html`Von ${upstream} nicht bestätigt`,
  userId: (upstream) => html`Benutzer-ID bei ${upstream}`,
  picture: 'Mein Bild speichern',
  pictureAlt: 'Das Bild, das gespeichert würde',
  company: 'Meine Firma speichern',
  optionalTag: '(freiwillig)',
  receives: (app) => html`Was ${app} erhält`,
  receivesIntro: 'Nur diese Angaben und eine zufällige Kennung, die für Sie steht:',
  receivesNothing: 'Keine dieser Angaben, nur eine zufällige Kennung, die für Sie steht.',
  ifTicked: 'wenn Sie es ankreuzen',
  admission: {
    both: (domain, tenant) =>
      html`Sie gehören zur Organisation ${domain} (${tenant}). Das halten wir versiegelt in Ihrer Sitzung, nur
      solange diese besteht, um zu wissen, welche Apps Ihnen offenstehen. In Ihrem Konto wird es nicht
      gespeichert.`,
    one: (organisation) =>
      html`Sie gehören zur Organisation ${organisation}. Das halten wir versiegelt in Ihrer Sitzung, nur
      solange diese besteht, um zu wissen, welche Apps Ihnen offenstehen. In Ihrem Konto wird es nicht
      gespeichert.`,
  },
  controllerHeading: 'Wer verantwortlich ist',
  controller: 'Verantwortlicher',
  contact: 'Kontakt',
  dpo: 'Datenschutzbeauftragter',
  authority: 'Aufsichtsbehörde',
  agreement: (noticeLink, termsLink) =>
    html`Ich bin mindestens 18 Jahre alt und stimme den ${noticeLink} und den ${termsLink} zu.`,
  noticeName: (version) => html`Datenschutzhinweisen (Version ${version})`,
  termsName: (version) => html`Nutzungsbedingungen (Version ${version})`,
  agree: 'Zustimmen und weiter',
  decline: 'Ablehnen',
  declineHint: (app) =>
    html`Wenn Sie ablehnen, wird nichts Neues gespeichert, und Sie kehren zu ${app} zurück.`,
}

const logout: Messages['logout'] = {
  documentTitle: 'Abmelden',
  heading: 'Möchten Sie sich auch hier abmelden?',
  fromApp: (app) =>
    html`Sie haben ${app} verlassen. Ihre Anmeldung hier kann auf diesem Gerät noch für andere Apps gelten.`,
  plain: 'Ihre Anmeldung hier kann auf diesem Gerät für mehrere Apps gelten.',
  effect: 'Wenn Sie sich abmelden, endet sie für alle.',
  yes: 'Abmelden',
  no: 'Angemeldet bleiben',
}

const signedOut: Messages['signedOut'] = {
  documentTitle: 'Abgemeldet',
  heading: 'Sie sind abgemeldet',
  text: 'Ihre Anmeldung hier ist beendet.',
  upstream:
    'Bei Microsoft, Google oder dem Dienst, den Sie verwendet haben, sind Sie vielleicht noch angemeldet. Melden Sie sich auf einem gemeinsam genutzten Gerät auch dort ab.',
  back: (app) => html`Zurück zu ${app}`,
  backPlain: 'Zurück zur App',
}

export const de: Messages = {
  fields,
  signIn,
  notices,
  confirm,
  logout,
  signedOut,
  newTab: '(öffnet einen neuen Tab)',
  error: {
    next: 'Was Sie tun können',
    support: 'Für den Support',
    code: 'Code',
    request: 'Anfrage',
    detail: 'Einzelheit',
    retry: 'Noch einmal versuchen',
    texts: errorTexts,
  },
}
