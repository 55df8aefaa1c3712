/**
 * Somebody at a browser without scripts, for tests and drills: keeps cookies, opens the chooser, presses a button.
 * Only talks to the simulated upstreams; where an upstream sends the browser back to the app, the address is returned.
 */
import { rewrite } from './rewrite.ts'
import type { Upstreams } from './server.ts'

/** What the browser shows, or where it was sent: `location` is outside the simulation. */
export type Page = { status: number; html: string; location: string | undefined }

export type Visitor = {
  /** Opens an address of an upstream, real or simulated. */
  open(url: string | URL): Promise<Page>
  /** Presses a person's button on the chooser that is shown. */
  choose(page: Page, person: string): Promise<Page>
  /** Follows the chooser's Cancel link. */
  cancel(page: Page): Promise<Page>
  /** Opens an authorization address and signs a person in; the address that the app is called back on. */
  signIn(authorizeUrl: string | URL, person: string): Promise<URL>
}

const unescape = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')

const attribute = (html: string, pattern: RegExp): string => {
  const found = pattern.exec(html)?.[1]
  if (found === undefined) throw new Error(`the page has no ${String(pattern)}: ${html.slice(0, 2000)}`)
  return unescape(found)
}

/** A visitor with an empty cookie jar. */
export const createVisitor = (upstreams: Pick<Upstreams, 'origin' | 'originMap'>): Visitor => {
  const jar = new Map<string, string>()

  const send = async (address: string | URL, body?: URLSearchParams): Promise<Page> => {
    const response = await fetch(rewrite(upstreams.originMap, address), {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body !== undefined && { body }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=')
      jar.set(name, value)
    }
    const location = response.headers.get('location') ?? undefined
    return { status: response.status, html: await response.text(), location }
  }

  const visitor: Visitor = {
    open: (url) => send(url),
    choose: (page, person) => {
      const action = attribute(page.html, /<form method="post" action="([^"]*)"/)
      const request = attribute(page.html, /name="request" value="([^"]*)"/)
      return send(new URL(action, upstreams.origin), new URLSearchParams({ request, person }))
    },
    cancel: (page) => send(new URL(attribute(page.html, /<a href="([^"]*)">Cancel/), upstreams.origin)),
    async signIn(authorizeUrl, person) {
      const page = await visitor.open(authorizeUrl)
      const answer = page.location === undefined ? await visitor.choose(page, person) : page
      if (answer.location === undefined) {
        throw new Error(`no way back to the app (${answer.status}): ${answer.html.slice(-600)}`)
      }
      return new URL(answer.location)
    },
  }
  return visitor
}
