import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { storeFromEnv as StoreFromEnv } from '../../adapters/platforms/env.ts'

const memcachedStore = vi.hoisted(() => vi.fn((_options: unknown) => ({ name: 'memcached' })))
const lookups = vi.hoisted(() => ({
  dnsServers: vi.fn((name: string) => `by address: ${name}`),
  srvServers: vi.fn((name: string) => `by record: ${name}`),
}))
vi.mock('../../adapters/stores/memcached/index.ts', () => ({ memcachedStore, ...lookups }))

const upstash = { UPSTASH_REDIS_REST_URL: 'https://eu1.upstash.io', UPSTASH_REDIS_REST_TOKEN: 'SECRET-TOKEN' }

let storeFromEnv: typeof StoreFromEnv
beforeEach(async () => {
  // It warns once per process: every test is a new one.
  vi.resetModules()
  memcachedStore.mockClear()
  storeFromEnv = (await import('../../adapters/platforms/env.ts')).storeFromEnv
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const refusal = async (env: Record<string, string | undefined>) => {
  const error = await storeFromEnv(env).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ name: 'SessionOptionsError', code: 'invalid-options' })
  return (error as Error).message
}

describe('memcached', () => {
  test.each([
    ['10.0.0.1:11211', ['10.0.0.1:11211']],
    ['a:1,b:2', ['a:1', 'b:2']],
    [' a:1, b:2 \n c:3,', ['a:1', 'b:2', 'c:3']],
  ])('%j names the servers', async (list, servers) => {
    expect((await storeFromEnv({ MEMCACHED_SERVERS: list })).name).toBe('memcached')
    expect(memcachedStore.mock.calls).toEqual([[{ servers }]])
  })

  test.each([
    ['dns:memcached.default.svc.cluster.local:11211', 'by address: memcached.default.svc.cluster.local:11211'],
    [' dns:memcached\n', 'by address: memcached'],
    ['srv:_memcached._tcp.example.com', 'by record: _memcached._tcp.example.com'],
  ])('%j is a name to look up', async (name, servers) => {
    expect((await storeFromEnv({ MEMCACHED_SERVERS: name })).name).toBe('memcached')
    expect(memcachedStore.mock.calls).toEqual([[{ servers }]])
  })

  test('a name to look up stands alone', async () => {
    for (const list of ['dns:a,dns:b', 'a:1 srv:b', 'dns:a b:1']) {
      expect(await refusal({ MEMCACHED_SERVERS: list })).toBe('MEMCACHED_SERVERS: a name to look up stands alone')
    }
    expect(memcachedStore).not.toHaveBeenCalled()
  })

  test('what the store refuses names the variable', async () => {
    const { SessionOptionsError } = await import('../../src/errors.ts')
    memcachedStore.mockImplementationOnce(() => {
      throw new SessionOptionsError('servers[0] is not a server')
    })
    expect(await refusal({ MEMCACHED_SERVERS: 'a:b' })).toBe('MEMCACHED_SERVERS: servers[0] is not a server')
    const url = await refusal({ ...upstash, UPSTASH_REDIS_REST_URL: 'redis://SECRET' })
    expect(url).toMatch(/^UPSTASH_REDIS_REST_URL and _TOKEN: .*https/)
    expect(url).not.toContain('SECRET')
  })

  test('wins over upstash, in production too, and takes a user', async () => {
    const user = { MEMCACHED_USERNAME: 'me', MEMCACHED_PASSWORD: 'pw' }
    await storeFromEnv({ ...upstash, ...user, MEMCACHED_SERVERS: 'a:1', NODE_ENV: 'production' })
    expect(memcachedStore.mock.calls).toEqual([[{ servers: ['a:1'], username: 'me', password: 'pw' }]])
  })

  test('half a login or a list of nothing is refused', async () => {
    const servers = { MEMCACHED_SERVERS: 'a:1' }
    expect(await refusal({ ...servers, MEMCACHED_USERNAME: 'me' })).toContain('MEMCACHED_PASSWORD is missing')
    expect(await refusal({ ...servers, MEMCACHED_PASSWORD: 'SECRET' })).toContain('MEMCACHED_USERNAME is missing')
    expect(await refusal({ ...servers, MEMCACHED_PASSWORD: 'SECRET' })).not.toContain('SECRET')
    expect(await refusal({ MEMCACHED_SERVERS: ' , ' })).toContain('MEMCACHED_SERVERS')
    expect(memcachedStore).not.toHaveBeenCalled()
  })

  test.each([
    [{ MEMCACHED_TLS: 'true' }, { tls: true }],
    [
      { MEMCACHED_TLS: '1', MEMCACHED_REPLICAS: '3' },
      { tls: true, replicas: 3 },
    ],
    [{ MEMCACHED_TLS: 'false' }, {}],
    [{ MEMCACHED_TLS: '0', MEMCACHED_REPLICAS: '' }, {}],
    [{ MEMCACHED_SERVERNAME: 'cache.example' }, { tls: { servername: 'cache.example' } }],
  ])('takes %j', async (variables, options) => {
    await storeFromEnv({ MEMCACHED_SERVERS: 'a:1', ...variables })
    expect(memcachedStore.mock.calls).toEqual([[{ servers: ['a:1'], ...options }]])
  })

  test.each([
    [{ MEMCACHED_TLS: 'yes' }, 'MEMCACHED_TLS must be true or false'],
    [{ MEMCACHED_TLS: 'false', MEMCACHED_CA: 'x' }, 'MEMCACHED_CA is set, but MEMCACHED_TLS says that there is no TLS'],
    [{ MEMCACHED_CERT: 'x' }, 'MEMCACHED_CERT is set but MEMCACHED_KEY is missing'],
    [{ MEMCACHED_CA: '-----BEGIN SECRET' }, 'MEMCACHED_CA holds no certificate in PEM that can be read'],
    [{ MEMCACHED_REPLICAS: '0' }, 'MEMCACHED_REPLICAS must be a whole number from 1 to 8'],
    [{ MEMCACHED_REPLICAS: 'two' }, 'MEMCACHED_REPLICAS must be a whole number from 1 to 8'],
  ])('%j is refused', async (variables, message) => {
    expect(await refusal({ MEMCACHED_SERVERS: 'a:1', ...variables })).toBe(message)
    expect(memcachedStore).not.toHaveBeenCalled()
  })

  test('what only it can want is refused without servers, and what the store says of it is said of the variable', async () => {
    for (const name of ['TLS', 'CA', 'REPLICAS', 'USERNAME', 'SERVERNAME'])
      expect(await refusal({ ...upstash, [`MEMCACHED_${name}`]: '1' })).toBe(
        `MEMCACHED_${name} is set but MEMCACHED_SERVERS is missing`,
      )
    const { SessionOptionsError } = await import('../../src/errors.ts')
    const said = {
      'replicas must not exceed the number of servers': 'MEMCACHED_REPLICAS must not exceed the number of servers',
      'option tls.servername must be a name': 'MEMCACHED_SERVERNAME must be a name',
      'option tls.key must be the key to tls.cert, in PEM': 'MEMCACHED_KEY must be the key to MEMCACHED_CERT, in PEM',
    }
    for (const [message, variable] of Object.entries(said)) {
      memcachedStore.mockImplementationOnce(() => {
        throw new SessionOptionsError(message)
      })
      expect(await refusal({ MEMCACHED_SERVERS: 'a:b' })).toBe(variable)
    }
  })

  test('is refused on Workers, naming Upstash', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    expect(await refusal({ MEMCACHED_SERVERS: 'a:1' })).toContain('UPSTASH_REDIS_REST_URL')
    expect(memcachedStore).not.toHaveBeenCalled()
    expect((await storeFromEnv(upstash)).name).toBe('upstash')
  })
})

describe('upstash', () => {
  test('is taken where both variables are set, without a warning', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    expect((await storeFromEnv({ ...upstash, MEMCACHED_SERVERS: '' })).name).toBe('upstash')
    expect((await storeFromEnv({ ...upstash, NODE_ENV: 'production' })).name).toBe('upstash')
    expect(warning).not.toHaveBeenCalled()
  })

  test.each(['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN'])('without %s it is refused', async (missing) => {
    for (const value of [undefined, '']) {
      const message = await refusal({ ...upstash, [missing]: value })
      expect(message).toContain(`${missing} is missing`)
      expect(message).not.toContain('SECRET-TOKEN')
    }
  })
})

describe('the names of Vercel', () => {
  const kv = { KV_REST_API_URL: 'https://eu1.upstash.io', KV_REST_API_TOKEN: 'SECRET-TOKEN' }

  test('are another spelling of the same', async () => {
    expect((await storeFromEnv({ ...kv, KV_URL: 'rediss://a:1', REDIS_URL: 'rediss://a:1' })).name).toBe('upstash')
    expect((await storeFromEnv({ ...kv, ...upstash })).name).toBe('upstash')
    expect(await refusal({ ...kv, KV_REST_API_URL: 'redis://SECRET' })).toMatch(/^KV_REST_API_URL and _TOKEN: .*https/)
  })

  test('half of them, or two databases, are refused by name', async () => {
    const readOnly = { KV_REST_API_URL: kv.KV_REST_API_URL, KV_REST_API_READ_ONLY_TOKEN: 'SECRET-TOKEN' }
    expect(await refusal(readOnly)).toBe('KV_REST_API_URL is set but KV_REST_API_TOKEN is missing')
    expect(await refusal({ ...kv, KV_REST_API_URL: '' })).toBe(
      'KV_REST_API_TOKEN is set but KV_REST_API_URL is missing',
    )
    expect(await refusal({ ...kv, ...upstash, KV_REST_API_URL: 'https://eu2.upstash.io' })).toBe(
      'UPSTASH_REDIS_REST_URL and KV_REST_API_URL name two databases: set one of them',
    )
  })
})

describe('redis', () => {
  test.each([
    ['10.0.0.1:6379', {}, 'REDIS_URL must be redis://host:port or rediss://host:port'],
    ['https://eu1.upstash.io', {}, 'REDIS_URL must be redis://host:port or rediss://host:port'],
    ['redis://', {}, 'REDIS_URL must be redis://host:port or rediss://host:port'],
    ['redis://a:1', { REDIS_CA: 'x' }, 'REDIS_CA is set, but REDIS_URL begins with redis://: write rediss:// for TLS'],
    ['rediss://a:1', { REDIS_CERT: 'x' }, 'REDIS_CERT is set but REDIS_KEY is missing'],
    ['', { REDIS_CA: 'x' }, 'REDIS_CA is set but REDIS_URL is missing'],
    ['rediss://a:1', { REDIS_CA: '/nowhere.pem' }, /^REDIS_CA is neither PEM nor .* file that can be read \(ENOENT\)$/],
    ['rediss://a:1', { REDIS_CA: '-----BEGIN SECRET' }, 'REDIS_CA holds no certificate in PEM that can be read'],
    [
      'rediss://a:1',
      { REDIS_CERT: '-----BEGIN SECRET', REDIS_KEY: '-----BEGIN SECRET' },
      'REDIS_CERT holds no certificate in PEM that can be read',
    ],
  ])('REDIS_URL=%j with %j is refused', async (url, more, message) => {
    const said = await refusal({ REDIS_URL: url, ...more })
    if (typeof message === 'string') expect(said).toBe(message)
    else expect(said).toMatch(message)
    expect(said).not.toContain('SECRET')
  })

  test('is refused on Workers, naming Upstash', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    expect(await refusal({ REDIS_URL: 'redis://a:1' })).toBe(
      'REDIS_URL does not work on Workers: set UPSTASH_REDIS_REST_URL and _TOKEN',
    )
  })
})

describe('memory', () => {
  test('is the last choice, with one warning', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    expect((await storeFromEnv({})).name).toBe('memory')
    expect((await storeFromEnv({ NODE_ENV: 'development' })).name).toBe('memory')
    expect(warning.mock.calls).toEqual([[expect.stringContaining('memory'), { code: 'CLAIMCHECK_MEMORY' }]])
  })

  test('warns on the console where processes have no warnings', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    vi.stubGlobal('process', undefined)
    const store = await storeFromEnv({})
    await storeFromEnv({})
    vi.unstubAllGlobals()
    expect(store.name).toBe('memory')
    expect(warn.mock.calls).toEqual([[expect.stringContaining('memory')]])
  })

  test('is refused in production', async () => {
    expect(await refusal({ NODE_ENV: 'production' })).toContain('MEMCACHED_SERVERS')
  })
})
