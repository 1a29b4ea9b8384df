import { describe, expect, it } from 'vitest'
import { SessionUseError, SessionValueError } from '../../src/errors.ts'
import { createSessions } from '../../src/sessions.ts'
import { type Any, type Browser, kit, secret } from '../support/app.ts'

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

describe('values', () => {
  class Person {
    name = 'bob'
  }
  const cycle: Any = { a: {} }
  cycle.a.b = cycle
  const refused: readonly [string, unknown, string][] = [
    ['a bigint', { a: [1n] }, 'key.a[0]'],
    ['a function', { a: () => 1 }, 'key.a'],
    ['a symbol', { a: Symbol('x') }, 'key.a'],
    ['a symbol as key', { a: { [Symbol('x')]: 1 } }, 'key.a'],
    ['a cycle', cycle, 'key.a.b'],
    ['a Map', { a: new Map() }, 'key.a'],
    ['a Set', [new Set()], 'key[0]'],
    ['a Date', { a: new Date(0) }, 'key.a'],
    ['a class instance', { a: new Person() }, 'key.a'],
    ['bytes', { a: new Uint8Array(2) }, 'key.a'],
    ['a promise', { a: Promise.resolve(1) }, 'key.a'],
    ['a boxed string', { a: new String('x') }, 'key.a'],
    ['an error', { a: new Error('x') }, 'key.a'],
    ['an inherited member', { a: Object.create({ b: 1 }) }, 'key.a'],
    ['NaN', { a: Number.NaN }, 'key.a'],
    ['Infinity', { a: -Infinity }, 'key.a'],
    ['undefined in an array', { a: [1, undefined] }, 'key.a[1]'],
    ['a hole in an array', { a: new Array(2) }, 'key.a[0]'],
    ['a lone surrogate', { a: 'x\ud800' }, 'key.a'],
    ['a lone surrogate in a key', { '\udc00': 1 }, 'key.'],
    ['toJSON', { a: { toJSON: () => 'other' } }, 'key.a.toJSON'],
  ]

  it.each(refused)('D7: %s is refused with its path, by set and by update', async (_, value, path) => {
    const user = await withOld(kit())
    const setting = await valueError(user.visit((session) => session.set('key', value as never)))
    expect([setting.code, setting.message]).toEqual(['invalid-value', expect.stringContaining(path)])
    const updating = await valueError(user.visit((session) => session.update('key', () => value as never)))
    expect(updating.message).toContain(path)
    expect(await user.visit((session) => session.all())).toEqual({ old: 'value' })
  })

  it('D7: what is accepted comes back equal', async () => {
    const values: Any = {
      naughty: [
        '',
        '\0',
        '\r\n',
        '\u2028\u2029',
        '\ufeff',
        '\u202etxt',
        'ﷺ',
        '😀',
        'e\u0301',
        '"\\/',
        '</script>',
        '%00',
      ],
      numbers: [0, 1, -1, 0.1, 5e-324, 1.7976931348623157e308, Number.MAX_SAFE_INTEGER, 1e21],
      nothing: [null, false, '', [], {}],
      object: Object.assign(Object.create(null), { a: 1 }),
      keys: { '': 1, ' ': 2, '😀': 3, '0': 4, 'a.b': 5 },
      '': 'the empty key',
    }
    const user = kit().browser()
    await user.visit((session) => {
      for (const [key, value] of Object.entries(values)) session.set(key, value)
      session.set('left out', { a: undefined, b: 1 } as never)
    })
    const all = await user.visit((session) => session.all())
    expect(all).toEqual({ ...values, object: { a: 1 }, 'left out': { b: 1 } })
    expect(Object.keys(all['left out'])).toEqual(['b'])
  })

  it('D16: text that looks like JSON stays text', async () => {
    const texts = ['true', '123', 'null', '{"__proto__":{"polluted":1}}', '[]', '"x"']
    const user = kit().browser()
    await user.visit((session) => session.set('texts', texts))
    expect(await user.visit((session) => session.get('texts'))).toEqual(texts)
  })

  it('D22: neither what was set nor what was read is shared with the store', async () => {
    const user = kit().browser()
    const cart = { items: ['a'] }
    await user.visit((session) => {
      session.set('cart', cart)
      cart.items.push('b')
    })
    await user.visit(async (session) => {
      const read = (await session.get('cart')) as { items: string[] }
      expect(() => read.items.push('c')).toThrow(TypeError)
      session.set('other', 1)
    })
    expect(await user.visit((session) => session.get('cart'))).toEqual({ items: ['a'] })
  })
})

describe('use', () => {
  it('D27: the environment is never picked up silently', () => {
    process.env.SESSION_SECRET = secret
    process.env.MEMCACHE_SERVERS = '127.0.0.1:1'
    try {
      const { store } = kit().options
      expect(() => createSessions({ store } as never)).toThrow(/secret/)
      expect(() => createSessions({ secret } as never)).toThrow(/store/)
    } finally {
      delete process.env.SESSION_SECRET
      delete process.env.MEMCACHE_SERVERS
    }
  })

  it('D7: a write that was refused leaves the session usable', async () => {
    const user = kit().browser()
    await user.visit((session) => {
      expect(() => session.set('bad', 1n as never)).toThrow(SessionValueError)
      session.set('good', 1)
      session.destroy()
      expect(() => session.set('late', 1)).toThrow(SessionUseError)
    })
    expect(user.cookie).toBeUndefined()
  })
})
