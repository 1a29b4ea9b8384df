import { once } from 'node:events'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ResponseStream, type StreamingResult, withStreamingSession } from '../../adapters/platforms/lambda.ts'
import { type Session, type SessionOptions, SessionOptionsError, SessionUseError } from '../../src/index.ts'
import { eventOf } from '../lambda/gateway.ts'
import { type Any, kit, withData } from '../support/app.ts'

const globals = globalThis as { awslambda?: unknown }

/** As the runtime does it: the prelude goes out with the first write. */
const runtime = {
  streamifyResponse: <H>(handler: H): H => Object.assign(handler as object, { streams: true }) as H,
  HttpResponseStream: {
    from(stream: Sink, prelude: object) {
      stream.prelude = () => JSON.stringify(prelude)
      return stream
    },
  },
}

/** Collects what is written, in the order of time, among other things that are logged. */
class Sink extends Writable {
  readonly log: unknown[]
  prelude: (() => string) | undefined

  constructor(log: unknown[] = [], highWaterMark = 16_384) {
    super({ highWaterMark })
    this.log = log
  }

  override write(...given: unknown[]): boolean {
    if (this.prelude) this.log.push(JSON.parse(this.prelude()))
    this.prelude = undefined
    return (super.write as (...given: unknown[]) => boolean).apply(this, given)
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (chunk.length > 0) this.log.push(chunk.toString())
    setTimeout(done)
  }

  override _final(done: () => void): void {
    this.log.push('end')
    done()
  }
}

beforeEach(() => {
  globals.awslambda = runtime
})
afterEach(() => {
  delete globals.awslambda
})

/** One invocation; what went out, in order. */
async function invoke(
  answer: (session: Session<Any>) => Promise<StreamingResult>,
  {
    options = kit().options,
    cookie,
    sink = new Sink(),
  }: { options?: SessionOptions; cookie?: string; sink?: Sink } = {},
) {
  const handler = withStreamingSession(options, async (_event: object, session: Session<Any>) => answer(session))
  await handler(eventOf('function URL', { cookie }), sink as unknown as ResponseStream, {})
  if (!sink.closed) await once(sink, 'close')
  return sink.log
}

async function* pieces(...list: readonly string[]) {
  yield* list
}

describe('a streamed response', () => {
  it('begins after the commit, with the cookie, and ends after its last piece', async () => {
    const test = kit()
    const log = await invoke(
      async (session) => {
        session.set('user', 'bob')
        const body = async function* () {
          yield `created: ${test.store.calls.create}`
          yield 'and more'
        }
        return { statusCode: 200, headers: { 'Content-Type': 'text/plain' }, cookies: ['own=1'], body: body() }
      },
      { options: test.options },
    )
    expect(log).toEqual([
      {
        statusCode: 200,
        headers: { 'Content-Type': 'text/plain', 'cache-control': 'private, no-store', vary: 'Cookie' },
        cookies: [expect.stringMatching(/^__Host-sid=/), 'own=1'],
      },
      'created: 1',
      'and more',
      'end',
    ])
  })

  it.each<readonly [string, () => StreamingResult['body'], readonly string[]]>([
    ['a text', () => 'hello', ['hello']],
    ['bytes', () => new TextEncoder().encode('hello'), ['hello']],
    ['nothing', () => undefined, []],
    ['an empty text', () => '', []],
    ['a web stream', () => new Response('hello').body as ReadableStream<Uint8Array>, ['hello']],
    ['a web stream that cannot be iterated', () => withoutIterator('hel', 'lo'), ['hel', 'lo']],
    ['an iterator', () => pieces('hel', 'lo'), ['hel', 'lo']],
  ])('of %s', async (_, body, expected) => {
    const log = await invoke(async () => ({ statusCode: 200, body: body() }))
    expect(log).toEqual([{ statusCode: 200 }, ...expected, 'end'])
  })

  it('waits for a slow reader', async () => {
    const sink = new Sink([], 1)
    const ahead: number[] = []
    const body = async function* () {
      for (let piece = 1; piece <= 5; piece++) {
        ahead.push(sink.writableLength)
        yield `piece ${piece}`
      }
    }
    await invoke(async () => ({ statusCode: 200, body: body() }), { sink })
    expect(ahead).toEqual([0, 0, 0, 0, 0])
  })

  it('lets go of its body when the stream is closed under it', async () => {
    const sink = new Sink([], 1)
    let isReleased = false
    const body = async function* () {
      try {
        for (;;) {
          yield 'more'
          sink.destroy()
        }
      } finally {
        isReleased = true
      }
    }
    await invoke(async () => ({ statusCode: 200, body: body() }), { sink })
    expect(isReleased).toBe(true)
  })

  it('breaks off with the error of its body, and a late write is the usual one', async () => {
    const body = async function* (session: Session<Any>) {
      yield 'one'
      session.set('user', 'late')
    }
    const sink = new Sink()
    const done = invoke(
      async (session) => {
        session.set('user', 'bob')
        return { statusCode: 200, body: body(session) }
      },
      { sink },
    )
    await expect(done).rejects.toBeInstanceOf(SessionUseError)
    expect(sink.log).not.toContain('end')
  })

  it('reads in its body what was read before', async () => {
    const { test, user } = await withData()
    const body = async function* (session: Session<Any>) {
      yield `${await session.get('user')}`
    }
    const answer = async (session: Session<Any>) => {
      await session.get('cart')
      return { statusCode: 200, body: body(session) }
    }
    expect(await invoke(answer, { options: test.options, cookie: user.cookie ?? '' })).toContain('alice')
  })

  it('of an outage is a 503, whole', async () => {
    const { test, user } = await withData()
    test.failing.always('throw')
    const answer = async (session: Session<Any>) => ({ statusCode: 200, body: `${await session.get('user')}` })
    expect(await invoke(answer, { options: test.options, cookie: user.cookie ?? '' })).toEqual([
      { statusCode: 503, headers: expect.objectContaining({ 'retry-after': '1' }) },
      'Service Unavailable',
      'end',
    ])
  })
})

it('a bare result is refused, and its changes are dropped', async () => {
  const test = kit()
  const bare = async (session: Session<Any>) => {
    session.set('user', 'bob')
    return 'hello' as unknown as StreamingResult
  }
  await expect(invoke(bare, { options: test.options })).rejects.toThrow('must return an object with a statusCode')
  expect(test.store.roundTrips).toBe(0)
})

it('what the handler throws goes on to Lambda, and nothing is written', async () => {
  const sink = new Sink()
  await expect(invoke(() => Promise.reject(new Error('of the handler')), { sink })).rejects.toThrow('of the handler')
  expect(sink.log).toEqual([])
})

it('the handler is marked as one that streams', () => {
  expect(withStreamingSession(kit().options, async () => ({ statusCode: 204 }))).toHaveProperty('streams', true)
})

it.each([
  ['no global', undefined],
  ['a global without streaming', {}],
  ['half of it', { streamifyResponse: runtime.streamifyResponse }],
])('without a runtime that streams it is a typed error at once: %s', (_, found) => {
  globals.awslambda = found
  expect(() => withStreamingSession(kit().options, async () => ({ statusCode: 200 }))).toThrow(SessionOptionsError)
})

function withoutIterator(...list: readonly string[]): ReadableStream<string> {
  const stream = new ReadableStream<string>({
    start(controller) {
      for (const piece of list) controller.enqueue(piece)
      controller.close()
    },
  })
  return { getReader: () => stream.getReader() } as ReadableStream<string>
}
