import { afterEach, describe, expect, test, vi } from 'vitest'
import { createProbes } from '../../adapters/platforms/container/probes.ts'
import { createWork } from '../../adapters/platforms/container/work.ts'
import { type ContainerOptions, containerFromEnv, serveContainer } from '../../adapters/platforms/container.ts'
import { memoryStore } from '../../adapters/stores/memory.ts'
import type { Store } from '../../src/index.ts'

const secret = 'abcdefghijklmnopqrstuvwxyz0123456789'
const env = { SESSION_SECRET: secret, UPSTASH_REDIS_REST_URL: 'https://eu1.upstash.io', UPSTASH_REDIS_REST_TOKEN: 'T' }

afterEach(() => void vi.useRealTimers())

describe('containerFromEnv', () => {
  test('has defaults for all but the secret and the store', async () => {
    const { store, ...rest } = await containerFromEnv({ ...env, PORT: '', HOST: '' })
    expect(store.name).toBe('upstash')
    expect(rest).toEqual({ secret: [secret], port: 3000, hostname: undefined, drainSeconds: 0, stopSeconds: 4 })
  })

  test('takes what is set', async () => {
    const set = { PORT: '8080', HOST: '::1', DRAIN_SECONDS: '5', STOP_SECONDS: '20' }
    const config = await containerFromEnv({ ...env, ...set })
    expect(config).toMatchObject({ port: 8080, hostname: '::1', drainSeconds: 5, stopSeconds: 20 })
  })

  test.each([',', ' ', ', ', '\n'])(
    'secrets stand in order, separated by %j, and a line break at the end is none',
    async (by) => {
      const config = await containerFromEnv({ ...env, SESSION_SECRET: `${secret}${by}new-${secret}\n` })
      expect(config.secret).toEqual([secret, `new-${secret}`])
    },
  )

  test.each([
    ['PORT', '0'],
    ['PORT', '65536'],
    ['PORT', '3000.5'],
    ['PORT', 'tcp://10.0.0.1:80'],
    ['DRAIN_SECONDS', '-1'],
    ['DRAIN_SECONDS', '3601'],
    ['STOP_SECONDS', '0'],
    ['STOP_SECONDS', '4s'],
    ['SESSION_SECRET', ''],
    ['SESSION_SECRET', ' , '],
    ['SESSION_SECRET', 'tooshort'],
    ['SESSION_SECRET', `${secret},tooshort`],
    ['SESSION_SECRET', `${secret} ${secret}`],
    ['UPSTASH_REDIS_REST_URL', 'redis://tooshort'],
  ])('%s=%j is refused by name, without the value', async (name, value) => {
    const error = await containerFromEnv({ ...env, [name]: value }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'SessionOptionsError', message: expect.stringMatching(`^${name}\\b`) })
    if (value.length > 5) expect((error as Error).message).not.toContain(value)
    expect((error as Error).message).not.toContain('tooshort')
  })

  test('no store in production is refused, naming the variables', async () => {
    const refused = containerFromEnv({ SESSION_SECRET: secret, NODE_ENV: 'production' })
    await expect(refused).rejects.toThrow(/MEMCACHED_SERVERS/)
  })
})

describe('serveContainer', () => {
  const good: ContainerOptions = {
    fetch: () => new Response('ok'),
    store: memoryStore(),
    port: 0,
    hostname: '127.0.0.1',
  }

  test.each([
    [{ fetch: undefined }, 'fetch'],
    [{ store: undefined }, 'store'],
    [{ port: 65_536 }, 'port'],
    [{ port: '80' }, 'port'],
    [{ drainSeconds: -1 }, 'drainSeconds'],
    [{ stopSeconds: 0 }, 'stopSeconds'],
    [{ prot: 80 }, 'prot'],
  ])('refuses %j', async (wrong, name) => {
    const refused = serveContainer({ ...good, ...wrong } as unknown as ContainerOptions)
    await expect(refused).rejects.toMatchObject({ name: 'SessionOptionsError', message: expect.stringContaining(name) })
  })

  test('serves, stops once however often it is told to, and closes the store even where that hangs', async () => {
    const close = vi.fn(() => new Promise<void>(() => {}))
    const container = await serveContainer({ ...good, store: { ...memoryStore(), close } })
    const url = `http://127.0.0.1:${container.port}`
    expect(await (await fetch(url)).text()).toBe('ok')
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: true, nodes: [{ node: 'memory' }] })
    const stopped = container.stop()
    expect(container.stop()).toBe(stopped)
    expect(await stopped).toBe(true)
    expect(close).toHaveBeenCalledTimes(1)
    await expect(fetch(url)).rejects.toThrow()
  })

  test('a port that is taken rejects', async () => {
    const container = await serveContainer(good)
    await expect(serveContainer({ ...good, port: container.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await container.stop()
  })
})

describe('probes', () => {
  const request = (path: string) => new Request(`http://pod${path}`)
  const withCheck = (check: Store['check']): Store => ({ ...memoryStore(), ...(check && { check }) })
  const bodyOf = async (answer: Response | Promise<Response> | undefined) => {
    const response = await answer
    return [response?.status, await response?.json()]
  }

  test('many that ask at once are one check, and the next ones another', async () => {
    const check = vi.fn(async () => ({ ready: true, nodes: [] }))
    const probe = createProbes(withCheck(check), () => false)
    await Promise.all(Array.from({ length: 100 }, () => probe(request('/readyz'))))
    expect(check).toHaveBeenCalledTimes(1)
    await probe(request('/readyz'))
    expect(check).toHaveBeenCalledTimes(2)
  })

  test('a check that hangs, throws or rejects is not ready', async () => {
    vi.useFakeTimers()
    const hanging = createProbes(
      withCheck(() => new Promise(() => {})),
      () => false,
    )
    const answer = hanging(request('/readyz'))
    await vi.advanceTimersByTimeAsync(1000)
    expect(await bodyOf(answer)).toEqual([503, { ready: false, stopping: false, nodes: [] }])
    const rejecting = createProbes(
      withCheck(async () => Promise.reject(new Error('SECRET'))),
      () => false,
    )
    expect(await bodyOf(rejecting(request('/readyz')))).toEqual([503, { ready: false, stopping: false, nodes: [] }])
    const throwing = createProbes(
      withCheck(() => {
        throw new Error('SECRET')
      }),
      () => false,
    )
    expect(await bodyOf(throwing(request('/readyz')))).toEqual([503, { ready: false, stopping: false, nodes: [] }])
  })

  test('a store without a check is ready until the stop begins', async () => {
    let isStopping = false
    const { check, ...store } = memoryStore()
    const probe = createProbes(store, () => isStopping)
    expect(await bodyOf(probe(request('/readyz')))).toEqual([200, { ready: true, stopping: false, nodes: [] }])
    isStopping = true
    expect(await bodyOf(probe(request('/readyz')))).toEqual([503, { ready: false, stopping: true, nodes: [] }])
    expect(await bodyOf(probe(request('/livez')))).toEqual([200, { alive: true }])
  })

  test('a stop that begins during the check counts', async () => {
    let isStopping = false
    const probe = createProbes(
      withCheck(async () => {
        isStopping = true
        return { ready: true, nodes: [] }
      }),
      () => isStopping,
    )
    expect((await probe(request('/readyz')))?.status).toBe(503)
  })
})

describe('/metrics', () => {
  const text = '# TYPE a counter\na 1\n'
  const good = { fetch: () => new Response('ok'), store: memoryStore(), port: 0, hostname: '127.0.0.1' }
  const get = (port: number, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`http://127.0.0.1:${port}/metrics`, { headers, method })

  test('gives what `metrics` gives, in the form of Prometheus, to those who stand beside the container', async () => {
    const container = await serveContainer({ ...good, metrics: async () => text })
    const answer = await get(container.port)
    expect([answer.status, await answer.text()]).toEqual([200, text])
    expect(answer.headers.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    const through = await get(container.port, { 'X-Forwarded-For': '203.0.113.7' })
    expect([through.status, await through.text()]).toEqual([404, ''])
    expect(await (await get(container.port, {}, 'POST')).text()).toBe('ok')
    await container.stop()
  })

  test('that fails is a 503 without a word of why', async () => {
    const container = await serveContainer({ ...good, metrics: () => Promise.reject(new Error('SECRET')) })
    const answer = await get(container.port)
    expect([answer.status, await answer.text()]).toEqual([503, ''])
    await container.stop()
  })

  test('belongs to the application where there is no telemetry', async () => {
    const container = await serveContainer(good)
    expect(await (await get(container.port)).text()).toBe('ok')
    await container.stop()
    await expect(serveContainer({ ...good, metrics: text as never })).rejects.toThrow('metrics')
  })
})

describe('answers while stopping', () => {
  const run = async (answer: () => Response | Promise<Response>) => createWork(() => true).run(answer)

  test('close their connection, also where headers cannot be changed', async () => {
    for (const answer of [new Response('text', { status: 201 }), Response.redirect('http://a/', 303)]) {
      const { status, body } = answer
      const closing = await run(async () => answer)
      expect([closing.status, closing.headers.get('Connection')]).toEqual([status, 'close'])
      expect(await closing.text()).toBe(body ? 'text' : '')
    }
    expect((await run(() => new Response(null, { status: 304 }))).headers.get('Connection')).toBe('close')
  })

  test('keep each of several cookies', async () => {
    const answer = new Response('', {
      headers: [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ],
    })
    expect((await run(() => answer)).headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  test('what fails is handed on, and is not waited for any longer', async () => {
    const work = createWork(() => false)
    await expect(work.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await work.done()
  })
})
