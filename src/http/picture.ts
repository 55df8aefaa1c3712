// A person's picture, from us: one unguessable URL per account and sector, dead when the account is closed. Any failure is a plain 404.
import type { RequestHandler } from 'express'
import { EnvelopeError } from '../crypto/envelope.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { BrokerError } from '../core/errors.ts'
import type { Identities, Log } from '../core/ports.ts'
import { openPicture, pictureDigest } from '../core/profile.ts'

const TOKEN = /^[A-Za-z0-9_-]{43}$/

export const pictureRoute =
  (deps: { identities: Identities; keyring: Keyring; log: Log }): RequestHandler<{ token: string }> =>
  async (request, response) => {
    const { token } = request.params
    const found = TOKEN.test(token) ? await deps.identities.findPicture(pictureDigest(token)) : undefined
    if (found === undefined) throw new BrokerError('not_found')
    const { account, identityId, pictureSealed } = found
    try {
      const key = await deps.keyring.openDataKey(account.id, account.epoch, account.keyId, account.wrappedKey)
      const bytes = openPicture(key, { accountId: account.id, identityId }, pictureSealed)
      response
        .set({
          'cache-control': 'private, max-age=3600',
          'content-disposition': 'inline; filename="picture.webp"',
          // Apps show it in their own pages; it opens nothing.
          'cross-origin-resource-policy': 'cross-origin',
        })
        .type('image/webp')
        .send(Buffer.from(bytes))
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      deps.log.error('sealed_value_refused', { model: 'identity', error })
      throw new BrokerError('not_found', { cause: error })
    }
  }
