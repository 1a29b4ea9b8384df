import { describe, expect, it } from 'vitest'
import { SessionValueError } from '../../src/errors.ts'
import { createSessions } from '../../src/sessions.ts'
import { type Any, type Browser, browser, kit, secret } from '../support/app.ts'
import { forge, inherited } from '../support/forge.ts'
import { stretched } from '../support/own-time.ts'

const polluted = () => [({} as Any).isAdmin, ({} as Any).x, ({} as Any).polluted]
const nested = (depth: number, json = '[') => JSON.parse(json.repeat(depth) + (json === '[' ? ']' : '}').repeat(depth))

async function valueError(work: Promise<unknown>): Promise<SessionValueError> {
  const error = await work.then(
    () => expect.fail('was accepted'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SessionValueError)
  return error as SessionValueError
}

/** A user whose session holds `{ old: 'value' }`. */
async function withOld(test: ReturnType<typeof kit>): Promise<Browser> {
  const user = test.browser()
  await user.visit((session) => session.set('old', 'value'))
  return user
}

describe('prototype pollution', () => {
  it('D1: a hostile body merged into the session pollutes nothing; __proto__ is refused and named', async () => {
    const user = kit().browser()
    const body = JSON.parse('{"constructor":{"prototype":{"x":1}},"__proto__":{"isAdmin":true}}') as Any
    const error = await valueError(
      user.visit((session) => {
        for (const [key, value] of Object.entries(body)) session.set(key, value)
      }),
    )
    expect(error.message).toContain('__proto__')
    await user.visit((session) => session.set('constructor', body.constructor))
    const [all, unset, built, direct] = await user.visit(async (session) => {
      const [every, none, set] = [await session.all(), await session.get('isAdmin'), await session.get('constructor')]
      return [every, none, set, (session as unknown as Any).isAdmin]
    })
    expect([unset, direct, ...polluted()]).toEqual([undefined, undefined, undefined, undefined, undefined])
    expect(built).toEqual({ prototype: { x: 1 } })
    expect(Object.getPrototypeOf(all)).toBe(Object.prototype)
  })

  it.each<[string, string]>([
    ['{"__proto__":{"polluted":1}}', 'profile.__proto__'],
    ['{"a":[{"b":{"__proto__":null}}]}', 'profile.a[0].b.__proto__'],
  ])('D1: __proto__ inside %s is refused, the path is named', async (text, path) => {
    const test = kit()
    const user = await withOld(test)
    const value = JSON.parse(text) as never
    expect((await valueError(user.visit((session) => session.set('profile', value)))).message).toContain(path)
    const updating = user.visit((session) => session.update('profile', () => value))
    expect((await valueError(updating)).message).toContain(path)
    expect(await user.visit((session) => session.all())).toEqual({ old: 'value' })
  })

  it('D1: every method refuses __proto__ as a key', async () => {
    const { session } = kit().sessions.open(undefined)
    const key = '__proto__'
    expect(() => session.set(key, 1 as never)).toThrow(SessionValueError)
    expect(() => session.delete(key)).toThrow(SessionValueError)
    for (const call of [session.get(key), session.has(key), session.pull(key), session.update(key, () => 1 as never)])
      expect((await valueError(call)).message).toContain('__proto__')
  })

  it('D2: __proto__ in a stored record is a plain member, wherever it stands', async () => {
    const test = kit()
    const forged = await forge(test.clock.now())
    const data = '{"__proto__":{"isAdmin":true},"user":{"__proto__":{"isAdmin":true},"name":"bob"}}'
    const times = `"created":${forged.until - 28_800},"until":${forged.until}`
    await forged.put(test.memory, await forged.seal(`{${times},"data":${data},"__proto__":{"polluted":1}}`))
    const user = test.browser(forged.cookie)
    const all = await user.visit((session) => session.all())
    expect([all.isAdmin, all.user.isAdmin, ...polluted()]).toEqual(new Array(5).fill(undefined))
    for (const bag of [all, all.user]) expect(Object.getPrototypeOf(bag)).toBe(Object.prototype)
    expect(all.user.name).toBe('bob')
    await user.visit((session) => session.set('more', 1))
    expect(await user.visit((session) => session.get('more'))).toBe(1)
    expect(polluted()).toEqual([undefined, undefined, undefined])
  })

  it('D3: inherited names are unset until they are set, then come back', async () => {
    const user = await withOld(kit())
    await user.visit(async (session) => {
      for (const name of inherited) {
        expect(await session.get(name), name).toBeUndefined()
        expect(await session.has(name), name).toBe(false)
        expect(await session.pull(name), name).toBeUndefined()
      }
      expect(await session.update('valueOf', (current) => current ?? 'fresh')).toBeUndefined()
      for (const name of inherited) session.set(name, `own ${name}`)
    })
    await user.visit(async (session) => {
      for (const name of inherited) expect(await session.get(name)).toBe(`own ${name}`)
    })
  })
})

describe('limits', () => {
  it.each(['[', '{"a":'])('D4: 32 levels of %s are kept, 33 and 10,000 refused on every way in', async (json) => {
    const leaf = json === '[' ? '' : '1'
    const deep = (levels: number) => {
      let value: unknown = json === '[' ? [] : { a: leaf }
      for (let level = 1; level < levels; level++) value = json === '[' ? [value] : { a: value }
      return value as never
    }
    const user = await withOld(kit())
    await user.visit((session) => session.set('deep', deep(32)))
    expect(await user.visit((session) => session.get('deep'))).toEqual(deep(32))
    for (const levels of [33, 10_000]) {
      await valueError(user.visit((session) => session.set('deep', deep(levels))))
      await valueError(user.visit((session) => session.update('deep', () => deep(levels))))
    }
    expect(await user.visit((session) => session.all())).toEqual({ old: 'value', deep: deep(32) })
  })

  it('D4: a stored record that is too deep is no session, soon and without an exception', async () => {
    const test = kit()
    const forged = await forge(test.clock.now())
    const read = async (levels: number) => {
      await forged.put(test.memory, await forged.sealData(`{"deep":${'['.repeat(levels)}${']'.repeat(levels)}}`))
      test.events.length = 0
      return test.browser(forged.cookie).visit((session) => session.get('deep'))
    }
    expect(await read(32)).toEqual(nested(32))
    expect(await read(33)).toBeUndefined()
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'corrupt' }))
    const used = process.cpuUsage()
    expect(await read(200_000)).toBeUndefined()
    const { user } = process.cpuUsage(used)
    // A processor that others share is slower, also by its own count.
    expect(user / 1000).toBeLessThan(stretched(400))
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'corrupt' }))
  })

  it('D5: a session over 64 KiB is refused before it is sent, naming the biggest keys; the old one still loads', async () => {
    const test = kit()
    const user = await withOld(test)
    test.store.reset()
    const error = await valueError(
      user.visit((session) => {
        session.set('small', 'x')
        session.set('basket', 'b'.repeat(60_000))
        session.set('history', 'h'.repeat(10_000))
      }),
    )
    expect(error.code).toBe('too-large')
    expect(error.message).toMatch(/65536.*basket \(60002\), history \(10002\)/)
    expect(error.message).not.toMatch(/bbb|hhh/)
    expect(test.store.calls).toMatchObject({ read: 1, create: 0, update: 0, delete: 0 })
    expect(await user.visit((session) => session.all())).toEqual({ old: 'value' })
    const fresh = test.browser()
    expect((await valueError(fresh.visit((session) => session.set('a', 'a'.repeat(65_536))))).code).toBe('too-large')
    expect([fresh.cookie, test.memory.size]).toEqual([undefined, 1])
  })

  it('D5: the limit counts UTF-8 bytes of the JSON, to the byte', async () => {
    const around = '{"created":1700000000,"until":1700028800,"data":{"text":""}}'.length
    const user = kit({ maxBytes: 1000 }).browser()
    const fits = 'é'.repeat((1000 - around) / 2)
    await user.visit((session) => session.set('text', fits))
    await valueError(user.visit((session) => session.set('text', `${fits}x`)))
    expect(await user.visit((session) => session.get('text'))).toBe(fits)
  })

  it('D5: with the highest maxBytes a session of that size fits the store, one byte more is refused by name', async () => {
    const highest = 999_960
    expect(() => kit({ maxBytes: highest + 1 })).toThrow(/maxBytes/)
    const around = '{"created":1700000000,"until":1700028800,"data":{"text":""}}'.length
    const user = kit({ maxBytes: highest }).browser()
    await user.visit((session) => session.set('text', 'x'.repeat(highest - around)))
    expect((await user.visit((session) => session.get('text'))).length).toBe(highest - around)
    const error = await valueError(user.visit((session) => session.set('more', 1)))
    expect(error.message).toMatch(/biggest keys: text/)
  })

  it('D8, D9, D10: odd namespaces are refused; keys have one length and form', async () => {
    for (const namespace of [
      '',
      'a b',
      'a:b',
      'a\r\nset inj 0 0 4',
      'é',
      '../x',
      'x'.repeat(65),
      'x'.repeat(200),
      '\0',
    ])
      expect(() => createSessions({ ...kit().options, namespace }), JSON.stringify(namespace)).toThrow(/namespace/)
    const namespace = 'x'.repeat(64)
    const keys = await Promise.all(Array.from({ length: 50 }, async () => (await forge(0, secret, namespace)).key))
    for (const key of keys) expect(key).toMatch(/^x{64}:[A-Za-z0-9_-]{43}$/)
  })

  it('D10: the cookie of one application is nothing to another on the same store', async () => {
    const a = kit({ namespace: 'a' })
    const user = await withOld(a)
    const events: unknown[] = []
    const b = createSessions<Any>({ ...a.options, namespace: 'a.b', onEvent: (event) => void events.push(event) })
    a.store.reset()
    expect(await browser(b, user.cookie).visit((session) => session.all())).toEqual({})
    expect(a.store.roundTrips).toBe(0)
    expect(events).toMatchObject([{ type: 'bad-token', reason: 'claims' }, { reason: 'refused' }])
  })
})
