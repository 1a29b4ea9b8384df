import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { createSessions } from '../../src/sessions.ts'
import { newLife, secret } from '../support/broken-setups.ts'
import { commandLine, startCommand } from '../support/command-line.ts'
import { nextCookies } from '../support/jar.ts'
import { startSdk } from '../support/telemetry.ts'

/** An application that reads one session again and again, until it is disposed of. */
function traffic(servers: readonly string[]): AsyncDisposable {
  const store = memcachedStore({ servers, connectMs: 10_000, callMs: 10_000 })
  const sessions = createSessions<{ user: string }>({ store, secret, requestMs: 60_000 })
  let isOver = false
  const work = (async () => {
    const login = sessions.open(undefined)
    login.session.set('user', 'VALUE-7')
    const cookies = nextCookies(undefined, (await login.commit()).setCookies)
    while (!isOver) {
      await sessions
        .open(cookies)
        .session.get('user')
        .catch(() => undefined)
      await new Promise((wait) => setTimeout(wait, 5))
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      isOver = true
      await work
      await store.close?.()
    },
  }
}

/** What an exporter of OpenTelemetry writes: between two looks 100 loads of which 90 hit, and 50 visitors without a session. */
function metrics(looks: number): string {
  const load = (outcome: string, count: number) =>
    `claimcheck_session_loads_total{claimcheck_store_name="memcached",claimcheck_load_outcome="${outcome}"} ${count * looks}`
  const bucket = (name: string, le: string, count: number) =>
    `claimcheck_session_operation_duration_seconds_bucket{claimcheck_operation_name="${name}",le="${le}"} ${count * looks}`
  return [
    '# HELP claimcheck_session_loads_total Sessions that requests asked for, by what came of it.',
    '# TYPE claimcheck_session_loads_total counter',
    ...[
      load('hit', 90),
      load('idle', 9),
      load('evicted', 1),
      load('never-stored', 50),
      load('unavailable', 30),
      load('VALUE "7"', 70),
    ],
    `claimcheck_session_commits_total{claimcheck_commit_outcome="updated"} ${20 * looks}`,
    ...[bucket('load', '0.005', 50), bucket('load', '0.01', 99), bucket('load', '+Inf', 100)],
    ...[bucket('commit', '0.005', 0), bucket('commit', '+Inf', 1000)],
    '',
  ].join('\n')
}

async function endpoint(text: (looks: number) => string | Promise<string> = metrics) {
  let looks = 0
  const server = createServer(async (_, answer) => void answer.end(await text(++looks))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://user:CANARY-password@127.0.0.1:${(server.address() as AddressInfo).port}/metrics?token=CANARY-token`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

describe('watch', () => {
  test('shows what every server is asked and finds, and one that goes down and comes back', async () => {
    await using life = newLife()
    const [one, two] = [await life.memcached(), await life.memcached()]
    const env = { SESSION_SECRET: secret, MEMCACHED_SERVERS: `${one.address},${two.address}` }
    await using _ = traffic([one.address, two.address])
    const watching = startCommand(['watch', '--every', '1'], env)
    // Reads a second, and all of them found.
    await watching.printed(new RegExp(`${one.address} +[1-9][\\d.]* +100\\.0 %`))
    await two.stop()
    await watching.printed(new RegExp(`${two.address} +DOWN`))
    await two.restart()
    await watching.printed(new RegExp(`${two.address} +DOWN[\\s\\S]*${two.address} +(?:-|\\d)`))
    const { code, output, errors } = await watching.stop()
    expect([code, errors]).toEqual([0, ''])
    expect(output).not.toMatch(new RegExp(`${secret}|VALUE|session:`))
  })

  test('shows loads, losses by reason and latency of the processes that it is given, and nothing of their addresses', async () => {
    await using life = newLife()
    await using source = await endpoint()
    const env = { SESSION_SECRET: secret, MEMCACHED_SERVERS: (await life.memcached()).address }
    const flags = ['--every', '1', '--times', '1', '--metrics', source.url, '--metrics', 'http://127.0.0.1:1/CANARY']
    // Node's fetch takes no credentials in an address: such a process does not answer, and the address is not shown.
    const refused = await commandLine(['watch', ...flags], { env })
    expect([refused.code, refused.output]).toEqual([0, expect.stringContaining('0 of 2 answer')])
    const plain = flags.map((flag) => flag.replace('user:CANARY-password@', ''))
    const { code, output, errors } = await commandLine(['watch', ...plain], { env })
    expect([code, errors]).toEqual([0, ''])
    expect(output).toContain('1 of 2 answer')
    expect(output).toMatch(/loads +\d+\.\d\/s, 90\.0 % found, p50 5\.0 ms, p99 10\.0 ms/)
    expect(output).toMatch(/losses +idle \d\.\d\/s, evicted \d\.\d\/s\n/)
    expect(output).toMatch(/unavailable +\d+\.\d\/s\n/)
    expect(output).toMatch(/commits +updated \d+\.\d\/s\n/)
    expect(output + refused.output).not.toMatch(/CANARY|VALUE/)
  })

  test('reads what claimcheck/telemetry tells of a real application', async () => {
    await using life = newLife()
    const { address } = await life.memcached()
    const sdk = startSdk()
    try {
      await using source = await endpoint(() => sdk.prometheus())
      await using _ = traffic([address])
      const url = source.url.replace('user:CANARY-password@', '')
      const watching = startCommand(['watch', '--every', '1', '--metrics', url], { MEMCACHED_SERVERS: address })
      await watching.printed(/loads +[1-9][\d.]*\/s, 100\.0 % found, p50 \d+\.\d ms, p99 \d+\.\d ms/)
      expect((await watching.stop()).output).not.toMatch(/CANARY|VALUE/)
    } finally {
      sdk.stop()
    }
  })

  test('shows redis by its own counters, and needs no secret', async () => {
    await using life = newLife()
    const env = { REDIS_URL: `redis://${(await life.redis()).address}` }
    const { code, output } = await commandLine(['watch', '--every', '1', '--times', '1'], { env })
    expect([code, output]).toEqual([0, expect.stringMatching(/redis +0\.0 +- +0\.0 +0 +- +\d/)])
  })

  test('says that there is nothing to watch', async () => {
    const { code, errors } = await commandLine(['watch'], { env: { SESSION_SECRET: secret } })
    expect([code, errors]).toEqual([2, expect.stringContaining('sessions are in memory')])
    const wrong = await commandLine(['watch', '--metrics', 'CANARY'], { env: {} })
    expect([wrong.code, wrong.errors]).toEqual([2, expect.not.stringContaining('CANARY')])
  })
})
