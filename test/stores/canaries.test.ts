import { tracingChannel } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dashboard } from '../../adapters/dashboard.ts'
import { serveContainer } from '../../adapters/platforms/container.ts'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { upstashStore } from '../../adapters/stores/redis/upstash.ts'
import type { SessionEvent } from '../../src/events.ts'
import { createSessions } from '../../src/sessions.ts'
import type { Store } from '../../src/store.ts'
import { type Any, browser } from '../support/app.ts'
import { type Life, newLife, secret } from '../support/broken-setups.ts'
import { type Canaries, facesOf, foundIn, ofCookies, ofTexts, show } from '../support/canaries.ts'
import { commandLine } from '../support/command-line.ts'
import { loginAs, who } from '../support/subjects.ts'
import { startSdk } from '../support/telemetry.ts'
import { startUpstash } from '../support/upstash.ts'

const texts = {
  ...{ secret, subject: 'SUBJECT-CANARY-alice@test', value: 'VALUE-CANARY-2718281828' },
  'REST token': 'TOKEN-CANARY-w8Jx2mQp5Vn7Ty1Rb4LcZ9',
}
const patience = { connectMs: 5000, callMs: 5000 }

/** Servers, the variables that name them, and a fault that comes over them. */
interface Place {
  readonly store: Store
  readonly env: Readonly<Record<string, string>>
  breakDown(): Promise<void>
}

const places: Readonly<Record<string, (life: Life) => Promise<Place>>> = {
  async memcached({ memcached }) {
    const servers = [await memcached(), await memcached()]
    const addresses = servers.map(({ address }) => address)
    return {
      store: memcachedStore({ servers: addresses, replicas: 1, ...patience }),
      env: { MEMCACHED_SERVERS: addresses.join(',') },
      breakDown: async () => void (await Promise.all(servers.map((server) => server.stop()))),
    }
  },
  async upstash({ redis, use }) {
    const bridge = use(await startUpstash((await redis()).port, texts['REST token']))
    const { url, token } = bridge
    return {
      store: upstashStore({ url, token, callMs: 5000 }),
      env: { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token },
      // It quotes what it was sent.
      async breakDown() {
        bridge.fault = 'server-error'
      },
    }
  },
}

/** Everything that the tracing channels tell, as it is told. */
function listening() {
  const messages: unknown[] = []
  const hear = (message: object) => void messages.push(inspect(message, show))
  const hearing = { start: hear, end: hear, asyncStart: hear, asyncEnd: hear, error: hear }
  const names = ['load', 'commit', 'memcached:command', 'memcached:connect'].map((name) => `claimcheck:${name}`)
  const channels = names.map((name) => tracingChannel(name))
  for (const channel of channels) channel.subscribe(hearing)
  return { messages, stop: () => channels.map((channel) => channel.unsubscribe(hearing)) }
}

/** What a dashboard shows to somebody who opens it. */
async function pageOf(app: Hono): Promise<string> {
  const parts = ['', '/page.js', '/page.css'].map(async (path) => (await app.request(`/ops${path}`)).text())
  const stream = (await app.request('/ops/events')).body as ReadableStream<Uint8Array>
  const decoder = new TextDecoder()
  let view = ''
  for await (const chunk of stream) {
    view += decoder.decode(chunk, { stream: true })
    if (/^data: .*\n\n/m.test(view)) break
  }
  return [...(await Promise.all(parts)), view].join('\n')
}

describe.each(Object.keys(places))('no secret, id, token, key, value, REST token or subject: %s', (name) => {
  const told = new Map<string, string>()
  let canaries: Canaries = new Map()
  let life: Life & AsyncDisposable
  beforeAll(async () => {
    life = newLife()
    const { store, env, breakDown } = await (places[name] as (typeof places)[string])(life)
    const channels = listening()
    const sdk = startSdk({ store })
    const events: SessionEvent[] = []
    const errors: unknown[] = []
    const onEvent = (event: SessionEvent) => void events.push(event)
    const limits = { requestMs: 20_000, budgetBytes: 1, maxSessions: 2, maxBytes: 4096 }
    const sessions = createSessions<Any>({ store, secret, onEvent, ...limits })
    const app = new Hono().route('/ops', dashboard({ sessions, authorize: () => true }))
    const metrics = () => sdk.prometheus()
    const container = await serveContainer({ fetch: app.fetch, store, port: 0, hostname: '127.0.0.1', metrics })
    const url = `http://127.0.0.1:${container.port}`
    const cookies: string[] = []
    const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => void errors.push(error))
    const login = async () => {
      const user = browser(sessions)
      await attempt(user.visit(loginAs(texts.subject, { data: { note: texts.value } })))
      if (user.cookie !== undefined) cookies.push(user.cookie)
      return user
    }
    const outside = async (more: string) => {
      const all = { SESSION_SECRET: secret, ...env }
      const run = async (command: string, ...args: readonly string[]) => {
        const { output, errors } = await commandLine([command, ...args], { env: all, input: cookies.at(-1) ?? '' })
        told.set(`${command} ${args.includes('--json') ? '--json' : ''}${more}`, output + errors)
      }
      for (const flags of [[], ['--json']]) {
        await run('doctor', '--cycles', '2', ...flags)
        await run('inspect', ...flags)
      }
      await run('watch', '--every', '1', '--times', '1', '--metrics', `${url}/metrics`)
      told.set(`/readyz${more}`, await (await fetch(`${url}/readyz`)).text())
      told.set(`/metrics${more}`, await (await fetch(`${url}/metrics`)).text())
      told.set(`dashboard${more}`, await pageOf(app))
    }
    // The third ends the first; what is revoked comes again; a session that is too large, and one that ended under way.
    const users = [await login(), await login(), await login()]
    for (const user of users) await attempt(who(user))
    await attempt(users[1]?.visit((session) => session.set('note', texts.value.repeat(500))) as Promise<unknown>)
    await outside('')
    await attempt(sessions.revoke(texts.subject))
    for (const user of users) await attempt(who(user))
    const last = await login()
    await breakDown()
    for (let at = 0; at < 3; at++) await login()
    await attempt(who(last))
    await attempt(sessions.revoke(texts.subject))
    await attempt(sessions.list(texts.subject))
    await outside(' in a fault')
    told.set('events', events.flatMap((event) => [inspect(event, show), JSON.stringify(event)]).join('\n'))
    told.set('errors', errors.flatMap(facesOf).join('\n'))
    told.set('tracing channels', channels.messages.join('\n'))
    told.set('spans', inspect(sdk.spans(), show))
    told.set('metrics', inspect(await sdk.metrics(), show))
    canaries = new Map([...ofTexts(texts), ...ofCookies(cookies)])
    channels.stop()
    sdk.stop()
    await container.stop()
  }, 120_000)
  afterAll(() => life[Symbol.asyncDispose]())

  const inside = { events: 'session-ended', errors: 'StoreUnavailableError', 'tracing channels': 'roundTrips' }
  const sdk = { spans: 'claimcheck commit', metrics: 'claimcheck.session.loads' }
  const probes = { '/readyz': '"nodes"', '/metrics': 'claimcheck_session_loads', dashboard: 'data: {' }
  const commands = { 'doctor ': 'store ', 'doctor --json': '"findings"', 'inspect ': 'revision', 'inspect --json': '"' }
  const outer = Object.entries({ ...probes, ...commands, 'watch ': 'loads' })
  const channels = [
    ...Object.entries({ ...inside, ...sdk }),
    ...outer,
    ...outer.map(([one]) => [`${one} in a fault`, '']),
  ]

  test.each(channels)('in %s', (channel, mark) => {
    const text = told.get(channel as string) ?? ''
    expect(canaries.size).toBeGreaterThan(40)
    expect(text.length).toBeGreaterThan(20)
    expect(text).toContain(mark)
    expect(foundIn(text, canaries)).toEqual([])
  })
})
