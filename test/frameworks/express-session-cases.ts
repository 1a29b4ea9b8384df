import { dataOf, type Handler, type Jar, type Loose, type World } from './worlds.ts'

/** One behaviour of express-session as its README and history describe it, and what is seen of it. */
export interface BehaviourCase {
  readonly name: string
  /** Gives what is compared. */
  run(world: World): Promise<unknown>
  readonly expected: unknown
  /** Where it is different here on purpose: what is seen instead, and why. */
  readonly here?: { readonly expected: unknown; readonly because: string }
  /** Options of express-session for this case alone; here they are refused or have another name. */
  readonly options?: Readonly<Record<string, unknown>>
}

const send =
  (pick: (req: Loose) => unknown): Handler =>
  (req, res) =>
    res.json(pick(req) ?? null)
const show = send(dataOf)
const put =
  (data: Readonly<Record<string, unknown>>): Handler =>
  (req, res) => {
    Object.assign(req.session, data)
    res.send('put')
  }
const seen = async (world: World, jar: Jar) => JSON.parse((await world.ask(show, jar)).text)
const newJar = (): Jar => ({ cookie: undefined })

/** A browser whose session holds this. */
async function holding(world: World, data: Readonly<Record<string, unknown>>): Promise<Jar> {
  const jar = newJar()
  await world.ask(put(data), jar)
  return jar
}

const reading: readonly BehaviourCase[] = [
  {
    name: 'data persists from request to request',
    run: async (world) => seen(world, await holding(world, { user: { id: 1 }, cart: ['tea'] })),
    expected: { user: { id: 1 }, cart: ['tea'] },
  },
  {
    name: 'members are read and changed at once, also deep inside',
    async run(world) {
      const jar = await holding(world, { user: { tags: ['a'] }, views: 1, old: 1 })
      await world.ask((req, res) => {
        req.session.views++
        req.session.user.tags.push('b')
        delete req.session.old
        res.send('')
      }, jar)
      return seen(world, jar)
    },
    expected: { user: { tags: ['a', 'b'] }, views: 2 },
  },
  {
    name: 'a visitor whose session stays empty gets no cookie and no entry',
    async run(world) {
      const { setCookies } = await world.ask(show)
      return [setCookies.length, world.stored()]
    },
    expected: [0, 0],
  },
  {
    name: 'several visitors have several sessions',
    async run(world) {
      const jars = [await holding(world, { n: 1 }), await holding(world, { n: 2 })]
      return Promise.all(jars.map((jar) => seen(world, jar)))
    },
    expected: [{ n: 1 }, { n: 2 }],
  },
  {
    name: 'a cookie of a session that is not there begins a new one',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const before = jar.cookie
      await world.ask((req, res) => req.session.destroy(() => res.send('')), jar)
      const late = { cookie: before }
      return seen(world, late)
    },
    expected: {},
  },
  {
    name: 'a cookie that is not signed by the secret is nobody',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      return seen(world, { cookie: `${jar.cookie?.slice(0, -3)}AAA` })
    },
    expected: {},
  },
  {
    name: 'data and cookie are enumerable, methods and id are not',
    async run(world) {
      const jar = await holding(world, { user: 1 })
      const { text } = await world.ask(
        send((req) => Object.keys(req.session).toSorted((a, b) => (a < b ? -1 : 1))),
        jar,
      )
      return JSON.parse(text)
    },
    expected: ['cookie', 'user'],
  },
  {
    name: 'data does not hide a method',
    async run(world) {
      const jar = newJar()
      await world.ask((req, res) => {
        Object.assign(req.session, { kept: 1, save2: 1 })
        res.send('')
      }, jar)
      const { text } = await world.ask(
        send(({ session }) => [typeof session.save, session.kept]),
        jar,
      )
      return JSON.parse(text)
    },
    expected: ['function', 1],
  },
  {
    name: 'values are as JSON makes them: a Date is a text, toJSON is asked, undefined is gone',
    async run(world) {
      class Money {
        readonly cents: number
        constructor(cents: number) {
          this.cents = cents
        }
        toJSON() {
          return `${this.cents} cents`
        }
      }
      class Point {
        x = 1
      }
      const at = new Date(0)
      return seen(
        world,
        await holding(world, { at, price: new Money(5), point: new Point(), none: undefined, list: [at] }),
      )
    },
    expected: { at: '1970-01-01T00:00:00.000Z', price: '5 cents', point: { x: 1 }, list: ['1970-01-01T00:00:00.000Z'] },
  },
  {
    name: 'a Map is stored',
    run: async (world) => (await world.ask(put({ map: new Map([['a', 1]]) }))).status,
    expected: 200,
    here: { expected: 500, because: 'JSON makes {} of it, so that what is in it would be lost without a word' },
  },
  {
    name: 'a middleware that is mounted twice does nothing the second time',
    run: async (world) => (await world.ask(put({ n: 1 }))).setCookies.length,
    expected: 1,
  },
  {
    name: 'a store that is down is an error before the handler',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      world.breakStore()
      const { status, setCookies } = await world.ask(show, jar)
      return [status >= 500, setCookies.length]
    },
    expected: [true, 0],
  },
]

const writing: readonly BehaviourCase[] = [
  {
    name: 'a request that changes nothing writes nothing and sets no cookie',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const before = world.writes()
      const { setCookies } = await world.ask(show, jar)
      return [world.writes() - before, setCookies.length]
    },
    expected: [0, 0],
  },
  {
    name: 'what is changed and changed back is not written',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const before = world.writes()
      await world.ask((req, res) => {
        req.session.n = 2
        req.session.n = 1
        res.send('')
      }, jar)
      return world.writes() - before
    },
    expected: 0,
  },
  {
    name: 'a change of an existing session sets no cookie',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      return (await world.ask(put({ n: 2 }), jar)).setCookies.length
    },
    expected: 0,
    here: { expected: 1, because: 'the receipt tells the browser the revision, so that an older record is noticed' },
  },
  ...(['end', 'write', 'stream', 'redirect', 'empty', 'writeHead'] as const).map(
    (form): BehaviourCase => ({
      name: `the session is stored when the answer has come: ${form}`,
      async run(world) {
        const jar = newJar()
        const { text } = await world.ask(async (req, res) => {
          req.session.form = form
          if (form === 'end') return res.end('ok')
          if (form === 'empty') return res.end()
          if (form === 'redirect') return res.redirect('/')
          if (form === 'writeHead') return res.writeHead(200, { 'Content-Length': 2 }).end('ok')
          if (form === 'write') res.write('o')
          else await new Promise((turn) => setTimeout(turn, 5, res.write('o')))
          return res.end('k')
        }, jar)
        return [text.replace(/^Found.*/, ''), await seen(world, jar)]
      },
      expected: [form === 'empty' || form === 'redirect' ? '' : 'ok', { form }],
    }),
  ),
  {
    name: 'end may be called twice',
    run: async (world) =>
      (
        await world.ask((req, res) => {
          req.session.n = 1
          res.end('once')
          res.end()
        })
      ).text,
    expected: 'once',
  },
  {
    name: 'cookies of the handler stay, set before and in writeHead',
    async run(world) {
      const { setCookies } = await world.ask((req, res) => {
        req.session.n = 1
        res.setHeader('Set-Cookie', 'previous=1')
        res.end()
      })
      const again = await world.ask((req, res) => {
        req.session.n = 1
        res.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] })
        res.end()
      })
      return [setCookies, again.setCookies].map((all) => all.filter((one) => /^\w=|^previous/.test(one)))
    },
    expected: [['previous=1'], ['a=1', 'b=2']],
  },
  {
    name: 'a store that is down when a session is to be stored answers as if nothing had happened',
    async run(world) {
      const { status } = await world.ask((req, res) => {
        req.session.n = 1
        world.breakStore()
        res.status(200).end('welcome')
      })
      return status
    },
    expected: 200,
    here: { expected: 503, because: 'an answer leaves only after its session is stored' },
  },
  {
    name: 'a handler that fails keeps its changes',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      await world.ask((req) => {
        req.session.n = 2
        throw new Error('a bug')
      }, jar)
      return seen(world, jar)
    },
    expected: { n: 2 },
    here: { expected: { n: 1 }, because: 'what a failed request has not answered must not have happened' },
  },
  {
    name: 'of two requests beside each other that change one key the last one wins',
    async run(world) {
      const jar = await holding(world, { n: 0 })
      const both = Promise.withResolvers<void>()
      let inside = 0
      const change =
        (n: number): Handler =>
        async (req, res) => {
          if (++inside === 2) both.resolve()
          await both.promise
          req.session.n = n
          res.send('')
        }
      const replies = await Promise.all([1, 2].map((n) => world.ask(change(n), { ...jar })))
      return replies.map(({ status }) => status).toSorted()
    },
    expected: [200, 200],
    here: { expected: [200, 409], because: 'a lost update is a conflict, unless onConflict lets the last win' },
  },
]

const calls: readonly BehaviourCase[] = [
  {
    name: 'save() stores at once, and the end of the request does not store it again',
    async run(world) {
      const jar = newJar()
      const { text } = await world.ask((req, res) => {
        req.session.n = 1
        req.session.save((error: unknown) => res.json([error ?? null, world.stored(), world.writes()]))
      }, jar)
      return [JSON.parse(text), world.writes(), await seen(world, jar)]
    },
    expected: [[null, 1, 1], 1, { n: 1 }],
  },
  {
    name: 'what is changed after save() is stored at the end',
    async run(world) {
      const jar = newJar()
      await world.ask((req, res) => {
        req.session.n = 1
        req.session.save(() => {
          req.session.n = 2
          req.session.more = true
          res.send('')
        })
      }, jar)
      return seen(world, jar)
    },
    expected: { n: 2, more: true },
  },
  {
    name: 'save() tells its error',
    async run(world) {
      const { text } = await world.ask((req, res) => {
        req.session.n = 1
        world.breakStore()
        req.session.save((error: unknown) => res.status(503).json(error instanceof Error))
      })
      return text
    },
    expected: 'true',
  },
  {
    name: 'regenerate() gives another id and an empty session; the old one is gone',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const old = { ...jar }
      const { text } = await world.ask((req, res) => {
        const { id, session } = { id: req.session.id, session: req.session }
        req.session.regenerate((error: unknown) => {
          const found = [error ?? null, dataOf(req), req.session === session, req.session.id === id]
          req.session.user = 'alice'
          res.json(found)
        })
      }, jar)
      return [JSON.parse(text), await seen(world, jar), await seen(world, old)]
    },
    expected: [[null, {}, false, false], { user: 'alice' }, {}],
  },
  {
    name: 'regenerate() sets a new cookie',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const { cookie } = jar
      await world.ask((req, res) => {
        req.session.regenerate(() => {
          req.session.n = 2
          res.send('')
        })
      }, jar)
      return jar.cookie !== cookie
    },
    expected: true,
  },
  {
    name: 'destroy() ends the session, and req.session is gone',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const old = { ...jar }
      const { text } = await world.ask((req, res) => {
        req.session.destroy((error: unknown) => res.json([error ?? null, req.session === undefined]))
      }, jar)
      return [JSON.parse(text), await seen(world, old)]
    },
    expected: [[null, true], {}],
  },
  {
    name: 'destroy() leaves the cookie in the browser',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      await world.ask((req, res) => req.session.destroy(() => res.send('')), jar)
      return jar.cookie !== undefined
    },
    expected: true,
    here: { expected: false, because: 'a logout clears the cookie' },
  },
  {
    name: 'reload() reads the session again and drops what was not saved',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const { text } = await world.ask((req, res) => {
        req.session.n = 2
        req.session.mine = 1
        void world
          .ask(put({ other: 1 }), { ...jar })
          .then(() => req.session.reload((error: unknown) => res.json([error ?? null, dataOf(req)])))
      }, jar)
      return [JSON.parse(text), await seen(world, jar)]
    },
    expected: [[null, { n: 1, other: 1 }], { n: 1, other: 1 }],
  },
  {
    name: 'reload() of a session that has ended is an error',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const { text } = await world.ask((req, res) => {
        void world
          .ask((inner, answer) => inner.session.destroy(() => answer.send('')), { ...jar })
          .then(() => req.session.reload((error: Error) => res.json(error.message)))
      }, jar)
      return JSON.parse(text)
    },
    expected: 'failed to load session',
  },
  {
    name: 'touch() and resetMaxAge() give the session back',
    async run(world) {
      const { text } = await world.ask(
        send(({ session }) => [session.touch() === session, session.resetMaxAge() === session]),
        await holding(world, { n: 1 }),
      )
      return JSON.parse(text)
    },
    expected: [true, true],
  },
  {
    name: 'req.session = null drops the changes of the request and keeps the session',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      await world.ask((req, res) => {
        req.session.n = 2
        req.session = null
        res.send('')
      }, jar)
      return seen(world, jar)
    },
    expected: { n: 1 },
  },
  {
    name: 'req.sessionID is the id of the session, and another after regenerate()',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const ids: unknown[] = []
      for (let round = 0; round < 2; round++)
        await world.ask((req, res) => {
          ids.push(req.sessionID === req.session.id, req.sessionID)
          res.send('')
        }, jar)
      return [ids[0], ids[1] === ids[3], typeof ids[1]]
    },
    expected: [true, true, 'string'],
  },
  {
    name: 'the id is what the browser holds',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const { text } = await world.ask(
        send(({ session }) => session.id),
        jar,
      )
      return jar.cookie?.includes(JSON.parse(text))
    },
    expected: true,
    here: { expected: false, because: 'it is the ref: it can be logged and shown, since nobody can use it' },
  },
]

const cookies: readonly BehaviourCase[] = [
  {
    name: 'the cookie is HttpOnly, at /, and ends with the browser',
    async run(world) {
      const { setCookies } = await world.ask(put({ n: 1 }))
      return [/; Path=\/(;|$)/, /; HttpOnly/, /Expires|Max-Age/].map((pattern) => pattern.test(setCookies[0] ?? ''))
    },
    expected: [true, true, false],
  },
  {
    name: 'req.session.cookie says what it is like',
    async run(world) {
      const { text } = await world.ask(
        send(({ session: { cookie } }) => [
          cookie.path,
          cookie.httpOnly,
          cookie.originalMaxAge,
          cookie.expires ?? false,
        ]),
        await holding(world, { n: 1 }),
      )
      return JSON.parse(text)
    },
    expected: ['/', true, null, false],
  },
  {
    name: 'req.session.cookie is part of its JSON',
    run: async (world) =>
      JSON.parse((await world.ask((req, res) => res.json(req.session), await holding(world, { n: 1 }))).text).cookie
        .path,
    expected: '/',
  },
  {
    name: 'req.session.cookie.maxAge changes the life of this session',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const { status } = await world.ask((req, res) => {
        req.session.cookie.maxAge = 60_000
        res.send('')
      }, jar)
      return status
    },
    expected: 200,
    here: { expected: 500, because: 'ignored, a shorter time would be no time: it throws and names the options' },
  },
  {
    name: 'req.session.cookie.expires = false asks for a cookie that ends with the browser',
    async run(world) {
      const jar = await holding(world, { n: 1 })
      const { status } = await world.ask((req, res) => {
        req.session.cookie.expires = false
        res.send('')
      }, jar)
      return status
    },
    expected: 200,
  },
]

export const behaviourCases: readonly BehaviourCase[] = [...reading, ...writing, ...calls, ...cookies]
