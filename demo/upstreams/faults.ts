/**
 * How an endpoint breaks: the transport faults of the `discovery`, `jwks`, `token`, `userinfo`, `graph` traps.
 * Each answer is one that a caller must survive without hanging, filling its memory or trusting it.
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Response } from 'express'

const fiftyMegabytes = 50 * 1024 * 1024

function* fill(before: string | Buffer, after: string): Generator<string | Buffer> {
  const chunk = Buffer.alloc(64 * 1024, 'a')
  yield before
  for (let sent = 0; sent < fiftyMegabytes; sent += chunk.length) yield chunk
  yield after
}

/** Streams 50 MB of one letter between two texts, no faster than the caller reads; stops when it hangs up. */
export const streamHuge = (res: Response, before: string | Buffer, after: string): Promise<void> =>
  // A caller that hangs up is what this fault is for.
  pipeline(Readable.from(fill(before, after)), res).catch(() => undefined)

/** Answers in the way of the fault. False when the fault is none of the transport: the endpoint goes on. */
export const broken = async (origin: string, res: Response, fault: string): Promise<boolean> => {
  switch (fault) {
    case 'down':
      res.socket?.destroy()
      return true
    case 'error500':
      res.status(500).json({ error: 'server_error', error_description: 'simulated fault' })
      return true
    case 'html':
      res.status(200).type('html').send('<!doctype html><title>Maintenance</title><p>Back soon.</p>')
      return true
    case 'truncatedJson':
      res.status(200).type('json').send('{"issuer":"https://accounts.google.com","access_token":"ya29.trunc')
      return true
    case 'hugeBody':
      res.status(200).type('json')
      await streamHuge(res, '{"padding":"', '"}')
      return true
    case 'slow':
      return true
    case 'throttled429':
      res
        .status(429)
        .set('Retry-After', '120')
        .json({ error: { code: 'TooManyRequests', message: 'simulated throttling' } })
      return true
    case 'redirect302':
      // Stays on loopback: whoever follows it shows up in the log and reaches nobody.
      res.redirect(302, `${origin}/elsewhere.example/moved`)
      return true
    default:
      return false
  }
}
