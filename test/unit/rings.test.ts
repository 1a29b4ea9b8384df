import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Ring } from '../../adapters/stores/memcached/servers/ring.ts'
import { Rings } from '../../adapters/stores/memcached/servers/ring-history.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})
const ringOf = (...nodes: readonly string[]): Ring => ({ ownersOf: (_, copies) => nodes.slice(0, copies) })
function ringsOf(keepMs: () => number = () => 1000) {
  const onForget = vi.fn()
  const rings = new Rings(2, keepMs, onForget)
  return { rings, onForget, change: (...nodes: readonly string[]) => rings.change(ringOf(...nodes), nodes) }
}

test('without a ring nobody owns anything', () => {
  const { rings } = ringsOf()
  expect(rings.isEmpty).toBe(true)
  expect(rings.ownersOf('key')).toEqual([])
  expect(rings.nodesInForce.size).toBe(0)
})

test('after a change the owners of both rings count, the earliest first', () => {
  const { rings, change } = ringsOf()
  change('a', 'b', 'x')
  expect(rings.ownersOf('key')).toEqual(['a', 'b'])
  change('c', 'a')
  expect(rings.ownersOf('key')).toEqual(['a', 'b', 'c'])
  expect(rings.nodes).toEqual(new Set(['a', 'b', 'x', 'c']))
  expect(rings.nodesInForce).toEqual(new Set(['c', 'a']))
})

test('also after a change back: somebody may have written by the ring between', () => {
  const { rings, change } = ringsOf()
  change('a', 'b')
  change('c', 'd')
  change('a', 'b')
  expect(rings.ownersOf('key')).toEqual(['a', 'b', 'c', 'd'])
})

test('a former ring is forgotten when no session of its time can live, counted from its end', () => {
  const { rings, change, onForget } = ringsOf()
  change('a', 'b')
  vi.advanceTimersByTime(5000)
  change('c', 'd')
  vi.advanceTimersByTime(500)
  change('e', 'f')
  vi.advanceTimersByTime(499)
  expect(rings.ownersOf('key')).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  expect(onForget).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(rings.ownersOf('key')).toEqual(['c', 'd', 'e', 'f'])
  expect(onForget).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(500)
  expect(rings.ownersOf('key')).toEqual(['e', 'f'])
  vi.advanceTimersByTime(1_000_000)
  expect(rings.ownersOf('key')).toEqual(['e', 'f'])
  expect(onForget).toHaveBeenCalledTimes(2)
})

test('how long is asked each time: a longer life may have been seen meanwhile', () => {
  let keepMs = 1000
  const { rings, change } = ringsOf(() => keepMs)
  change('a', 'b')
  change('c', 'd')
  vi.advanceTimersByTime(900)
  keepMs = 3000
  vi.advanceTimersByTime(900)
  expect(rings.ownersOf('key')).toEqual(['a', 'b', 'c', 'd'])
})

test('a list that never holds still costs a bounded number of rings, and each one given up is told (F28)', () => {
  const onGiveUp = vi.fn()
  const rings = new Rings(
    2,
    () => 1_000_000,
    () => {},
    onGiveUp,
  )
  for (let at = 0; at < 35; at++) {
    rings.change(ringOf(`a${at}`, `b${at}`), [`a${at}`, `b${at}`])
    vi.advanceTimersByTime(1)
  }
  expect(rings.ownersOf('key')).toHaveLength(16)
  expect(rings.ownersOf('key').slice(-2)).toEqual(['a34', 'b34'])
  expect(rings.nodesInForce).toEqual(new Set(['a34', 'b34']))
  expect(onGiveUp).toHaveBeenCalledTimes(27)
})

test('the ring in force is never given up, however early it began (F28)', () => {
  const { rings, change } = ringsOf(() => 1_000_000)
  change('a', 'b')
  for (let at = 0; at < 20; at++) {
    vi.advanceTimersByTime(1)
    change(`c${at}`, 'd')
    vi.advanceTimersByTime(1)
    change('a', 'b')
  }
  expect(rings.nodesInForce).toEqual(new Set(['a', 'b']))
  expect(rings.ownersOf('key').slice(0, 2)).toEqual(['a', 'b'])
})
