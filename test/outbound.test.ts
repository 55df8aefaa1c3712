// The only door out, against servers on loopback that do what they shouldn't: each test says what is refused, and that nobody was called.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { BrokerError } from '../src/core/errors.ts'
import { createOutbound, isPublicAddress, type Outbound } from '../src/outbound.ts'

type Answer = (res: ServerResponse, req: IncomingMessage) => void

let server: Server
let host: string
let calls: string[] = []
// Closed in the end whatever becomes of a test: one left open would hang the run.
const listeners: TcpServer[] = []
const opened: Outbound[] = []
let hungUp: Promise<void>
const answers: Record<string, Answer> = {
  '/ok': (res) => res.setHeader('content-type', 'application/json').end('{"fine":true}'),
  '/echo': (res, req) => {
    req.setEncoding('utf8')
    let body = ''
    req.on('data', (chunk: string) => (body += chunk))
    req.on('end', () => res.end(`${req.method} ${String(req.headers['x-test'])} ${body}`))
  },
  '/missing': (res) => res.writeHead(404).end('no'),
  '/none': (res) => res.writeHead(204).end(),
  '/thousand': (res) => res.end('a'.repeat(1000)),
  '/endless': (res) => {
    const write = (): void => {
      while (!res.destroyed && res.write('a'.repeat(16_384)));
      if (!res.destroyed) res.once('drain', write)
    }
    write()
  },
  '/gzip-bomb': (res) => res.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(50_000_000))),
  '/br-bomb': (res) =>
    res.setHeader('content-encoding', 'br').end(brotliCompressSync(Buffer.alloc(50_000_000))),
  '/gzip': (res) => res.setHeader('content-encoding', 'gzip').end(gzipSync('small')),
  '/silent': () => undefined,
  '/dribble': (res) => {
    res.write('{')
    const timer = setInterval(() => res.write(' '), 20)
    res.once('close', () => clearInterval(timer))
  },
  '/cut': (res) => {
    res.writeHead(200, { 'content-length': '100' })
    res.write('half')
    setImmediate(() => res.destroy())
  },
  '/big-header': (res) => res.setHeader('x-big', 'a'.repeat(100_000)).end(),
}

beforeAll(async () => {
  server = createServer((req, res) => {
    const path = new URL(req.url ?? '', 'http://localhost').pathname
    calls.push(path)
    hungUp = new Promise((resolve) => {
      res.once('close', () => resolve())
    })
    const status = /^\/status\/(\d+)$/.exec(path)?.[1]
    if (status !== undefined) res.writeHead(Number(status), { location: '/ok' }).end()
    else (answers[path] ?? answers['/missing'])?.(res, req)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  host = `localhost:${portOf(server)}`
})
afterAll(async () => {
  await Promise.all(opened.map((outbound) => outbound.close()))
  server.closeAllConnections()
  for (const one of [server, ...listeners]) one.close()
})
beforeEach(() => {
  calls = []
})

const portOf = (of: Server | TcpServer): number => (of.address() as AddressInfo).port

/** What a call ends with: the code, and the reason that the log may have. */
async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return `${error.code}: ${error.cause instanceof Error ? error.cause.message : ''}`
  }
  return 'no error'
}

const open = (more: Partial<Parameters<typeof createOutbound>[0]> = {}): Outbound => {
  const outbound = createOutbound({ allowedHosts: [host], production: false, ...more })
  opened.push(outbound)
  return outbound
}

describe('outbound.fetch()', () => {
  test('hands on a whole answer, with its status and type', async () => {
    const response = await open().fetch(`http://${host}/ok`)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(await response.json()).toEqual({ fine: true })
  })

  test('sends method, headers and a form', async () => {
    const response = await open().fetch(`http://${host}/echo`, {
      method: 'POST',
      headers: { 'x-test': 'yes' },
      body: new URLSearchParams({ a: 'b c&d' }),
    })
    expect(await response.text()).toBe('POST yes a=b+c%26d')
  })

  test.each([
    ['/missing', 404],
    ['/none', 204],
    ['/status/500', 500],
  ])('takes the status of %s for an answer', async (path, status) => {
    expect((await open().fetch(`http://${host}${path}`)).status).toBe(status)
  })

  test('hands on what was compressed without saying that it was', async () => {
    const response = await open().fetch(`http://${host}/gzip`)
    expect(response.headers.get('content-encoding')).toBeNull()
    expect(await response.text()).toBe('small')
  })

  test.each([301, 302, 303, 307, 308, 300, 304])('follows no redirect: %d', async (status) => {
    expect(await refusal(open().fetch(`http://${host}/status/${status}`))).toBe('outbound_refused: redirect')
    expect(calls).toEqual([`/status/${status}`])
  })
})

const PRIVATE = (
  '127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 ' +
  '255.255.255.255 224.0.0.1 192.0.2.1 198.18.0.1 240.0.0.1 ' +
  '::1 :: ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 fd00::1 fc00::1 fe80::1 ff02::1 ' +
  '64:ff9b::7f00:1 2002:7f00:1:: 2001:db8::1 2001::1 ::ffff:0:127.0.0.1 100::1 '
).trim()

describe('outbound.fetch() calls nobody', () => {
  test.each([
    ['of another name', 'http://other.example/ok', 'host'],
    ['of another port', 'http://localhost:1/ok', 'host'],
    ['with a dot at the end', () => `http://localhost.:${portOf(server)}/ok`, 'host'],
    ['of a name below', () => `http://a.${host}/ok`, 'host'],
    ['behind credentials', () => `http://user:secret@${host}/ok`, 'credentials'],
    ['whose name is in the credentials', () => `http://${host}@other.example/ok`, 'credentials'],
    ['by a path of the machine', 'file:///etc/passwd', 'host'],
    ['by data', 'data:text/plain,x', 'host'],
    ['by nonsense', 'http://', 'malformed'],
  ])('%s', async (_what, address, reason) => {
    const url = typeof address === 'string' ? address : address()
    expect(await refusal(open().fetch(url))).toBe(`outbound_refused: ${reason}`)
    expect(calls).toEqual([])
  })

  test('by plain http, but on loopback and outside production', async () => {
    const elsewhere = open({ allowedHosts: ['accounts.google.com', '10.0.0.1', host] })
    expect(await refusal(elsewhere.fetch('http://accounts.google.com/'))).toBe('outbound_refused: scheme')
    expect(await refusal(elsewhere.fetch('http://10.0.0.1/'))).toBe('outbound_refused: scheme')
    const production = open({ production: true })
    expect(await refusal(production.fetch(`http://${host}/ok`))).toBe('outbound_refused: scheme')
    expect(calls).toEqual([])
  })

  test.each(PRIVATE.split(' '))('at the address %s', async (address) => {
    const { hostname } = new URL(`https://${address.includes(':') ? `[${address}]` : address}`)
    const outbound = open({ allowedHosts: [hostname] })
    expect(await refusal(outbound.fetch(`https://${hostname}/`))).toBe('outbound_refused: address')
    expect(isPublicAddress(address)).toBe(false)
  })

  test.each(['2130706433', '0x7f000001', '0177.0.0.1', '127.1', '0x7f.1', '017700000001', '①②⑦.0.0.1'])(
    'at loopback written as %s',
    async (form) => {
      const outbound = open({ allowedHosts: ['127.0.0.1', form] })
      expect(await refusal(outbound.fetch(`https://${form}/`))).toBe('outbound_refused: address')
    },
  )

  test('and knows a public address when it sees one', () => {
    expect(['8.8.8.8', '142.250.1.1', '2a00:1450:4001::8a', '::ffff:8.8.8.8'].map(isPublicAddress)).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(['', 'localhost', '8.8.8', '8.8.8.8/8', '08.8.8.8x'].some(isPublicAddress)).toBe(false)
  })

  test.each([
    ['loopback', ['127.0.0.1']],
    ['the metadata service', ['169.254.169.254']],
    ['loopback in IPv6 clothing', ['::ffff:127.0.0.1']],
    ['loopback beside a public address', ['93.184.215.14', '127.0.0.1']],
    ['nowhere', []],
  ])('by a name that leads to %s, however often it changes its mind', async (_what, addresses) => {
    let connections = 0
    const listener = createTcpServer((socket) => {
      connections += 1
      socket.destroy()
    })
    listeners.push(listener)
    await new Promise<void>((resolve) => {
      listener.listen(0, '127.0.0.1', resolve)
    })
    const looked: string[] = []
    const name = `rebinding.example:${portOf(listener)}`
    const outbound = open({
      allowedHosts: [name],
      lookup: (hostname) => {
        looked.push(hostname)
        return Promise.resolve(
          addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        )
      },
    })
    expect(await refusal(outbound.fetch(`https://${name}/`))).toBe('outbound_refused: address')
    // Once, in connecting: there is no earlier check whose answer could have changed.
    expect(looked).toEqual(['rebinding.example'])
    expect(connections).toBe(0)
  })

  test('beyond loopback when it is told to call loopback', async () => {
    const outbound = open({ lookup: () => Promise.resolve([{ address: '93.184.215.14', family: 4 }]) })
    expect(await refusal(outbound.fetch(`http://${host}/ok`))).toBe('outbound_refused: address')
  })
})

describe('outbound.fetch() gives up', () => {
  test.each(['/endless', '/gzip-bomb', '/br-bomb'])('%s as soon as it is too large', async (path) => {
    expect(await refusal(open().fetch(`http://${host}${path}`))).toBe('outbound_refused: too_large')
    await hungUp
    expect(calls).toEqual([path])
  })

  test('at the byte that is one too many', async () => {
    const outbound = open()
    const fetched = await outbound.fetch(`http://${host}/thousand`, { maxBytes: 1000 })
    expect((await fetched.text()).length).toBe(1000)
    expect(await refusal(outbound.fetch(`http://${host}/thousand`, { maxBytes: 999 }))).toBe(
      'outbound_refused: too_large',
    )
  })

  test.each(['/silent', '/dribble'])('%s when the time is over, and hangs up', async (path) => {
    expect(await refusal(open({ timeoutMs: 150 }).fetch(`http://${host}${path}`))).toBe(
      'upstream_unavailable: TimeoutError',
    )
    await hungUp
    expect(calls).toEqual([path])
  })

  test('when its caller does', async () => {
    const signal = AbortSignal.abort()
    expect(await refusal(open().fetch(`http://${host}/ok`, { signal }))).toBe(
      'upstream_unavailable: AbortError',
    )
    expect(calls).toEqual([])
  })

  test.each(['/cut', '/big-header'])('an answer that is broken: %s', async (path) => {
    expect(await refusal(open().fetch(`http://${host}${path}`))).toMatch(/^upstream_unavailable: UND_ERR_/)
  })

  test('where nobody listens', async () => {
    const closed = createTcpServer()
    await new Promise<void>((resolve) => {
      closed.listen(0, '127.0.0.1', resolve)
    })
    const nobody = `127.0.0.1:${portOf(closed)}`
    await new Promise((resolve) => {
      closed.close(resolve)
    })
    const outbound = open({ allowedHosts: [nobody] })
    expect(await refusal(outbound.fetch(`http://${nobody}/`))).toBe('upstream_unavailable: ECONNREFUSED')
  })

  test('where the name is unknown', async () => {
    const outbound = open({
      allowedHosts: ['gone.example'],
      lookup: () => Promise.reject(new Error('ENOTFOUND')),
    })
    expect(await refusal(outbound.fetch('https://gone.example/'))).toBe(
      'upstream_unavailable: name_not_found',
    )
  })

  test('without a word of address or header in the error', async () => {
    const errors: unknown[] = []
    const outbound = open()
    for (const path of ['/cut?code=canary', '/status/302?code=canary']) {
      await outbound.fetch(`http://${host}${path}`).catch((error: unknown) => errors.push(error))
    }
    const headers = { authorization: 'Bearer canary\nx' }
    await outbound.fetch(`http://${host}/ok`, { headers }).catch((error: unknown) => errors.push(error))
    await outbound.fetch('https://canary.example/').catch((error: unknown) => errors.push(error))
    const words = (error: unknown): string =>
      error instanceof Error ? `${error.message} ${error.stack ?? ''} ${words(error.cause)}` : ''
    expect(errors).toHaveLength(4)
    expect(errors.map(words).join('\n')).not.toContain('canary')
  })
})

describe('An origin map', () => {
  const map = () => ({ 'https://accounts.google.com': `http://${host}/accounts.google.com` })

  test('leads to the simulation, and so does the browser', async () => {
    const outbound = open({ allowedHosts: ['accounts.google.com'], originMap: map() })
    await outbound.fetch('https://accounts.google.com/o/auth?x=1')
    expect(calls).toEqual(['/accounts.google.com/o/auth'])
    expect(outbound.browserUrl('https://accounts.google.com/o/auth?x=1').href).toBe(
      `http://${host}/accounts.google.com/o/auth?x=1`,
    )
  })

  test('opens no host that is not allowed', async () => {
    const outbound = open({ allowedHosts: [], originMap: map() })
    expect(await refusal(outbound.fetch('https://accounts.google.com/'))).toBe('outbound_refused: host')
    expect(() => outbound.browserUrl('https://accounts.google.com/')).toThrow('outbound_refused')
  })

  test('is refused in production', () => {
    expect(() => open({ production: true, originMap: map() })).toThrow('configuration_invalid')
    expect(() => open({ production: true, originMap: {} })).not.toThrow()
  })

  test.each(['http://simulation.example/x', 'http://10.0.0.1/x', 'nonsense', 'http://localhost.example'])(
    'leads nowhere but to loopback: not to %s',
    (target) => {
      expect(() => open({ originMap: { 'https://accounts.google.com': target } })).toThrow(
        'configuration_invalid',
      )
    },
  )

  test.each(['https://accounts.google.com/', 'accounts.google.com', 'https://accounts.google.com/path'])(
    'starts from an origin: not from %s',
    (origin) => {
      expect(() => open({ originMap: { [origin]: `http://${host}` } })).toThrow('configuration_invalid')
    },
  )
})

describe('outbound.browserUrl()', () => {
  test('leaves an allowed address as it is', () => {
    const outbound = open({ allowedHosts: ['accounts.google.com'], production: true })
    expect(outbound.browserUrl('https://accounts.google.com/a?b=c').href).toBe(
      'https://accounts.google.com/a?b=c',
    )
  })

  test.each(['https://attacker.example/', 'javascript:alert(1)', 'http://accounts.google.com/'])(
    'sends nobody to %s',
    (address) => {
      const outbound = open({ allowedHosts: ['accounts.google.com'], production: true })
      expect(() => outbound.browserUrl(address)).toThrow('outbound_refused')
    },
  )
})
