import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { type SessionEnv, session } from '../../src/hono.ts'
import {
  type CommitResult,
  createSessions,
  type SessionEvent,
  type SessionOptions,
  type Store,
} from '../../src/index.ts'
import { codeOf } from '../conformance/assert.ts'
import type { Outcome, SessionWorld, Site, Visit } from '../conformance/session-cases.ts'
import type { TestClock } from './clock.ts'
import { answeredBy, nextCookies } from './jar.ts'
import { countingStore, failingStore, wrapStore } from './stores.ts'

/** Builds a site from full options: what tells one world from another. */
export type SiteBuilder = (options: SessionOptions) => Site

export const siteSecret = 'a secret for the sites of the tests: 0123456789'

/** Sites as `createSessions` alone gives them. */
export const plainSite: SiteBuilder = (options) => {
  const sessions = createSessions(options)
  return {
    async visit(cookie) {
      const { session, commit } = sessions.open(cookie)
      return { session, finish: (how) => outcomeOf(how, cookie, () => commit({ failed: how === 'error' })) }
    },
  }
}

async function outcomeOf(
  how: 'error' | 'refusal' | undefined,
  cookie: string | undefined,
  commit: () => Promise<CommitResult>,
): Promise<Outcome> {
  const headers = new Headers()
  try {
    const result = await commit()
    result.applyTo(headers)
    const status = how === 'error' ? 500 : how === 'refusal' ? 403 : 200
    const cookies = nextCookies(cookie, result.setCookies)
    return { status, code: undefined, setCookie: result.setCookie, cookies, headers }
  } catch (error) {
    const status = (error as { status?: number }).status ?? 500
    return { status, code: codeOf(error) as string | undefined, setCookie: undefined, cookies: cookie, headers }
  }
}

/** Sites as the Hono middleware gives them; the handler of a visit waits until it is told to finish. */
export const honoSite: SiteBuilder = (options) => {
  interface Script {
    readonly entered: (session: SessionEnv<Record<string, unknown>>['Variables']['session']) => void
    readonly left: Promise<'error' | 'refusal' | undefined>
    code: string | undefined
  }
  const app = new Hono<SessionEnv<Record<string, unknown>> & { Bindings: Script }>()
  app.use(session(options))
  app.get('/', async (c) => {
    c.env.entered(c.var.session)
    const how = await c.env.left
    if (how === 'refusal') throw new HTTPException(403)
    if (how === 'error') throw new Error('scripted: the handler fails')
    return c.text('done')
  })
  app.onError((error, c) => {
    c.env.code = codeOf(error.cause) as string | undefined
    return error instanceof HTTPException ? error.getResponse() : c.text('failed', 500)
  })
  return {
    async visit(cookie): Promise<Visit> {
      const entered = Promise.withResolvers<SessionEnv<Record<string, unknown>>['Variables']['session']>()
      const left = Promise.withResolvers<'error' | 'refusal' | undefined>()
      const script: Script = { entered: entered.resolve, left: left.promise, code: undefined }
      const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie }
      const response = Promise.resolve(app.request('/', { headers }, script))
      return {
        session: await entered.promise,
        async finish(how) {
          left.resolve(how)
          return answeredBy(await response, script.code, cookie)
        },
      }
    },
  }
}

export interface WorldOptions {
  readonly store: Store
  readonly clock: TestClock
  readonly build: SiteBuilder
  readonly realTime?: boolean | undefined
  /** Whether outcomes are real HTTP responses; default: where Hono gives them. */
  readonly http?: boolean | undefined
}

let worlds = 0

/** A world on a store, in a namespace of its own: worlds on one server do not see each other. */
export function sessionWorld({
  store,
  clock,
  build,
  realTime = false,
  http = build === honoSite,
}: WorldOptions): SessionWorld {
  const namespace = `world-${process.pid}-${++worlds}`
  const keys: string[] = []
  const events: SessionEvent[] = []
  const failing = failingStore(store)
  const seen = wrapStore(failing, (call) => {
    if (call.verb === 'create' && call.key !== undefined) keys.push(call.key)
    return call.apply()
  })
  const counting = countingStore(seen)
  const { now } = clock
  const onEvent = (event: SessionEvent) => void events.push(event)
  return {
    http,
    realTime,
    store,
    keys,
    calls: counting.calls,
    events,
    resetCounters() {
      counting.reset()
      events.length = 0
    },
    setDown: (down) => failing.always(down ? 'throw' : undefined),
    advance: (ms) => clock.sleep(ms),
    site: ({ secret = [siteSecret], ...options } = {}) =>
      build({ secret, ...options, namespace, store: counting, now, onEvent, requestMs: realTime ? 3000 : 500 }),
  }
}
