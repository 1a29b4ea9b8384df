import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { busyness, stretched } from '../support/own-time.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { type Bundle, bundle, type Container, runtimes, startContainer } from './container/processes.ts'

/** Repeats until it holds; the real server owns the clock. What never holds shows after a minute, so that its value is seen. */
async function until<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 60_000; ; ) {
    const value = await look()
    if (holds(value) || Date.now() > deadline) return value
    await new Promise((wait) => setTimeout(wait, 50))
  }
}

const post = (cookie: string | undefined) => ({ method: 'POST', headers: cookie === undefined ? {} : { cookie } })

describe.each(runtimes)('a container on $name', ({ command, isHere }) => {
  let app: Bundle
  let nodes: readonly TestServer[]
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    app = await bundle('test/platforms/container/app.ts')
    nodes = await Promise.all([startMemcached(), startMemcached()])
    env = { MEMCACHED_SERVERS: nodes.map(({ address }) => address).join(',') }
  })
  afterAll(async () => {
    await Promise.all(nodes?.map((node) => node.stop()))
    await app?.[Symbol.asyncDispose]()
  })
  const start = (more: NodeJS.ProcessEnv = {}) => startContainer(command, app.file, { ...env, ...more })
  const working = (container: Container, count: number) =>
    until(
      () => container.ask('/working'),
      ({ text }) => text === `${count}`,
    )
  /** A busy machine is given time to finish; what delays the stop shows by how long it takes. */
  const patient = { STOP_SECONDS: '60' }
  /** Seconds until it has ended, and its exit code. */
  const stopping = async (container: Container) => {
    const start = Date.now()
    container.signal('SIGTERM')
    const { code, errors } = await container.ended
    return { seconds: (Date.now() - start) / 1000, code, errors }
  }

  test.skipIf(!isHere)('R38: SIGTERM with 50 requests in flight: all 50 are answered and committed', async () => {
    await using container = await start(patient)
    const sessions = await Promise.all(
      Array.from({ length: 50 }, () => container.ask('/append/first/0', post(undefined))),
    )
    const cookies = sessions.map(({ cookie }) => cookie)
    const answers = cookies.map((cookie) => container.ask('/append/last/told', post(cookie)))
    expect((await working(container, 50)).text).toBe('50')

    const { code, seconds, errors } = await stopping(container)
    expect((await Promise.all(answers)).map(({ status, text }) => `${status} ${text}`)).toEqual(
      Array.from({ length: 50 }, () => '200 appended'),
    )
    expect([code, errors]).toEqual([0, ''])
    expect(seconds).toBeLessThan(stretched(5))

    await using next = await start()
    const lists = await Promise.all(cookies.map((cookie) => next.ask('/list', { headers: { cookie } })))
    expect(lists.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, () => '["first","last"]'))
  })

  test.skipIf(!isHere)('what a client that hung up has started is committed all the same', async () => {
    await using container = await start(patient)
    const { cookie } = await container.ask('/append/first/0', post(undefined))
    const socket = connect(container.port, '127.0.0.1')
    socket.write(`POST /append/last/told HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\nContent-Length: 0\r\n\r\n`)
    await working(container, 1)
    socket.destroy()
    expect(await stopping(container)).toMatchObject({ code: 0 })
    await using next = await start()
    expect((await next.ask('/list', { headers: { cookie: cookie ?? '' } })).text).toBe('["first","last"]')
  })

  test.skipIf(!isHere)('connections without a request do not delay the stop', async () => {
    await using container = await start(patient)
    const complete = 'GET /list HTTP/1.1\r\nHost: a\r\n\r\n'
    const open = async (text: string): Promise<Socket> => {
      const socket = connect(container.port, '127.0.0.1')
      socket.on('error', () => {}).resume()
      await once(socket, 'connect')
      socket.write(text)
      if (text.startsWith(complete)) await once(socket, 'data')
      return socket
    }
    const sockets = await Promise.all(['', 'GET /list HTTP/1.1\r\nHos', complete, `${complete}GET /li`].map(open))
    const streamed = container.ask('/stream/told')
    // One more round trip, so that the stream has begun.
    await container.ask('/working')
    const { code, seconds } = await stopping(container)
    expect(await streamed).toMatchObject({ status: 200, text: 'first,last' })
    expect(code).toBe(0)
    expect(seconds).toBeLessThan(stretched(4))
    for (const socket of sockets) socket.destroy()
  })

  test.skipIf(!isHere)('while it finishes it takes nobody new', async () => {
    await using container = await start(patient)
    const answer = container.ask('/append/item/told', post(undefined))
    await working(container, 1)
    const ended = stopping(container)
    const refused = () =>
      container.ask('/livez', { agent: false }).then(
        ({ status }) => `${status}`,
        ({ code }) => code,
      )
    // Whoever is being taken as the door closes is reset.
    expect(await until(refused, (code) => !['200', 'ECONNRESET'].includes(`${code}`))).toBe('ECONNREFUSED')
    expect(await answer).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect(await ended).toMatchObject({ code: 0 })
  })

  test.skipIf(!isHere)('while it drains it is alive and not ready, and asks for another connection', async () => {
    const drain = 2 * busyness()
    await using container = await start({ ...patient, DRAIN_SECONDS: `${drain}` })
    const before = await container.ask('/readyz')
    expect([before.status, before.headers.connection ?? 'keep-alive']).toEqual([200, 'keep-alive'])
    const ended = stopping(container)
    const draining = await until(
      () => container.ask('/readyz'),
      ({ status }) => status !== 200,
    )
    expect(JSON.parse(draining.text)).toMatchObject({ ready: false, stopping: true })
    expect(await container.ask('/livez')).toMatchObject({ status: 200, headers: { connection: 'close' } })
    const answer = await container.ask('/append/item/0', post(undefined))
    expect(answer).toMatchObject({ status: 200, headers: { connection: 'close' }, cookie: expect.any(String) })
    const { code, seconds } = await ended
    expect(code).toBe(0)
    expect(seconds).toBeGreaterThan(drain - 0.1)
  })

  test.skipIf(!isHere)('what does not finish in time is cut, and the exit code says so', async () => {
    await using container = await start({ STOP_SECONDS: '1' })
    const cut = expect(container.ask('/append/item/60000', post(undefined))).rejects.toThrow()
    await working(container, 1)
    const { code, seconds } = await stopping(container)
    expect(code).toBe(1)
    expect(seconds).toBeLessThan(stretched(5))
    await cut
  })

  test.skipIf(!isHere)('a second signal ends it at once', async () => {
    await using container = await start({ STOP_SECONDS: '60' })
    const cut = expect(container.ask('/append/item/60000', post(undefined))).rejects.toThrow()
    await working(container, 1)
    container.signal('SIGINT')
    await until(
      () =>
        container.ask('/livez', { agent: false }).then(
          () => '',
          ({ code }) => code,
        ),
      (code) => code !== '',
    )
    container.signal('SIGTERM')
    expect((await container.ended).code).toBe(1)
    await cut
  })

  test.skipIf(!isHere)('/readyz follows the store, /livez does not', async () => {
    await using container = await start()
    const ready = async () => {
      const { status, text, headers } = await container.ask('/readyz')
      return { status, body: JSON.parse(text), cache: headers['cache-control'] }
    }
    const up = (node: TestServer, isUp: boolean) => expect.objectContaining({ node: node.address, up: isUp })
    const well = { ready: true, stopping: false, nodes: nodes.map((node) => up(node, true)) }
    expect(await ready()).toEqual({ status: 200, body: well, cache: 'no-store' })
    expect(await container.ask('/readyz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })

    await Promise.all(nodes.map((node) => node.stop()))
    const down = { ready: false, stopping: false, nodes: nodes.map((node) => up(node, false)) }
    expect(await until(ready, ({ status }) => status === 503)).toEqual({ status: 503, body: down, cache: 'no-store' })
    expect(await container.ask('/livez')).toMatchObject({ status: 200, text: '{"alive":true}' })
    expect((await container.ask('/append/item/0', post(undefined))).status).toBe(503)

    await Promise.all(nodes.map((node) => node.restart()))
    expect(await until(ready, ({ status }) => status === 200)).toMatchObject({ status: 200, body: { ready: true } })
  })

  test.skipIf(!isHere)('a store that hangs is not ready, within the second and a half that a probe waits', async () => {
    await using container = await start()
    for (const node of nodes) node.signal('SIGSTOP')
    const start0 = Date.now()
    const answer = await container.ask('/readyz')
    const tookMs = Date.now() - start0
    for (const node of nodes) node.signal('SIGCONT')
    expect(answer.status).toBe(503)
    expect(tookMs).toBeLessThan(stretched(2500))
    expect(
      await until(
        () => container.ask('/readyz'),
        ({ status }) => status === 200,
      ),
    ).toMatchObject({ status: 200 })
  })

  test.skipIf(!isHere)(
    'who comes through a proxy learns no address, and other methods and paths are the app',
    async () => {
      await using container = await start()
      for (const name of ['X-Forwarded-For', 'Forwarded', 'Via']) {
        const { status, text } = await container.ask('/readyz', { headers: { [name]: 'for=192.0.2.1' } })
        expect([status, text]).toEqual([200, '{"ready":true}'])
      }
      expect((await container.ask('/readyz', { method: 'POST' })).status).toBe(404)
      for (const path of ['/api/readyz', '/api/livez', '/livez/', '/?/livez'])
        expect((await container.ask(path)).status).toBe(404)
    },
  )

  test.skipIf(!isHere)('what is wrong with the environment is one line that names the variable', async () => {
    const failing = async (more: NodeJS.ProcessEnv) => {
      await using container = await start(more)
      return container.ended
    }
    const short = 'a secret that'
    expect(await failing({ PORT: 'http' })).toEqual({
      code: 1,
      errors: 'PORT must be a whole number from 1 to 65535\n',
    })
    expect(await failing({ SESSION_SECRET: '' })).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^SESSION_SECRET is missing.*\n$/),
    })
    const { errors } = await failing({ SESSION_SECRET: short })
    expect(errors).toMatch(/^SESSION_SECRET.*32.*\n$/)
    expect(errors).not.toContain('that')
    expect(await failing({ MEMCACHED_SERVERS: 'a:b' })).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^MEMCACHED_SERVERS: .*\n$/),
    })
    const taken = `${nodes[0]?.port}`
    expect(await failing({ PORT: taken })).toEqual({ code: 1, errors: 'PORT cannot be listened on (EADDRINUSE)\n' })
  })
})

test('without @hono/node-server Node says what to install', async () => {
  await using app = await bundle('test/platforms/container/app.ts', ['@hono/node-server'])
  await using container = await startContainer(process.execPath, app.file, {})
  const { code, errors } = await container.ended
  expect(code).toBe(1)
  expect(errors).toContain('npm install @hono/node-server')
})
