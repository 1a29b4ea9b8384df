import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseServers } from '../../adapters/stores/memcached/address.ts'
import { clusterServers, type MemcachedOptions, memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import { createAuthority } from '../support/certificates.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
})

describe('options', () => {
  const refused = (options: unknown) => {
    try {
      memcachedStore(options as MemcachedOptions)
    } catch (error) {
      expect(error).toBeInstanceOf(SessionOptionsError)
      return (error as Error).message
    }
    throw new Error('accepted')
  }

  test('servers are required, whatever the environment says', () => {
    vi.stubEnv('MEMCACHE_SERVERS', '127.0.0.1:11211')
    vi.stubEnv('MEMCACHIER_SERVERS', '127.0.0.1:11211')
    for (const options of [{}, { servers: undefined }, { servers: [] }, { servers: 'a:1' }])
      expect(refused(options)).toContain('servers')
    expect(refused(undefined)).toContain('options')
    expect(refused(null)).toContain('options')
  })

  test.each([
    ...[
      '',
      ':11211',
      'a:',
      'a:0',
      'a:65536',
      'a:1x',
      'a:-1',
      'a b',
      'a:1, b:2',
      'user:pw@a:1',
      '::1',
      '[::1',
      '[::g]:1',
    ],
    ...['[a]:1', 'http://a', '10.0.0.256', 'a/b', '-a', '/', '/\0', `/${'x'.repeat(120)}`, 7, null, undefined, {}],
    ...[{ host: 7 }, { host: 'a', port: '1' }, { host: 'a', port: 0 }, { host: 'a', port: 1.5 }, { host: 'a:1' }],
    ...[{ host: '/a.sock', port: 1 }, { host: 'a', weight: 0 }, { host: 'a', weight: 1.5 }, { host: '' }],
  ])('server %j is refused, by its position', (server) => {
    const message = refused({ servers: ['good:1', server] })
    expect(message).toContain('servers[1]')
    expect(message).not.toContain('pw')
  })

  test('the same server twice is refused, however it is spelled', () => {
    for (const servers of [
      ['a', 'a:11211'],
      ['a', 'A'],
      ['[::1]', { host: '::1' }],
      ['/a', { host: '/a' }],
      // One server under two names (F29): both copies of a session would lie on it.
      ['[::1]', '[0:0:0:0:0:0:0:1]'],
      ['[::1]', '[0::0001]'],
      ['127.0.0.1', '[::ffff:127.0.0.1]'],
      ['127.0.0.1', '[::ffff:7f00:1]'],
      ['[FE80::1%eth0]', '[fe80:0::1%eth0]'],
      ['cache', 'cache.'],
      ['cache.example', 'Cache.Example.:11211'],
    ])
      expect(refused({ servers })).toContain('servers[1]')
  })

  test('good servers are accepted in every spelling', () => {
    const servers = ['a', 'b.c_d-e:1', '10.0.0.1:2', '[::1]', '[FE80::1]:3', '/run/mc.sock', { host: 'x', weight: 2 }]
    expect(parseServers([...servers, { host: '::2', port: 4 }]).map(({ node }) => node)).toEqual([
      ...['a:11211', 'b.c_d-e:1', '10.0.0.1:2', '[::1]:11211', '[fe80::1]:3', '/run/mc.sock', 'x:11211', '[::2]:4'],
    ])
  })

  test('one server has one name, and is drawn into the ring by it; a name with a dot is connected to as it is (F29)', () => {
    expect(parseServers(['[0:0:0:0:0:0:0:1]:1', '[::FFFF:10.0.0.1]', 'Cache.:3', '[fe80::1%Eth0]', '[::2%a]'])).toEqual(
      [
        { node: '[::1]:1', host: '::1', port: 1 },
        { node: '10.0.0.1:11211', host: '10.0.0.1', port: 11_211 },
        { node: 'cache:3', host: 'cache', dial: 'cache.', port: 3 },
        { node: '[fe80::1%Eth0]:11211', host: 'fe80::1%Eth0', port: 11_211 },
        { node: '[::2%a]:11211', host: '::2%a', port: 11_211 },
      ],
    )
  })

  test('TLS material that no connection could use is refused when the store is built (F26)', () => {
    using authority = createAuthority()
    const { cert, key } = authority.issue('DNS:a')
    const { key: other } = authority.issue('DNS:b')
    const broken = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
    for (const [name, tls] of [
      ...['garbage', '', broken, `${authority.ca}${broken}`, [], [authority.ca, 'garbage'], 7, key].map((ca) => [
        'tls.ca',
        { ca },
      ]),
      ...['garbage', broken, 7].map((one) => ['tls.cert', { cert: one, key }]),
      ...['garbage', other, cert, 7].map((one) => ['tls.key', { cert, key: one }]),
      ['tls.key', { cert }],
      ['tls.cert', { key }],
      ...['', 7].map((servername) => ['tls.servername', { servername }]),
    ] as [string, object][]) {
      const message = refused({ servers: ['a'], tls })
      expect(message).toContain(name)
      expect(message).not.toMatch(/garbage|MIIB/)
      expect(() => clusterServers('a:1', { tls })).toThrow(SessionOptionsError)
    }
    memcachedStore({ servers: ['a'], tls: { ca: [authority.ca, new TextEncoder().encode(authority.ca)], cert, key } })
  })

  test('unknown names, half credentials and nonsense times are refused by name', () => {
    const servers = ['a']
    for (const name of ['protocol', 'hash', 'tls', 'server', 'connections'])
      expect(refused({ servers, [name]: 1 })).toContain(name)
    expect(refused({ servers, tls: { rejectUnauthorized: false } })).toContain('tls.rejectUnauthorized')
    expect(refused({ servers, tls: true, protocol: 'binary' })).toContain('tls')
    expect(refused({ servers, previousServers: [] })).toContain('servers')
    for (const replicas of [0, 1.5, 9, 2, '1']) expect(refused({ servers, replicas })).toContain('replicas')
    for (const giveUpSeconds of [0, 0.5, 86_401]) expect(refused({ servers, giveUpSeconds })).toContain('giveUpSeconds')
    expect(refused({ servers, username: 'bob' })).toContain('password')
    expect(refused({ servers, password: 'secret' })).toContain('username')
    expect(refused({ servers, username: '', password: 'x' })).toContain('username')
    expect(refused({ servers, username: 'a', password: 'x\0secret' })).not.toContain('secret')
    for (const name of ['connectMs', 'callMs'])
      for (const ms of [0, -1, 0.5, Number.NaN, 60_001, '250', null])
        expect(refused({ servers, [name]: ms })).toContain(name)
    memcachedStore({ servers, username: undefined, password: undefined, connectMs: undefined, callMs: undefined })
  })

  test('Workers are refused, and told what to use', () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    expect(refused({ servers: ['a'] })).toContain('claimcheck/upstash')
  })
})
