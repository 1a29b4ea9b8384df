import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/session.ts'
import { type Any, kit, withData } from '../support/app.ts'

describe('every call sees the session as of its place in the order of calls (F8)', () => {
  it('pull before set gives the stored value, and what was set is stored', async () => {
    const { user } = await withData({ flash: 'old' })
    await user.visit(async (session) => {
      const pulled = session.pull('flash')
      session.set('flash', 'new')
      expect(await pulled).toBe('old')
    })
    expect(await user.visit((session) => session.pull('flash'))).toBe('new')
  })

  it.each([false, true])(
    'get, has, all and update before a set see what was there; loaded before: %s',
    async (isLoaded) => {
      const { user } = await withData({ n: 1 })
      const seen = await user.visit((session) =>
        Promise.resolve(isLoaded && session.get('other')).then(() => {
          const calls = [session.get('n'), session.has('m'), session.all(), session.update('n', (n) => n + 10)] as const
          session.set('n', 5)
          session.set('m', 5)
          session.regenerate({ keep: ['m'] })
          return Promise.all([...calls, session.all()])
        }),
      )
      expect(seen).toEqual([1, false, { n: 1 }, undefined, { m: 5 }])
      expect(await user.visit((session) => session.all())).toEqual({ m: 5 })
    },
  )

  it('reads before destroy see the session, those after it do not', async () => {
    const { user } = await withData({ n: 1 })
    const seen = await user.visit((session) => {
      const before = session.get('n')
      session.destroy()
      return Promise.all([before, session.get('n')])
    })
    expect(seen).toEqual([1, undefined])
  })

  it('a key that was looked at and then set is guarded, also where nobody waited for the look', async () => {
    const { test, user } = await withData({ n: 1 })
    const rival = test.browser(user.cookie)
    const { session, commit } = test.sessions.open(user.cookie)
    const seen = session.get('n')
    session.set('n', 2)
    expect(await seen).toBe(1)
    await rival.visit((one) => one.set('n', 7))
    await expect(commit()).rejects.toMatchObject({ code: 'conflict' })
    expect(await rival.visit((one) => one.get('n'))).toBe(7)
  })
})

type Value = number | undefined
type Step =
  | { readonly do: 'set'; readonly key: string; readonly value: number }
  | { readonly do: 'get' | 'has' | 'pull' | 'delete' | 'update'; readonly key: string }
  | { readonly do: 'all' }
  | { readonly do: 'clear' }
  | { readonly do: 'keep'; readonly keys: readonly string[] }

const names = ['a', 'b', 'c']
const key = fc.constantFrom(...names)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key, value: fc.nat(9) }),
  fc.record({ do: fc.constantFrom('get', 'has', 'pull', 'delete', 'update'), key }),
  fc.record({ do: fc.constant('all' as const) }),
  fc.record({ do: fc.constant('clear' as const) }),
  fc.record({ do: fc.constant('keep' as const), keys: fc.subarray(names) }),
)
const recipe = (n: Value) => (n === 3 ? undefined : (n ?? 0) + 1)

/** What a plain map makes of it: its answer, and the data after it. */
function onMap(data: Map<string, number>, one: Step): unknown {
  switch (one.do) {
    case 'all':
      return Object.fromEntries(data)
    case 'clear':
      return data.clear()
    case 'keep':
      for (const name of [...data.keys()]) if (!one.keys.includes(name)) data.delete(name)
      return undefined
    case 'set':
      return put(data, one.key, one.value)
    case 'update':
      return put(data, one.key, recipe(data.get(one.key)))
    case 'get':
      return data.get(one.key)
    case 'has':
      return data.has(one.key)
    default: {
      const value = data.get(one.key)
      data.delete(one.key)
      return one.do === 'pull' ? value : undefined
    }
  }
}

function put(data: Map<string, number>, name: string, value: Value): void {
  if (value === undefined) data.delete(name)
  else data.set(name, value)
}

function onSession(session: Session<Any>, one: Step): unknown {
  switch (one.do) {
    case 'set':
      return session.set(one.key, one.value)
    case 'update':
      return session.update(one.key, recipe)
    case 'keep':
      return session.regenerate({ keep: one.keys })
    case 'all':
    case 'clear':
      return session[one.do]()
    default:
      return session[one.do](one.key)
  }
}

it('answers and data are those of a plain map, whatever is awaited when, and however late the load comes (F8)', async () => {
  const start = fc.record({ a: fc.nat(3), b: fc.nat(3) }, { requiredKeys: [] })
  const steps = fc.array(fc.tuple(step, fc.boolean()), { maxLength: 12 })
  const property = fc.asyncProperty(start, steps, async (data, todo) => {
    const test = kit({ requestMs: 60_000 })
    const user = test.browser()
    await user.visit((session) => {
      session.set('always', 1)
      for (const [name, value] of Object.entries(data)) session.set(name, value)
    })
    const map = new Map(Object.entries({ always: 1, ...data }))
    const expected: unknown[] = []
    const answers = await user.visit(async (session) => {
      const given: unknown[] = []
      for (const [one, isAwaited] of todo) {
        expected.push(onMap(map, one))
        const answer = onSession(session, one)
        given.push(isAwaited ? await answer : answer)
      }
      return Promise.all(given)
    })
    expect(answers).toEqual(expected)
    if (map.size > 0 || user.cookie)
      expect(await user.visit((session) => session.all())).toEqual(Object.fromEntries(map))
  })
  await fc.assert(property, { numRuns: 500, interruptAfterTimeLimit: 15_000 })
}, 30_000)
