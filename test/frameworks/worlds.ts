import { type ExpressSessionOptions, expressSession } from '../../adapters/frameworks/node.ts'
import { type Kit, kit } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'
import { load } from './packages.ts'
import { listen } from './sites.ts'

// biome-ignore lint/suspicious/noExplicitAny: what express-session gives has no types here.
export type Loose = any
export type Handler = (req: Loose, res: Loose, next: (error?: unknown) => void) => unknown

/** What a browser keeps. */
export interface Jar {
  cookie: string | undefined
}

export interface Reply {
  readonly status: number
  readonly text: string
  readonly setCookies: readonly string[]
}

/** Sessions with the interface of express-session on Express, asked by handlers that a case brings along. */
export interface World extends AsyncDisposable {
  /** One request; errors are answered with their status, or 500, and their message. */
  ask(handler: Handler, jar?: Jar, headers?: Readonly<Record<string, string>>): Promise<Reply>
  /** Entries in the store. */
  readonly stored: () => number
  /** From now on every call of the store fails. */
  breakStore(): void
  /** Calls of the store that write a session. */
  readonly writes: () => number
}

export const kinds = ['express-session', 'claimcheck'] as const
export type Kind = (typeof kinds)[number]

export async function world(kind: Kind, options: Readonly<Record<string, unknown>> = {}): Promise<World> {
  return kind === 'claimcheck' ? oursWith(kit(), options) : theirs(options)
}

/** Ours, with a store that can be watched. */
export async function oursWith(test: Kit, options: Partial<ExpressSessionOptions> = {}): Promise<World> {
  return serve(expressSession({ ...test.options, ...options }), {
    stored: () => test.memory.size,
    breakStore: () => test.failing.always('throw'),
    writes: () => test.store.calls.create + test.store.calls.update,
  })
}

async function theirs(options: Readonly<Record<string, unknown>>): Promise<World> {
  const session = load('express-session')
  const store = new session.MemoryStore()
  let writes = 0
  const { set } = store
  store.set = (...args: unknown[]) => {
    writes++
    set.apply(store, args)
  }
  const common = {
    secret: 'a secret of express-session',
    store,
    resave: false,
    saveUninitialized: false,
    unset: 'keep',
  }
  return serve(session({ ...common, ...options }), {
    stored: () => Object.keys(store.sessions).length,
    writes: () => writes,
    breakStore() {
      const fail = (...args: unknown[]) => {
        const done = args.at(-1) as (error: Error) => void
        setImmediate(() => done(new Error('the store is down')))
      }
      Object.assign(store, { get: fail, set: fail, destroy: fail, touch: fail })
    },
  })
}

async function serve(middleware: unknown, store: Pick<World, 'stored' | 'breakStore' | 'writes'>): Promise<World> {
  const handlers = new Map<string, Handler>()
  const app = load('express5')()
  // As libraries do that bring it along: the second does nothing.
  app.use(middleware, middleware)
  app.use((req: Loose, res: Loose, next: Loose) => handlers.get(req.path)?.(req, res, next))
  app.use((error: Loose, _req: Loose, res: Loose, next: Loose) => {
    if (res.headersSent) next(error)
    else res.status(error.status ?? 500).send(error.message)
  })
  const site = await listen(app)
  let count = 0
  return {
    ...store,
    async ask(handler, jar = { cookie: undefined }, headers = {}) {
      const path = `/${++count}`
      handlers.set(path, handler)
      const response = await fetch(`http://127.0.0.1:${site.port}${path}`, {
        redirect: 'manual',
        headers: { ...headers, ...(jar.cookie === undefined ? {} : { Cookie: jar.cookie }) },
      })
      const setCookies = response.headers.getSetCookie()
      jar.cookie = nextCookies(jar.cookie, setCookies)
      return { status: response.status, text: await response.text(), setCookies }
    },
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  }
}

/** The members of `req.session` without its cookie. */
export const dataOf = ({ session }: Loose): Loose => {
  const { cookie, ...data } = session
  return data
}
