import { describe, expect, test } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { trialRecord } from '../../tools/doctor/cycles.ts'
import { exitCodeOf, type Finding } from '../../tools/finding.ts'
import { type BrokenSetup, brokenSetups, type Called, type Life, newLife, secret } from '../support/broken-setups.ts'
import { commandLine } from '../support/command-line.ts'
import { giveOptions, optionsModule } from '../support/doctor-options.ts'
import { findingCodes } from '../support/finding-codes.ts'

interface Seen {
  readonly code: number
  readonly findings: readonly Finding[]
  readonly text: string
}

/** What `doctor` says of a setup that lives no longer than that. */
async function examined(set: (life: Life) => Promise<Called>): Promise<Seen> {
  await using life = newLife()
  const { env = {}, options, flags = [], world = {} } = await set(life)
  if (options) giveOptions(options)
  const all = ['--json', '--cycles', '5', ...flags, ...(options ? ['--options', optionsModule] : [])]
  const { code, output, errors } = await commandLine(['doctor', ...all], { env, ...world })
  expect(errors).toBe('')
  return { code, findings: JSON.parse(output).findings, text: output }
}

const problems = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'note')

describe('doctor finds each mistake, and nothing beside it', () => {
  test.each(brokenSetups)('$mistake: $code', async ({ code, level, besides = [], set }: BrokenSetup) => {
    const seen = await examined(set)
    const expected = [`${level} ${code}`, ...besides]
    const names = seen.findings.map((one) => `${one.level} ${one.code}`)
    expect(names.filter((name) => expected.includes(name) || !name.startsWith('note')).sort()).toEqual(expected.sort())
    expect(seen.code).toBe(exitCodeOf(seen.findings))
    for (const { what, why, todo } of seen.findings)
      expect([what, why, todo].every((words) => words.length > 10)).toBe(true)
    expect(seen.text).not.toMatch(/right-password|wrong-password|wrong-token|correct-horse|Zk3v9QwX|change-me/)
    expect(seen.text).not.toContain(secret)
  })

  test('everything that it can find has a setup, and nothing else has', () => {
    expect([...new Set(brokenSetups.map(({ code }) => code))].sort()).toEqual([...findingCodes()].sort())
  })
})

const env = (servers: readonly { readonly address: string }[], more: object = {}): Called => ({
  env: { SESSION_SECRET: secret, MEMCACHED_SERVERS: servers.map(({ address }) => address).join(' '), ...more },
})

describe('doctor raises no false alarm', () => {
  const healthy: readonly (readonly [string, (life: Life) => Promise<Called>])[] = [
    ['one server', async ({ memcached }) => env([await memcached()])],
    ['three servers', async ({ memcached }) => env([await memcached(), await memcached(), await memcached()])],
    [
      'servers that keep sessions, more than one process and a busy hour',
      async ({ memcached }) => {
        const servers = [await memcached(), await memcached()]
        const store = memcachedStore({ servers: servers.map(({ address }) => address) })
        for (let i = 0; i < 50; i++) await store.create(`session:${`${i}`.padStart(43, 'k')}`, trialRecord(600, i), 600)
        await store.close?.()
        return { ...env(servers), flags: ['--processes', '50', '--sessions', '20000'] }
      },
    ],
    [
      'a password on both sides',
      async ({ memcached, authority }) => {
        const server = await memcached('-Y', authority.file('users', 'user:right-password\n'))
        return env([server], { MEMCACHED_USERNAME: 'user', MEMCACHED_PASSWORD: 'right-password' })
      },
    ],
    [
      'TLS on both sides',
      async ({ memcached, authority }) => {
        const { certPath, keyPath } = authority.issue('IP:127.0.0.1', 90)
        const { address } = await memcached('-Z', '-o', `ssl_chain_cert=${certPath},ssl_key=${keyPath}`)
        return { options: { store: memcachedStore({ servers: [address], tls: { ca: authority.ca } }), secret } }
      },
    ],
    [
      'times beyond 30 days, remembered by their cookie',
      async ({ memcached }) => ({
        options: {
          store: memcachedStore({ servers: [(await memcached()).address] }),
          ...{ secret, idleSeconds: 5_184_000, absoluteSeconds: 5_184_000, cookie: { persistent: true } },
        },
      }),
    ],
  ]

  test.each(healthy)('%s', async (_, set) => {
    const { code, findings } = await examined(set)
    expect([code, problems(findings)]).toEqual([0, []])
  })
})
