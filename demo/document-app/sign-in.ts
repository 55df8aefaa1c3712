/**
 * The app's side of OpenID Connect, all of it by openid-client: code flow with PKCE, state and nonce, ID tokens whose signature
 * is checked against the issuer's keys, RP-initiated logout. Nothing here knows which issuer it talks to.
 */
import * as client from 'openid-client'
import { decodeProtectedHeader, type JWTPayload } from 'jose'

export type SignInOptions = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** The API that the access token is for (RFC 8707). */
  readonly resource: string
  /** Scopes of that API, to be asked for beside those of the profile. */
  readonly apiScope?: string
}

/** What must be kept between the way out and the way back; `browser` is the one that set out. */
export type Pending = { browser: string; verifier: string; nonce: string; maxAge: number | undefined }

/** What a sign-in gives. `key` is the algorithm and the id of the key that the ID token was verified with. */
export type SignedIn = {
  readonly claims: JWTPayload
  readonly idToken: string
  readonly accessToken: string
  /** Seconds since 1970. */
  readonly accessTokenExpiresAt: number
  readonly key: { alg: string; kid: string }
}

/** A failed sign-in. `code` is OAuth's, or one of ours: state_mismatch, unreachable, invalid_response. */
export class SignInError extends Error {
  override readonly name = 'SignInError'
  readonly code: string
  readonly description: string | undefined
  constructor(code: string, description?: string, cause?: unknown) {
    super(code, { cause })
    this.code = code
    this.description = description
  }
}

export type SignIn = ReturnType<typeof createSignIn>

/** `passed`: parameters of the authorization request that are passed on as they are: prompt, login_hint, max_age. */
export const createSignIn = (options: SignInOptions, uris: { redirect: string; postLogout: string }) => {
  const scope = `openid profile email company provider_id ${options.apiScope ?? ''}`.trim()
  let discovered: Promise<client.Configuration> | undefined

  /** At first use, so that the issuer may start later than the app; after a failure, again at the next use. */
  const discover = async (): Promise<client.Configuration> => {
    discovered ??= client.discovery(
      new URL(options.issuer),
      options.clientId,
      { id_token_signed_response_alg: 'ES256' },
      client.ClientSecretBasic(options.clientSecret),
      {
        execute: [
          client.enableNonRepudiationChecks,
          // The demo's issuer is http://localhost; any other is spoken to by https alone.
          ...(options.issuer.startsWith('http://localhost') ? [client.allowInsecureRequests] : []),
        ],
      },
    )
    try {
      return await discovered
    } catch (error) {
      discovered = undefined
      throw new SignInError('unreachable', undefined, error)
    }
  }

  return {
    /** The issuer's metadata. Throws SignInError `unreachable`. */
    metadata: async () => (await discover()).serverMetadata(),

    /** Where to send the browser, and what to remember under `state` until it is back. */
    async begin(browser: string, passed: Readonly<Record<string, string>>) {
      const config = await discover()
      const verifier = client.randomPKCECodeVerifier()
      const nonce = client.randomNonce()
      const state = client.randomState()
      const url = client.buildAuthorizationUrl(config, {
        ...passed,
        redirect_uri: uris.redirect,
        scope,
        resource: options.resource,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      const maxAge = passed['max_age'] === undefined ? undefined : Number(passed['max_age'])
      return { url, state, pending: { browser, verifier, nonce, maxAge } satisfies Pending }
    },

    /** `callback` is the address that the browser came back to. Throws SignInError. */
    async finish(callback: URL, state: string, pending: Pending): Promise<SignedIn> {
      const config = await discover()
      try {
        const tokens = await client.authorizationCodeGrant(
          config,
          callback,
          {
            pkceCodeVerifier: pending.verifier,
            expectedState: state,
            expectedNonce: pending.nonce,
            idTokenExpected: true,
            ...(pending.maxAge === undefined ? {} : { maxAge: pending.maxAge }),
          },
          { resource: options.resource },
        )
        const claims = tokens.claims()
        if (claims === undefined || tokens.id_token === undefined) throw new SignInError('invalid_response')
        const { alg = '', kid = '' } = decodeProtectedHeader(tokens.id_token)
        return {
          claims,
          idToken: tokens.id_token,
          accessToken: tokens.access_token,
          accessTokenExpiresAt: Math.floor(Date.now() / 1000) + (tokens.expires_in ?? 0),
          key: { alg, kid },
        }
      } catch (error) {
        throw asSignInError(error)
      }
    },

    /** Where the browser ends the issuer's session too. `state` comes back with it. */
    async signOutUrl(idToken: string, state: string): Promise<URL> {
      return client.buildEndSessionUrl(await discover(), {
        id_token_hint: idToken,
        post_logout_redirect_uri: uris.postLogout,
        state,
      })
    },
  }
}

const asSignInError = (error: unknown): SignInError => {
  if (error instanceof SignInError) return error
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError)
    return new SignInError(error.error, error.error_description, error)
  if (error instanceof TypeError && error.message === 'fetch failed')
    return new SignInError('unreachable', undefined, error)
  return new SignInError('invalid_response', undefined, error)
}
