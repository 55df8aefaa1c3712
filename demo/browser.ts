// A person at a browser without scripts: keeps cookies by path, follows redirects, presses buttons. For `npm run demo -- --once`, the
// tests and the drills; knows nothing of the broker.
import { CookieJar } from 'tough-cookie'

export type Page = { readonly url: URL; readonly status: number; readonly html: string }

export type Browser = {
  /** Opens an address and follows redirects; stops before an address that begins with `stopAt`, which is then the page's url. */
  open(url: string | URL): Promise<Page>
  /** Presses a button of the page's form, with fields filled in or ticked. */
  press(page: Page, name: string, value: string, fields?: Readonly<Record<string, string>>): Promise<Page>
  readonly jar: CookieJar
}

const MOST_REDIRECTS = 20

const unescape = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')

const attributesOf = (tag: string): Record<string, string> =>
  Object.fromEntries(
    [...tag.matchAll(/([a-z-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, unescape(value)]),
  )

export function createBrowser(
  options: { stopAt?: readonly string[]; language?: string; jar?: CookieJar } = {},
): Browser {
  const { stopAt = [], language = 'en', jar = new CookieJar() } = options

  async function send(start: URL, init: { body?: URLSearchParams; from?: URL }): Promise<Page> {
    let url = start
    let { body } = init
    for (let step = 0; step < MOST_REDIRECTS; step += 1) {
      if (stopAt.some((prefix) => url.href.startsWith(prefix))) return { url, status: 0, html: '' }
      const response = await fetch(url, {
        method: body === undefined ? 'GET' : 'POST',
        redirect: 'manual',
        headers: {
          accept: 'text/html',
          'accept-language': language,
          cookie: await jar.getCookieString(url.href),
          ...(body === undefined || init.from === undefined ? {} : { origin: init.from.origin }),
        },
        ...(body === undefined ? {} : { body }),
      })
      for (const line of response.headers.getSetCookie())
        await jar.setCookie(line, url.href, { ignoreError: true })
      const location = response.headers.get('location')
      if (location === null) return { url, status: response.status, html: await response.text() }
      await response.body?.cancel()
      url = new URL(location, url)
      body = undefined
    }
    throw new Error(`more than ${MOST_REDIRECTS} redirects, the last to ${url.origin}${url.pathname}`)
  }

  return {
    jar,
    open: (url) => send(new URL(url), {}),
    press(page, name, value, fields = {}) {
      const forms = [...page.html.matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => form)
      const form = forms.find((candidate) => candidate.includes(`name="${name}"`))
      if (form === undefined)
        throw new Error(
          `${page.url.pathname} (${page.status}) has no button ${name}: ${page.html.slice(0, 400)}`,
        )
      const action = attributesOf(form.slice(0, form.indexOf('>')))['action'] ?? page.url.href
      const body = new URLSearchParams()
      for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
        const input = attributesOf(tag)
        if (input['type'] === 'hidden' && input['name'] !== undefined)
          body.set(input['name'], input['value'] ?? '')
      }
      for (const [field, text] of Object.entries(fields)) body.set(field, text)
      body.set(name, value)
      return send(new URL(action, page.url), { body, from: page.url })
    },
  }
}
