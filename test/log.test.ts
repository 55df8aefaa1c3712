// The log: what is on the list gets in, and nothing else does, wherever it was hidden.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { BrokerError } from '../src/core/errors.ts'
import { createLog, type LogFields, type LogLevel } from '../src/log.ts'

const RUNS = process.env['SLOW'] === undefined ? 2000 : 10_000

function listen(level: LogLevel = 'info') {
  const lines: string[] = []
  const log = createLog({ level, destination: { write: (line: string) => void lines.push(line) } })
  const line = (): Record<string, unknown> => {
    expect(lines).toHaveLength(1)
    const parsed: unknown = JSON.parse(lines[0] ?? '')
    if (typeof parsed !== 'object') throw new TypeError('a line of the log is an object')
    return { ...parsed }
  }
  return { log, lines, line, text: () => lines.join('') }
}

/** Fields that the types would refuse: what a careless caller, or JavaScript, might give. */
const careless = (fields: object): LogFields => fields

/** A text that is nowhere else: 32 hex digits, as in the leak test. */
const canary = fc.constant(undefined).map(() => randomBytes(16).toString('hex'))

const LISTED = [
  'requestId',
  'method',
  'route',
  'reason',
  'outcome',
  'connector',
  'client',
  'upstreamError',
  'model',
  'kind',
  'epoch',
  'key',
  'reference',
  'host',
  'version',
  'signal',
  'migration',
  'status',
  'durationMs',
  'count',
  'port',
  'production',
  'error',
]
const INNOCENT = [
  'name',
  'email',
  'url',
  'query',
  'path',
  'message',
  'msg',
  'level',
  'time',
  'data',
  'err',
  'req',
]
const SECRET_LIKE = [
  'token',
  'code',
  'password',
  'secret',
  'authorization',
  'cookie',
  'id_token',
  'toJSON',
  '__proto__',
]
const anyKey = fc.oneof(fc.constantFrom(...LISTED, ...INNOCENT, ...SECRET_LIKE), fc.string())

/** Ways to hide a canary in a value. */
const hidden = (secret: string): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constantFrom<unknown>(
      secret,
      `a ${secret}`,
      `/callback?code=${secret}`,
      `https://a.example/cb?state=${secret}#${secret}`,
      `a\n${secret}`,
      `\u001b[31m${secret}`,
      [secret],
      { value: secret },
      new Map([[secret, secret]]),
      new URL(`https://a.example/${secret}`),
      Buffer.from(secret),
      Object.assign(Object.create(null), { [secret]: secret }),
      { toJSON: () => secret },
      { toString: () => secret },
      Symbol(secret),
      () => secret,
    ),
    hiddenInError(secret),
  )

const hiddenInError = (secret: string): fc.Arbitrary<unknown> =>
  fc.constantFrom<unknown>(
    new Error(secret),
    new TypeError(`x\n    at ${secret} (/${secret}/a.ts:1:1)`),
    new Error('outer', { cause: new Error(secret) }),
    new Error('outer', { cause: { body: secret } }),
    new AggregateError([new Error(secret)], secret),
    new BrokerError('upstream_invalid', { detail: secret, cause: new Error(secret) }),
    Object.assign(new Error('x'), {
      code: secret,
      name: secret,
      parameters: [secret],
      response: { body: secret },
    }),
    Object.assign(new Error('x'), { driverError: { detail: `Key (email)=(${secret})` }, query: secret }),
    Object.assign(new Error('x'), { stack: `Error: x\n    at ${secret} (file:///${secret}.ts:1:1)` }),
    Object.assign(new Error(secret), { message: 'changed since' }),
    Object.defineProperty(new Error('x'), 'cause', {
      get: () => {
        throw new Error(secret)
      },
    }),
  )

const fieldsWith = (secret: string) =>
  fc.array(fc.tuple(anyKey, hidden(secret)), { maxLength: 8 }).map((entries) => Object.fromEntries(entries))

const reduced = (error: unknown): unknown => {
  const { log, line } = listen()
  log.error('test_failed', { error })
  return line()['error']
}
const withCode = (error: Error, code: string) => Object.assign(error, { code })

describe('createLog()', () => {
  test('lets no canary out, under whatever key and in whatever value', () => {
    const given = canary.chain((secret) =>
      fc.tuple(fc.constant(secret), fieldsWith(secret), fieldsWith(secret)),
    )
    fc.assert(
      fc.property(given, ([secret, inherited, fields]) => {
        const { log, lines, text } = listen()
        log.child(careless(inherited)).error('test_failed', careless(fields))
        expect(lines.length).toBeLessThanOrEqual(1)
        expect(text()).not.toContain(secret)
      }),
      { numRuns: RUNS },
    )
  })

  test('finds a canary when one is let out, so that the property above means something', () => {
    const { log, text } = listen()
    log.info('test_done', { reason: 'c4n4ry' })
    expect(text()).toContain('c4n4ry')
  })

  test('writes one line of JSON whatever it is given', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(anyKey, fc.anything()), (code, fields) => {
        const { log, text } = listen()
        log.info(code, careless(fields))
        expect(text()).toMatch(/^\{[\x20-\x7e]*\}\n$/)
      }),
      { numRuns: RUNS },
    )
  })

  test('writes level, time, process, code and the fields', () => {
    const { log, line } = listen()
    log.warn('upstream_failed', {
      requestId: '5ec0ffee-0000-4000-8000-000000000001',
      method: 'GET',
      route: '/callback/:connector',
      connector: 'microsoft',
      upstreamError: 'invalid_grant',
      aadsts: 70_008,
      reference: '0a1b2c3d',
      production: true,
    })
    const { time, ...rest } = line()
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    expect(rest).toEqual({
      level: 'warn',
      pid: process.pid,
      code: 'upstream_failed',
      requestId: '5ec0ffee-0000-4000-8000-000000000001',
      method: 'GET',
      route: '/callback/:connector',
      connector: 'microsoft',
      upstreamError: 'invalid_grant',
      aadsts: 70_008,
      reference: '0a1b2c3d',
      production: true,
    })
  })

  test.each([
    ['a route with a query', { route: '/callback/google?code=abc' }],
    ['an e-mail address as a client', { client: 'dana@widgets.example' }],
    ['a name as a reason', { reason: 'Dana Reyes' }],
    ['a sentence as an outcome', { outcome: 'it went well.' }],
    ['a line break', { host: '127.0.0.1\nlevel' }],
    ['an escape sequence', { connector: '\u001b[2J' }],
    ['a token as an id', { requestId: 'Zx9_kQ2-Vb7Nm4_Lp1Rt8Yw3' }],
    ['a whole digest as a reference', { reference: '0a1b2c3d4e5f60718293a4b5c6d7e8f9' }],
    ['a number in quotes', { status: '200' }],
    ['a number that is none', { status: Number.NaN }],
    ['a flag that is a text', { production: 'true' }],
    ['an object', { client: { id: 'editor' } }],
    ['an unknown name', { email: 'dana' }],
  ])('drops %s', (_what, fields) => {
    const { log, line } = listen()
    log.info('test_done', careless(fields))
    expect(Object.keys(line())).toEqual(['level', 'time', 'pid', 'code'])
  })

  test.each(['Code', 'a b', '', 'a\nb', 'x'.repeat(200)])('writes no code but a fixed word: %j', (code) => {
    const { log, line } = listen()
    log.info(code)
    expect(line()['code']).toBe('unnamed')
  })

  test('is silent below its level', () => {
    const { log, lines } = listen('error')
    log.info('test_done')
    log.warn('test_done')
    expect(lines).toEqual([])
  })

  test('carries the fields of a child in each of its lines, unless the line says otherwise', () => {
    const { log, lines } = listen()
    const child = log.child({ connector: 'google', client: 'editor' })
    child.info('test_done')
    child.child({ client: 'desk' }).info('test_done', { connector: 'microsoft' })
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
      { connector: 'google', client: 'editor' },
      { connector: 'microsoft', client: 'desk' },
    ])
  })

  test('never throws, neither for a field nor for its destination', () => {
    const destination = {
      write: (): never => {
        throw new Error('the disk is full')
      },
    }
    expect(() => createLog({ level: 'info', destination }).info('test_done')).not.toThrow()
    const { log } = listen()
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('trap')
        },
      },
    )
    expect(() => log.info('test_done', trap)).not.toThrow()
  })
})

describe('An error in the log', () => {
  class QueryFailedError extends Error {}

  test('is its class, our code and where it was thrown', () => {
    expect(reduced(new BrokerError('upstream_invalid', { detail: 'shown' }))).toEqual({
      class: 'BrokerError',
      code: 'upstream_invalid',
      at: expect.arrayContaining([expect.stringMatching(/^test\/log\.test\.ts:\d+:\d+$/)]) as unknown,
    })
  })

  test('names the classes and codes of its causes', () => {
    const cause = new BrokerError('storage_unavailable', { cause: withCode(new Error('x'), 'ECONNREFUSED') })
    expect(reduced(new TypeError('x', { cause }))).toMatchObject({
      class: 'TypeError',
      cause: {
        class: 'BrokerError',
        code: 'storage_unavailable',
        cause: { class: 'Error', code: 'ECONNREFUSED' },
      },
    })
  })

  test('takes no line of a message for a place', () => {
    const message = `x\n    at dana (file://${join(import.meta.dirname, 'dana.ts')}:1:1)`
    expect(JSON.stringify(reduced(new Error(message)))).not.toContain('dana')
  })

  test('ends a chain of causes that has no end', () => {
    const error = new Error('x')
    error.cause = error
    expect(JSON.stringify(reduced(error)).length).toBeLessThan(2000)
  })

  test.each([
    ['a system error', withCode(new Error('x'), 'ENOSPC'), 'ENOSPC'],
    ['a refusal of Node', withCode(new TypeError('x'), 'ERR_INVALID_URL'), 'ERR_INVALID_URL'],
    ['an SQL state', withCode(new QueryFailedError('x'), '23505'), '23505'],
    ['an SQL state of no database', withCode(new Error('x'), '23505'), undefined],
    ['a text', withCode(new Error('x'), 'dana'), undefined],
    ["one of our codes in a stranger's error", withCode(new Error('x'), 'not_found'), undefined],
  ])('keeps or drops the code of %s', (_what, error, code) => {
    expect(reduced(error)).toMatchObject({ class: error.constructor.name })
    expect(JSON.stringify(reduced(error))).toEqual(
      code === undefined
        ? expect.not.stringContaining('"code"')
        : expect.stringContaining(`"code":"${code}"`),
    )
  })

  test.each([[null], ['a text'], [7], [{ message: 'a text' }]])(
    'is only its type when it is %j',
    (thrown) => {
      expect(reduced(thrown)).toEqual({ class: typeof thrown })
    },
  )
})
