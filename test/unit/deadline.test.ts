import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Deadline } from '../../adapters/stores/memcached/client/deadline.ts'

let now = 0
let judged: number[] = []
let deadline: Deadline

beforeEach(() => {
  now = 0
  judged = []
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate'] })
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  deadline = new Deadline((time) => {
    judged.push(time)
    return Number.POSITIVE_INFINITY
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Time goes by and timers run; `stood`: the clock goes on by so much before they do. */
function pass(ms: number, stood = 0): void {
  now += stood
  for (let at = 0; at < ms; at++) {
    now++
    vi.advanceTimersByTime(1)
  }
}

test('what is due is judged when it is due', () => {
  deadline.noteBy(100)
  pass(99)
  expect(judged).toEqual([])
  pass(2)
  expect(judged).toEqual([100])
})

test('a deadline that came in a standstill is waited for again as long as it was late, once', () => {
  deadline.noteBy(100)
  pass(100, 60) // judged 60 late, if it were
  expect(judged).toEqual([])
  pass(59, 500) // a standstill within that counts
  expect(judged).toEqual([])
  pass(2)
  expect(judged).toEqual([720])
})

test('a standstill gives back 250 ms at most', () => {
  deadline.noteBy(100)
  pass(100, 10_000)
  pass(249)
  expect(judged).toEqual([])
  pass(2)
  expect(judged).toEqual([10_350])
})

test('cleared, nothing is judged, also where it was just waited for again', () => {
  deadline.noteBy(100)
  pass(100, 60)
  deadline.clear()
  pass(500)
  expect(judged).toEqual([])
  deadline.noteBy(now + 10)
  pass(12)
  expect(judged).toHaveLength(1)
})
