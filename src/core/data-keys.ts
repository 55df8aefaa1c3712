// The keyring as everyone but the tools sees it: a wrapped data key that does not open (altered, moved) hurts its person alone and is a
// sealed value refused like any other; a keeper that can't be asked is `keys_unavailable`.
import { EnvelopeError } from '../crypto/envelope.ts'
import { KekError, type Keyring } from '../crypto/keyring.ts'
import { BrokerError } from './errors.ts'

/** `openDataKey` throws EnvelopeError or `keys_unavailable` instead of KekError; `refused` is told of each key that did not open. */
export function guardDataKeys(keyring: Keyring, refused: (what: string, error: Error) => void): Keyring {
  return {
    ...keyring,
    async openDataKey(...row) {
      try {
        return await keyring.openDataKey(...row)
      } catch (cause) {
        if (!(cause instanceof KekError)) throw cause
        if (cause.code !== 'kek_refused') throw new BrokerError('keys_unavailable', { cause })
        refused('account_key', cause)
        throw new EnvelopeError('envelope_refused', 'the account’s key does not open', cause)
      }
    },
  }
}
