import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { merge } from '../../adapters/frameworks/express-session/merging.ts'
import { type ExpressSession, type ExpressSessionOptions, expressSession } from '../../adapters/frameworks/node.ts'
import type { Json } from '../../src/record/json.ts'
import { type Any, kit } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'

type Req = IncomingMessage & { session: ExpressSession<Any>; sessionID: string }
type Handle = (req: Req, res: ServerResponse) => unknown

/** A browser, and a server of node:http whose handler each request brings along. */
async function site(options: Partial<ExpressSessionOptions> = {}) {
  const test = kit()
  const withSession = expressSession({ ...test.options, ...options })
  let handle: Handle = () => {}
  const errors: unknown[] = []
  const server = createServer((req, res) => {
    withSession(req, res, (error) => {
      if (error) {
        errors.push(error)
        res.statusCode = (error as { status?: number }).status ?? 500
        return res.end((error as Error).message)
      }
      return handle(req as Req, res)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let cookie: string | undefined
  return {
    ...{ test, errors },
    get cookie() {
      return cookie
    },
    async ask(work: Handle) {
      handle = work
      const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie }
      const response = await fetch(`http://127.0.0.1:${port}`, { headers })
      cookie = nextCookies(cookie, response.headers.getSetCookie())
      return { status: response.status, text: await response.text(), headers: response.headers }
    },
    stored: () => test.browser(cookie).visit((one) => one.all()),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const json = fc.jsonValue({ depthSize: 'small' }).map((value) => JSON.parse(JSON.stringify(value)) as Json)

describe('merging', () => {
  it.each<[string, unknown, unknown, unknown, unknown]>([
    ['only mine', 1, 2, 1, 2],
    ['only theirs', 1, 1, 2, 2],
    ['both appended', ['a'], ['a', 'm'], ['a', 't'], ['a', 't', 'm']],
    ['both began a list', undefined, ['m'], ['t'], ['t', 'm']],
    ['both appended in an object', { e: ['a'] }, { e: ['a', 'm'] }, { e: ['a', 't'] }, { e: ['a', 't', 'm'] }],
    ['in different members', {}, { m: [1] }, { t: [2] }, { t: [2], m: [1] }],
    ['both began an object of lists', undefined, { e: ['m'] }, { e: ['t'] }, { e: ['t', 'm'] }],
  ])('%s', (_, base, mine, theirs, value) => {
    expect(merge(base as Json, mine as Json, theirs as Json)).toEqual({ value })
  })

  it.each<[string, unknown, unknown, unknown]>([
    ['both set it', 1, 2, 3],
    ['mine shortens what theirs appends to', ['a'], [], ['a', 't']],
    ['theirs replaces what mine appends to', ['a'], ['a', 'm'], ['b', 't']],
    ['both change members', { a: 1 }, { a: 2 }, { a: 1, b: 1 }],
    ['a member was taken away', { a: [1] }, {}, { a: [1, 2] }],
    ['a list and an object', undefined, [1], { a: [1] }],
    ['a list and an object, deep inside', {}, { a: [1] }, { a: { b: [1] } }],
    ['one has removed it', ['a'], undefined, ['a', 't']],
  ])('not where %s', (_, base, mine, theirs) => {
    expect(merge(base as Json, mine as Json, theirs as Json)).toBeUndefined()
  })

  it('gives the change of one where the other has none, and loses no item that was appended', () => {
    fc.assert(
      fc.property(json, json, (base, changed) => {
        expect(merge(base, changed, base)).toEqual({ value: changed })
        expect(merge(base, base, changed)).toEqual({ value: changed })
      }),
    )
    const list = fc.array(fc.integer(), { maxLength: 4 })
    fc.assert(
      fc.property(list, list, list, (base, mine, theirs) => {
        expect(merge(base, [...base, ...mine], [...base, ...theirs])).toEqual({ value: [...base, ...theirs, ...mine] })
      }),
    )
  })
})

describe('req.session of expressSession()', () => {
  it('G9, G10: is read and changed at once, stored before the answer leaves, and nothing is stored for nothing', async () => {
    await using one = await site()
    const empty = await one.ask((req, res) => res.end(`${req.session.user}`))
    expect([empty.text, empty.headers.getSetCookie(), one.test.memory.size]).toEqual(['undefined', [], 0])
    await one.ask((req, res) => {
      req.session.user = { name: 'alice', tags: [] }
      res.end()
    })
    await one.ask((req, res) => {
      req.session.user.tags.push('new')
      res.end()
    })
    expect(await one.stored()).toEqual({ user: { name: 'alice', tags: ['new'] } })
  })

  it('D7: what JSON would lose is refused with its path, also where it looks the same as text', async () => {
    await using one = await site()
    await one.ask((req, res) => {
      Object.assign(req.session, { a: {}, n: null })
      res.end()
    })
    const wrong: readonly [string, unknown][] = [
      ['a', new Map([[1, 1]])],
      ['a', new Set([1])],
      ['n', Number.NaN],
      ['b', 1n],
    ]
    for (const [key, value] of wrong) {
      const { status, text } = await one.ask((req, res) => {
        req.session[key] = value
        res.end()
      })
      expect([status, text]).toEqual([500, expect.stringContaining(`session value ${key} is `)])
    }
    expect(await one.stored()).toEqual({ a: {}, n: null })
  })

  it('D1: a member called like a method or a prototype hides nothing and pollutes nothing', async () => {
    await using one = await site()
    await one.test.browser().visit(() => {})
    const { status } = await one.ask((req, res) => {
      req.session.user = JSON.parse('{ "__proto__": { "admin": true } }')
      res.end()
    })
    expect([status, ({} as { admin?: unknown }).admin]).toEqual([500, undefined])
    await one.ask((req, res) => {
      req.session.real = 1
      res.end()
    })
    // Put there by `session()`, which knows no such names.
    const user = one.test.browser(one.cookie)
    await user.visit((each) => each.set('save', 'data'))
    const { text } = await one.ask((req, res) => res.end(typeof req.session.save))
    expect([text, await user.visit((each) => each.get('save'))]).toEqual(['function', 'data'])
  })

  it('an object that contains itself is refused', async () => {
    await using one = await site()
    const { status } = await one.ask((req, res) => {
      const circle: Record<string, unknown> = {}
      circle.self = circle
      req.session.circle = circle
      res.end()
    })
    expect(status).toBe(500)
  })

  it('F13: a handler that fails after regenerate() changes nothing', async () => {
    await using one = await site()
    await one.ask((req, res) => {
      req.session.cart = ['tea']
      res.end()
    })
    await one.ask((req, res) => {
      req.session.regenerate(() => {
        req.session.user = 'alice'
        res.writeHead(500).end()
      })
    })
    expect(await one.stored()).toEqual({ cart: ['tea'] })
  })

  it('G4: regenerate() without anything to keep is a logout, which clears the cookie', async () => {
    await using one = await site()
    await one.ask((req, res) => {
      req.session.user = 'alice'
      res.end()
    })
    const before = one.cookie
    await one.ask((req, res) => {
      delete req.session.user
      req.session.save(() => req.session.regenerate(() => res.end()))
    })
    expect([one.cookie, await one.test.browser(before).visit((each) => each.all())]).toEqual([undefined, {}])
  })

  it('G7: a logout that could not be stored is a 503, whatever the application makes of it', async () => {
    await using one = await site()
    await one.ask((req, res) => {
      req.session.user = 'alice'
      res.end()
    })
    const told: unknown[] = []
    const { status, headers } = await one.ask((req, res) => {
      one.test.failing.always('throw')
      req.session.destroy((error) => {
        told.push(error)
        res.end('logged out')
      })
    })
    one.test.failing.always(undefined)
    expect([status, headers.getSetCookie(), told]).toEqual([
      503,
      [],
      [expect.objectContaining({ code: 'unavailable' })],
    ])
    expect(await one.stored()).toEqual({ user: 'alice' })
  })

  it('an error that was told and answered is not told again', async () => {
    await using one = await site()
    const { status, text } = await one.ask((req, res) => {
      req.session.user = 'alice'
      one.test.failing.always('throw')
      req.session.save(() => res.writeHead(503).end('try again'))
    })
    expect([status, text, one.errors]).toEqual([503, 'try again', []])
  })

  it('under anonymous an outage is an empty session, and a change is a 503', async () => {
    await using one = await site({ onUnavailable: 'anonymous' })
    await one.ask((req, res) => {
      req.session.user = 'alice'
      res.end()
    })
    one.test.failing.always('throw')
    expect((await one.ask((req, res) => res.end(`${req.session.user}`))).text).toBe('undefined')
    const change: Handle = (req, res) => {
      req.session.user = 'bob'
      res.end()
    }
    expect((await one.ask(change)).status).toBe(503)
  })

  it('after the answer a change is saved by save(), and regenerate() is an error', async () => {
    await using one = await site()
    await one.ask((req, res) => {
      req.session.n = 1
      res.end()
    })
    const late = Promise.withResolvers<unknown[]>()
    await one.ask((req, res) => {
      res.end(`${req.session.n}`)
      res.once('close', () => {
        req.session.n = 2
        req.session.save((saved) => req.session.regenerate((refused) => late.resolve([saved, refused])))
      })
    })
    expect(await late.promise).toEqual([undefined, expect.objectContaining({ code: 'invalid-use' })])
    expect(await one.stored()).toEqual({ n: 2 })
  })

  it('its id is the ref, and another one for each visitor that has none yet', async () => {
    await using one = await site()
    const ids: string[] = []
    for (let visit = 0; visit < 2; visit++)
      await one.ask((req, res) => {
        ids.push(req.sessionID, req.session.id)
        res.end()
      })
    expect([ids[0], ids[2]]).toEqual([ids[1], ids[3]])
    expect(ids[0]).not.toBe(ids[2])
    await one.ask((req, res) => {
      req.session.n = 1
      req.session.save(() => res.end(req.session.id))
    })
    const { text } = await one.ask((req, res) => res.end(req.session.id))
    expect(text).toMatch(/^[\w-]{8}$/)
    const ref = await one.test.browser(one.cookie).visit(async (each) => [await each.get('n'), each.ref])
    expect(ref).toEqual([1, text])
  })

  it('a persistent cookie says how long it lasts', async () => {
    await using one = await site({ cookie: { persistent: true }, absoluteSeconds: 3600 })
    const { text } = await one.ask((req, res) => {
      const { maxAge, originalMaxAge, expires } = req.session.cookie
      res.end(JSON.stringify([maxAge, originalMaxAge, expires]))
    })
    const end = new Date(one.test.clock.now() + 3_600_000).toISOString()
    expect(JSON.parse(text)).toEqual([3_600_000, 3_600_000, end])
  })

  it('is typed by what it holds', () => {
    expectTypeOf<ExpressSession<{ user: string }>['user']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<ExpressSession['regenerate']>().parameter(0).toBeFunction()
  })
})
