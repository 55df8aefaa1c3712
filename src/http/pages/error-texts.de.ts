// What an error page says in German, for each code, with the formal "Sie". See error-texts.en.ts.
import type { ErrorPageCode } from './error-codes.ts'
import type { ErrorText } from './error-texts.en.ts'

const appRequest: ErrorText = {
  title: 'Mit dieser Anfrage der App können wir nichts anfangen',
  happened:
    'Die App hat auf eine Weise um eine Anmeldung gebeten, die wir nicht annehmen. Das liegt weder an Ihnen noch an Ihrem Konto.',
  next: 'Gehen Sie zurück zur App und versuchen Sie es noch einmal. Wenn es wieder geschieht, sagen Sie dem Betreiber der App Bescheid.',
}
const appUnknown: ErrorText = {
  title: 'Diese App kennen wir nicht',
  happened:
    'Die App, die Sie hierher geschickt hat, ist bei uns nicht registriert oder darf niemanden auf diese Weise anmelden.',
  next: 'Prüfen Sie, ob Sie die App unter der gewohnten Adresse geöffnet haben. Wenn ja, sagen Sie dem Betreiber der App Bescheid.',
}
const requestGone: ErrorText = {
  title: 'Dieser Anmeldelink gilt nicht mehr',
  happened: 'Die Anfrage der App ist abgelaufen oder wurde schon verwendet.',
  next: 'Gehen Sie zurück zur App und melden Sie sich von dort aus an.',
}
const signInAgain: ErrorText = {
  title: 'Bitte melden Sie sich noch einmal an',
  happened: 'Die App wollte, dass wir Sie ohne Rückfrage anmelden. Das geht gerade nicht.',
  next: 'Gehen Sie zurück zur App und melden Sie sich von dort aus an.',
}
const accessEnded: ErrorText = {
  title: 'Dieser Zugang ist beendet',
  happened: 'Was die App vorgelegt hat, ist abgelaufen, wurde schon verwendet oder reicht dafür nicht aus.',
  next: 'Gehen Sie zurück zur App und melden Sie sich noch einmal an.',
}
const trouble: ErrorText = {
  title: 'Wir haben gerade eine Störung',
  happened: 'Ein Teil unseres Dienstes antwortet nicht. Das liegt an uns.',
  next: 'Warten Sie einen Moment und versuchen Sie es dann noch einmal.',
}
const ourFault: ErrorText = {
  title: 'Bei uns ist etwas schiefgegangen',
  happened: 'Wir konnten nicht zu Ende führen, worum Sie gebeten haben.',
  next: 'Versuchen Sie es in einer Minute noch einmal. Wenn es wieder geschieht, schicken Sie die Zeilen unten an den Support.',
}

export const errorTexts: Readonly<Record<ErrorPageCode, ErrorText>> = {
  server_error: ourFault,
  unknown_connector: {
    title: 'Diese Anmeldung bieten wir nicht an',
    happened: 'Der Link nennt einen Anmeldedienst, der hier nicht eingerichtet ist.',
    next: 'Gehen Sie zurück zur App und wählen Sie einen anderen Weg, sich anzumelden.',
    retry: 'Anderen Weg wählen',
  },
  connector_unavailable: {
    title: 'Diese Anmeldung ist nicht verfügbar',
    happened: 'Wir erreichen den gewählten Anmeldedienst nicht, oder er ist gerade abgeschaltet.',
    next: 'Warten Sie eine Minute und versuchen Sie es noch einmal, oder wählen Sie einen anderen Weg.',
  },
  upstream_unavailable: {
    title: 'Der Anmeldedienst antwortet nicht',
    happened: 'Der gewählte Dienst hat nicht rechtzeitig geantwortet.',
    next: 'Warten Sie eine Minute und versuchen Sie es noch einmal, oder wählen Sie einen anderen Weg.',
  },
  upstream_refused: {
    title: 'Der Anmeldedienst hat abgelehnt',
    happened: 'Der gewählte Dienst hat unsere Anfrage abgelehnt.',
    next: 'Versuchen Sie es noch einmal, oder wählen Sie einen anderen Weg. Bei einem Geschäfts-, Schul- oder Unikonto muss es vielleicht erst Ihre Administration erlauben.',
  },
  upstream_declined: {
    title: 'Die Anmeldung wurde abgebrochen',
    happened:
      'Sie haben sie selbst abgebrochen, oder sie war für dieses Konto nicht erlaubt. Es wurde nichts gespeichert.',
    next: 'Wenn Sie sich noch anmelden möchten, versuchen Sie es noch einmal oder wählen Sie einen anderen Weg.',
  },
  upstream_invalid: {
    title: 'Wir konnten der Antwort nicht trauen',
    happened:
      'Die Antwort des Anmeldedienstes hat unsere Prüfung nicht bestanden, deshalb haben wir sie nicht verwendet.',
    next: 'Versuchen Sie es noch einmal. Wenn es wieder geschieht, schicken Sie die Zeilen unten an den Support.',
  },
  sign_in_not_found: {
    title: 'Wir finden diese Anmeldung nicht',
    happened: 'Sie hat zu lange gedauert, begann in einem anderen Browser, oder Cookies sind hier blockiert.',
    next: 'Gehen Sie zurück zur App und melden Sie sich von dort aus an, in einem Browser. Wenn Cookies blockiert sind, erlauben Sie sie für diese Website.',
  },
  sign_in_state_mismatch: {
    title: 'Zwei Anmeldungen sind durcheinandergeraten',
    happened: 'Die Antwort gehört nicht zu der Anmeldung, die in diesem Browser begonnen wurde.',
    next: 'Schließen Sie andere Tabs, in denen Sie sich gerade anmelden, und beginnen Sie von der App aus neu.',
  },
  interaction_expired: {
    title: 'Diese Seite ist abgelaufen',
    happened: 'Zu Ihrer Sicherheit gilt eine Anmeldeseite nur eine Weile, und die ist vorbei.',
    next: 'Gehen Sie zurück zur App und melden Sie sich von dort aus an.',
  },
  not_admitted: {
    title: 'Diese App nimmt dieses Konto nicht an',
    happened:
      'Ihre Anmeldung hat geklappt. Aber die App steht nur bestimmten Konten offen, zum Beispiel denen einer Organisation.',
    next: 'Wenn Sie ein anderes Konto haben, etwa eines von der Arbeit oder der Schule, verwenden Sie dieses. Wenn Sie meinen, dass das Konto passen müsste, fragen Sie den Betreiber der App.',
    retry: 'Anderes Konto verwenden',
  },
  account_unavailable: {
    title: 'Dieses Konto kann gerade nicht verwendet werden',
    happened: 'Das Konto ist eingeschränkt, gesperrt oder geschlossen.',
    next: 'Wenn Sie das nicht veranlasst haben, schicken Sie die Zeilen unten an den Support.',
    retry: 'Anderes Konto verwenden',
  },
  identity_revoked: {
    title: 'Der Zugang mit diesem Konto ist beendet',
    happened:
      'Der Dienst, bei dem Sie das Konto haben, hat uns mitgeteilt, dass es entzogen wurde oder gefährdet sein kann.',
    next: 'Prüfen und sichern Sie das Konto dort. Melden Sie sich danach noch einmal an.',
  },
  auth_time_unproven: {
    title: 'Die App verlangt eine frische Anmeldung',
    happened:
      'Sie möchte wissen, dass Sie sich gerade eben angemeldet haben, und der Anmeldedienst hat das nicht bestätigt.',
    next: 'Melden Sie sich bei dem Dienst ab und versuchen Sie es noch einmal, oder wählen Sie einen anderen Weg.',
  },
  adult_required: {
    title: 'Wir brauchen Ihre Bestätigung',
    happened:
      'Dieser Dienst ist für Menschen ab 18 Jahren, die den Datenschutzhinweisen und den Nutzungsbedingungen zustimmen.',
    next: 'Gehen Sie zurück und kreuzen Sie das Feld an, wenn das zutrifft. Wenn nicht, machen Sie bitte nicht weiter.',
    retry: 'Zurück',
  },
  cross_site: {
    title: 'Das kam von einer anderen Website',
    happened: 'Zu Ihrer Sicherheit nehmen wir das nur von unseren eigenen Seiten an.',
    next: 'Gehen Sie zurück zur App und beginnen Sie noch einmal.',
  },
  not_found: {
    title: 'Unter dieser Adresse gibt es nichts',
    happened: 'Die Seite gibt es nicht oder nicht mehr.',
    next: 'Prüfen Sie die Adresse, oder gehen Sie zurück zur App.',
  },
  bad_request: {
    title: 'Das konnten wir nicht lesen',
    happened: 'Was bei uns ankam, war unvollständig oder in einer Form, die wir nicht kennen.',
    next: 'Gehen Sie zurück und versuchen Sie es noch einmal.',
  },
  storage_unavailable: trouble,
  keys_unavailable: trouble,
  sealed_value_refused: {
    ...ourFault,
    happened:
      'Etwas, das wir versiegelt hatten, ließ sich nicht öffnen, wie es soll. Deshalb haben wir es nicht verwendet.',
  },
  outbound_refused: {
    ...ourFault,
    happened: 'Wir wollten eine Adresse aufrufen, die wir uns nicht erlauben.',
  },
  configuration_invalid: { ...ourFault, happened: 'Etwas ist nicht so eingerichtet, wie es sein soll.' },
  access_denied: {
    title: 'Sie wurden nicht angemeldet',
    happened: 'Die Anmeldung wurde abgelehnt; die App hat nichts erhalten.',
    next: 'Wenn Sie sich noch anmelden möchten, gehen Sie zurück zur App und beginnen Sie noch einmal.',
  },
  consent_required: signInAgain,
  interaction_required: signInAgain,
  login_required: signInAgain,
  unmet_authentication_requirements: {
    ...signInAgain,
    happened: 'Die App verlangt eine stärkere Anmeldung als die, die Sie verwendet haben.',
  },
  session_not_found: {
    title: 'Wir finden Ihre Sitzung nicht',
    happened: 'Sie ist beendet, begann in einem anderen Browser, oder Cookies sind hier blockiert.',
    next: 'Gehen Sie zurück zur App und melden Sie sich von dort aus an. Wenn Cookies blockiert sind, erlauben Sie sie für diese Website.',
  },
  invalid_redirect_uri: {
    title: 'Wir wissen nicht, wohin wir Sie zurückschicken sollen',
    happened:
      'Die App hat eine Adresse genannt, die für sie nicht registriert ist. Zu Ihrer Sicherheit haben wir hier angehalten.',
    next: 'Prüfen Sie, ob Sie die App unter der gewohnten Adresse geöffnet haben. Wenn ja, sagen Sie dem Betreiber der App Bescheid.',
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
