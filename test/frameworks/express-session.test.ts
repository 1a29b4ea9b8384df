import { afterAll, describe, expect, it } from 'vitest'
import { expressSession } from '../../adapters/frameworks/node.ts'
import { kit } from '../support/app.ts'
import { behaviourCases } from './express-session-cases.ts'
import { isInstalled } from './packages.ts'
import { type Handler, kinds, oursWith, world } from './worlds.ts'

const counts = { passed: 0, refused: 0, failed: 0 }

describe.skipIf(!isInstalled)('what express-session does, from its documentation', () => {
  describe.each(kinds)('%s', (kind) => {
    it.each(behaviourCases)('$name', async ({ run, expected, here }) => {
      const isOurs = kind === 'claimcheck'
      if (isOurs) counts.failed++
      await using one = await world(kind)
      expect(await run(one)).toEqual(isOurs && here ? here.expected : expected)
      if (!isOurs) return
      counts.failed--
      if (here) counts.refused++
      else counts.passed++
    })
  })
  afterAll(() => {
    const { passed, refused, failed } = counts
    console.log(`express-session's behaviour: ${passed} passed, ${refused} refused on purpose, ${failed} failed`)
    for (const { name, here } of behaviourCases) if (here) console.log(`  refused: ${name}: ${here.because}`)
  })
})

/** Requests that are inside at once, as many as there are handlers; their statuses in order. */
async function together(
  ask: (handler: Handler) => Promise<{ readonly status: number }>,
  handlers: readonly Handler[],
): Promise<readonly number[]> {
  const all = Promise.withResolvers<void>()
  let inside = 0
  const replies = await Promise.all(
    handlers.map((handler) =>
      ask(async (req, res, next) => {
        if (++inside === handlers.length) all.resolve()
        await all.promise
        handler(req, res, next)
      }),
    ),
  )
  return replies.map(({ status }) => status).toSorted()
}

const with1 =
  (change: (session: Record<string, never>) => void): Handler =>
  (req, res) => {
    change(req.session)
    res.send('')
  }

// biome-ignore lint/suspicious/noExplicitAny: whatever a session holds.
type Data = any

async function meet(
  changes: readonly ((session: Data) => void)[],
  { data = {}, ...options }: { data?: Data } & Parameters<typeof oursWith>[1] = {},
) {
  const test = kit()
  await using one = await oursWith(test, options)
  const jar: { cookie: string | undefined } = { cookie: undefined }
  await one.ask(
    with1((session) => Object.assign(session, { there: true }, data)),
    jar,
  )
  const statuses = await together((handler) => one.ask(handler, { ...jar }), changes.map(with1))
  const { there, ...stored } = await test.browser(jar.cookie).visit((session) => session.all())
  return { statuses, stored }
}

describe.skipIf(!isInstalled)('G3: requests beside each other', () => {
  it('merge changes of different keys', async () => {
    const { statuses, stored } = await meet([(one) => (one.a = 1), (one) => (one.b = 2), (one) => (one.c = 3)])
    expect([statuses, stored]).toEqual([[200, 200, 200], { a: 1, b: 2, c: 3 }])
  })

  it('merge what all have appended to a list, also one that was not there, and in an object', async () => {
    const items = Array.from({ length: 8 }, (_, at) => at)
    const { statuses, stored } = await meet(
      items.map((item) => (one: Data) => {
        one.messages = [...(one.messages ?? []), item]
        one.cart.push(item)
        one.flash ??= {}
        one.flash[item % 2 ? 'odd' : 'even'] ??= []
        one.flash[item % 2 ? 'odd' : 'even'].push(item)
      }),
      { data: { cart: ['first'] } },
    )
    expect(statuses).toEqual(items.map(() => 200))
    expect([stored.messages.toSorted(), stored.cart[0], stored.cart.length]).toEqual([items, 'first', 9])
    expect([stored.flash.odd.toSorted(), stored.flash.even.toSorted()]).toEqual([
      [1, 3, 5, 7],
      [0, 2, 4, 6],
    ])
  })

  it('that both append the same have appended it twice', async () => {
    const { statuses, stored } = await meet([1, 2].map(() => (one: Data) => (one.messages = ['wrong password'])))
    expect([statuses, stored.messages]).toEqual([
      [200, 200],
      ['wrong password', 'wrong password'],
    ])
  })

  it.each<[string, (session: Data) => void, (session: Data) => void]>([
    ['set it both', (one) => (one.key = 1), (one) => (one.key = 2)],
    ['set it and delete it', (one) => (one.key = 1), (one) => delete one.key],
    ['append and take away', (one) => one.list.push(2), (one) => one.list.shift()],
    ['append and replace', (one) => one.list.push(2), (one) => (one.list = [])],
    ['change members of one object', (one) => (one.object.a = 2), (one) => (one.object.b = 2)],
  ])('conflict where they %s (409), or the last wins where onConflict says so', async (_, mine, theirs) => {
    const data = { key: 0, list: [1], object: { a: 1 } }
    expect((await meet([mine, theirs], { data })).statuses).toEqual([200, 409])
    expect((await meet([mine, theirs], { data, onConflict: 'last' })).statuses).toEqual([200, 200])
    const last = ['key', 'list', 'object']
    expect((await meet([mine, theirs], { data, onConflict: { last } })).statuses).toEqual([200, 200])
    expect((await meet([mine, theirs], { data, onConflict: { last: ['other'] } })).statuses).toEqual([200, 409])
  })

  it('do not undo a logout: a slow request that saves afterwards is a 409', async () => {
    const test = kit()
    await using one = await oursWith(test)
    const jar: { cookie: string | undefined } = { cookie: undefined }
    await one.ask(
      with1((session: Data) => (session.user = 'alice')),
      jar,
    )
    const { status } = await one.ask(
      async (req, res) => {
        await one.ask((inner, answer) => inner.session.destroy(() => answer.send('')), { ...jar })
        req.session.user = 'alice again'
        res.send('')
      },
      { ...jar },
    )
    expect(status).toBe(409)
    expect(await test.browser(jar.cookie).visit((session) => session.all())).toEqual({})
  })
})

describe.skipIf(!isInstalled)('one request that saves several times', () => {
  it('sends what is due in the end: one claim check, or one receipt', async () => {
    const test = kit()
    await using one = await oursWith(test)
    const jar: { cookie: string | undefined } = { cookie: undefined }
    const saving: Handler = (req, res) => {
      req.session.n = (req.session.n ?? 0) + 1
      req.session.save(() => {
        req.session.n++
        req.session.save(() => {
          req.session.n++
          res.send('')
        })
      })
    }
    const names = ({ setCookies }: { setCookies: readonly string[] }) => setCookies.map((one) => one.split('=')[0])
    expect(names(await one.ask(saving, jar))).toEqual(['__Host-sid', '__Host-sid-rev'])
    expect(names(await one.ask(saving, jar))).toEqual(['__Host-sid-rev'])
    expect(await test.browser(jar.cookie).visit((session) => session.all())).toEqual({ n: 6 })
  })

  it('sees what others had appended, and appends to that', async () => {
    const test = kit()
    await using one = await oursWith(test)
    const jar: { cookie: string | undefined } = { cookie: undefined }
    await one.ask(
      with1((session: Data) => (session.list = ['first'])),
      jar,
    )
    const { text } = await one.ask(async (req, res) => {
      await one.ask(
        with1((session: Data) => session.list.push('theirs')),
        { ...jar },
      )
      req.session.list.push('mine')
      req.session.save(() => {
        req.session.list.push('mine too')
        res.json(req.session.list)
      })
    }, jar)
    const all = ['first', 'theirs', 'mine', 'mine too']
    expect(JSON.parse(text)).toEqual(all)
    expect(await test.browser(jar.cookie).visit((session) => session.get('list'))).toEqual(all)
  })

  it('an error that nobody looks at is not a success', async () => {
    const test = kit()
    await using one = await oursWith(test)
    const { status, setCookies } = await one.ask((req, res) => {
      req.session.n = 1
      test.failing.always('throw')
      req.session.save(() => res.send('welcome'))
    })
    expect([status, setCookies]).toEqual([503, []])
  })

  it('G2: costs what session() costs: one read, one write, and no store without a cookie', async () => {
    const test = kit()
    await using one = await oursWith(test)
    const jar: { cookie: string | undefined } = { cookie: undefined }
    const cost = async (handler: Handler) => {
      test.store.reset()
      await one.ask(handler, jar)
      return test.store.roundTrips
    }
    expect(await cost(with1(() => {}))).toBe(0)
    expect(await cost(with1((session: Data) => (session.n = 1)))).toBe(1)
    expect(await cost(with1(() => {}))).toBe(1)
    expect(await cost(with1((session: Data) => (session.n = 2)))).toBe(2)
  })

  it('E3: an answer that did not look at req.session is left alone', async () => {
    const test = kit()
    const middleware = expressSession(test.options)
    expect(middleware.name).toBe('expressSession')
    await using one = await oursWith(test)
    const jar: { cookie: string | undefined } = { cookie: undefined }
    await one.ask(
      with1((session: Data) => (session.n = 1)),
      jar,
    )
    const headers: unknown[] = []
    for (const looks of [false, true])
      await one.ask((req, res) => {
        if (looks) void req.session.n
        res.on('finish', () => headers.push([res.getHeader('Vary'), res.getHeader('Cache-Control')]))
        res.send('')
      }, jar)
    expect(headers).toEqual([
      [undefined, undefined],
      ['Cookie', 'private, no-cache'],
    ])
  })
})

describe('options', () => {
  const { options } = kit()
  it.each([
    ['resave', { resave: false }, /^resave is an option of express-session: leave it out/],
    ['cookie.maxAge', { cookie: { maxAge: 1 } }, /^cookie.maxAge .* idleSeconds/],
    ['onConflict', { onConflict: ['messages'] }, /^onConflict must be/],
    ['others', { idleSecond: 1 }, /unknown option idleSecond/],
  ])('O1: refuses %s and says what to do', (_, wrong, text) => {
    expect(() => expressSession({ ...options, ...(wrong as object) })).toThrow(text)
  })
})
