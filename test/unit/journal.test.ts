import { describe, expect, it } from 'vitest'
import { apply, dependsOnBase, equalData, type Operation, replay, type SessionData } from '../../src/record/journal.ts'
import type { Json } from '../../src/record/json.ts'

const map = (data: Record<string, Json>): SessionData => new Map(Object.entries(data))
const set = (key: string, value: Json): Operation => ({ type: 'set', key, value })
const remove = (key: string): Operation => ({ type: 'delete', key })
const keep = (...keys: string[]): Operation => ({ type: 'keep', keys })
const clear: Operation = { type: 'clear' }
const increment = (key: string): Operation => ({ type: 'update', key, recipe: (n) => Number(n ?? 0) + 1 })

describe('replay', () => {
  it.each<[string, Operation[], Record<string, Json>]>([
    ['nothing', [], { a: 1, b: 2 }],
    ['set', [set('a', 5), set('c', null)], { a: 5, b: 2, c: null }],
    ['delete', [remove('a'), remove('none')], { b: 2 }],
    ['clear, then set', [set('x', 1), clear, set('c', 3)], { c: 3 }],
    ['keep drops what was set before, not what comes after', [set('x', 1), keep('a'), set('y', 2)], { a: 1, y: 2 }],
    ['update', [increment('a'), increment('a'), increment('new')], { a: 3, b: 2, new: 1 }],
    ['an update that gives undefined removes', [{ type: 'update', key: 'a', recipe: () => undefined }], { b: 2 }],
    ['order counts', [set('a', 10), increment('a'), remove('b'), increment('b')], { a: 11, b: 1 }],
  ])('%s', (_, operations, expected) => {
    const base = map({ a: 1, b: 2 })
    expect(Object.fromEntries(replay(base, operations))).toEqual(expected)
    expect(Object.fromEntries(base)).toEqual({ a: 1, b: 2 })
  })

  it('reaches no prototype, whatever the key', () => {
    const data = replay(new Map(), [set('__proto__', { polluted: true }), set('constructor', 1)])
    expect([...data.keys()]).toEqual(['__proto__', 'constructor'])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('a recipe', () => {
  it('cannot change what it is given', () => {
    const data = new Map<string, Json>([['list', [1]]])
    const mutate: Operation = { type: 'update', key: 'list', recipe: (list) => (list as number[]).push(2) }
    expect(() => apply(data, mutate)).toThrow(TypeError)
    expect(data.get('list')).toEqual([1])
  })

  it('gives a copy', () => {
    const shared = { n: 1 }
    const data = replay(new Map(), [{ type: 'update', key: 'a', recipe: () => shared }])
    shared.n = 2
    expect(data.get('a')).toEqual({ n: 1 })
  })

  it.each([async () => 1, () => new Date(), () => Number.NaN, () => () => {}])('gives JSON or throws: %s', (recipe) => {
    const data = new Map<string, Json>([['a', 1]])
    expect(() => apply(data, { type: 'update', key: 'a', recipe })).toThrow(
      expect.objectContaining({ code: 'invalid-value' }),
    )
    expect(data.get('a')).toBe(1)
  })
})

describe('dependsOnBase', () => {
  it.each<[boolean, string, Operation[]]>([
    [true, 'nothing was done', []],
    [true, 'another key was set', [set('b', 1)]],
    [true, 'an update builds on it', [increment('a')]],
    [true, 'it was kept', [keep('a')]],
    [false, 'it was set', [set('a', 1)]],
    [false, 'it was set, then updated', [set('a', 1), increment('a')]],
    [false, 'it was deleted', [remove('a')]],
    [false, 'all were cleared', [clear]],
    [false, 'it was not kept', [keep('b')]],
  ])('%s: %s', (expected, _, operations) => {
    expect(dependsOnBase(operations, 'a')).toBe(expected)
  })
})

describe('equalData', () => {
  it('compares keys and values, not the order of keys', () => {
    expect(equalData(map({ a: [1], b: 2 }), map({ b: 2, a: [1] }))).toBe(true)
    expect(equalData(map({ a: 1 }), map({ a: 1, b: 2 }))).toBe(false)
    expect(equalData(map({ a: 1, b: 2 }), map({ a: 1 }))).toBe(false)
    expect(equalData(map({ a: 1 }), map({ b: 1 }))).toBe(false)
    expect(equalData(map({ a: [1] }), map({ a: [2] }))).toBe(false)
    expect(equalData(map({ a: null }), map({}))).toBe(false)
  })
})
