/**
 * What the app remembers, in memory: records that end by themselves, and the cookies that point at them. All apps of the demo
 * are on localhost, where cookies don't know ports, so every cookie's name begins with the app's own client id.
 */
import { randomBytes } from 'node:crypto'
import { parseCookie } from 'cookie'
import type { CookieOptions, Request, Response } from 'express'

/** A random name for a record: 256 bits, base64url. */
export const randomId = (): string => randomBytes(32).toString('base64url')

export type Store<T> = {
  put(id: string, value: T): void
  find(id: string | undefined): T | undefined
  /** Finds and forgets: gives a value once. */
  take(id: string | undefined): T | undefined
  drop(id: string | undefined): void
}

/** Records live for `seconds`; beyond `most` of them the oldest go. `now` is in milliseconds. */
export const createStore = <T>(seconds: number, now: () => number, most = 10_000): Store<T> => {
  const records = new Map<string, { value: T; until: number }>()
  const store: Store<T> = {
    put(id, value) {
      for (const [old, { until }] of records) {
        if (until > now() && records.size < most) break
        records.delete(old)
      }
      records.delete(id)
      records.set(id, { value, until: now() + seconds * 1000 })
    },
    find(id) {
      const record = records.get(id ?? '')
      return record !== undefined && record.until > now() ? record.value : undefined
    },
    take(id) {
      const value = store.find(id)
      store.drop(id)
      return value
    },
    drop(id) {
      records.delete(id ?? '')
    },
  }
  return store
}

export type Cookie = {
  read(req: Request): string | undefined
  write(res: Response, value: string): void
  clear(res: Response): void
}

/** A cookie that scripts can't read and other sites' forms don't send. Lax, not Strict: the callback comes from another site. */
export const createCookie = (
  app: { clientId: string; origin: string },
  purpose: string,
  seconds: number,
): Cookie => {
  const name = `${encodeURIComponent(app.clientId)}.${purpose}`
  const options: CookieOptions = {
    httpOnly: true,
    sameSite: 'lax',
    path: '/',
    secure: app.origin.startsWith('https:'),
  }
  return {
    read: (req) => parseCookie(req.headers.cookie ?? '')[name],
    write: (res, value) => void res.cookie(name, value, { ...options, maxAge: seconds * 1000 }),
    clear: (res) => void res.clearCookie(name, options),
  }
}
