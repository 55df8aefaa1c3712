// Company and picture: asked for beside the sign-in, never in its way. An answer that we can't use is empty, no answer in time is
// unknown: only the first clears what is stored.
import { BrokerError } from '../core/errors.ts'
import type { Answer } from '../core/model.ts'
import { reasonOf } from './failure.ts'
import { reencodePicture, MAX_PICTURE_BYTES } from './picture.ts'
import type { ConnectorDeps, ConnectorSettings } from './settings.ts'

const DEADLINE = 1500

export const EMPTY: Answer<never> = { state: 'empty' }
export const UNKNOWN: Answer<never> = { state: 'unknown' }

/** An answer for what an upstream sent or left out. */
export const answerOf = (value: unknown): Answer<unknown> =>
  value === undefined || value === null || value === '' ? EMPTY : { state: 'known', value }

export type Questions = {
  /** Bytes of ours, or empty for 404 and for what is no picture. Never throws. */
  picture(url: string | URL, headers?: Readonly<Record<string, string>>): Promise<Answer<Uint8Array>>
  /** A JSON answer as `read` takes it; 404 is empty. Never throws. */
  json(
    url: string,
    headers: Readonly<Record<string, string>>,
    read: (body: unknown) => Answer<unknown>,
  ): Promise<Answer<unknown>>
}

/** Asks within one deadline that begins now. Doesn't wait for what comes later. */
export function askWithinDeadline(
  settings: Pick<ConnectorSettings, 'id' | 'deadlineMs'>,
  { outbound, log }: Pick<ConnectorDeps, 'outbound' | 'log'>,
): Questions {
  const signal = AbortSignal.timeout(settings.deadlineMs ?? DEADLINE)
  const late = new Promise<Answer<never>>((resolve) => {
    signal.addEventListener('abort', () => resolve(UNKNOWN), { once: true })
  })
  const note = (reason: string, upstreamStatus?: number): void =>
    log.warn('optional_field_missing', { connector: settings.id, reason, upstreamStatus })

  const ask = async <T>(
    url: string | URL,
    headers: Readonly<Record<string, string>>,
    read: (response: Response) => Promise<Answer<T>>,
  ): Promise<Answer<T>> => {
    try {
      const response = await outbound.fetch(url, { headers, signal, maxBytes: MAX_PICTURE_BYTES })
      if (response.status === 404) return EMPTY
      if (response.status === 200) return await read(response)
      note('status', response.status)
      return UNKNOWN
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      note(reasonOf(error))
      return error.code === 'outbound_refused' ? EMPTY : UNKNOWN
    }
  }

  return {
    picture: (url, headers = {}) =>
      Promise.race([
        late,
        ask(url, headers, async (response) => {
          const result = await reencodePicture(new Uint8Array(await response.arrayBuffer()))
          if ('picture' in result) return { state: 'known', value: result.picture }
          note(result.refused)
          return EMPTY
        }),
      ]),
    json: (url, headers, read) =>
      Promise.race([
        late,
        ask(url, headers, async (response) => {
          const body: unknown = await response.json().catch(() => undefined)
          if (body !== undefined) return read(body)
          note('not_json')
          return UNKNOWN
        }),
      ]),
  }
}
