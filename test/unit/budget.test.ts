import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SessionValueError, StoreUnavailableError } from '../../src/errors.ts'
import { Budget } from '../../src/request/budget.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const sleep = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms))
const never = () => new Promise<never>(() => {})

/** What became of it, while the time passes. */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | unknown> {
  const outcome = work.catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(ms)
  return Promise.race([outcome, Promise.resolve('pending')])
}

describe('Budget', () => {
  it('takes an answer that came in time, also where the loop was too busy to read it (F9)', async () => {
    vi.useRealTimers()
    const sent = new Int32Array(new SharedArrayBuffer(4))
    const code = `
      const { parentPort, workerData } = require('node:worker_threads')
      parentPort.on('message', () => { parentPort.postMessage('answer'); Atomics.store(workerData, 0, 1) })`
    const other = new Worker(code, { eval: true, workerData: sent })
    await once(other, 'online')
    // Behind the reading of this turn: timers that are due run before the next.
    await new Promise((wake) => setImmediate(wake))
    const call = new Budget(20).call(async () => {
      const answer = once(other, 'message')
      other.postMessage('question')
      return answer
    })
    const start = performance.now()
    while (Atomics.load(sent, 0) === 0 || performance.now() < start + 200);
    expect(await call).toEqual(['answer'])
    await other.terminate()
  })

  it('leaves a call the time that nothing could run in (F9)', async () => {
    const budget = new Budget(100)
    const before = performance.now.bind(performance)
    const reading = budget.call(() => sleep(60))
    vi.spyOn(performance, 'now').mockImplementation(() => before() + 5000)
    await within(60, reading)
    expect(budget.leftMs).toBeGreaterThanOrEqual(40)
    vi.restoreAllMocks()
  })

  it('keeps back what it is told to (F10)', async () => {
    const budget = new Budget(100)
    const pending = budget.call(never, { keepMs: 30 })
    expect(await within(69, pending)).toBe('pending')
    expect(await within(2, pending)).toBeInstanceOf(StoreUnavailableError)
    expect(budget.leftMs).toBeGreaterThan(25)
  })

  it('hands through what the work gives', async () => {
    expect(await new Budget(100).call(async () => 'answer')).toBe('answer')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends a call that does not settle, and aborts its signal', async () => {
    let signal: AbortSignal | undefined
    const pending = new Budget(100).call((given) => {
      signal = given
      return never()
    })
    expect(await within(99, pending)).toBe('pending')
    expect(signal?.aborted).toBe(false)
    expect(await within(1, pending)).toBeInstanceOf(StoreUnavailableError)
    expect(signal?.aborted).toBe(true)
  })

  it('counts only the time that is waited', async () => {
    const budget = new Budget(100)
    await within(
      40,
      budget.wait(() => sleep(40)),
    )
    expect(budget.leftMs).toBe(60)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(budget.leftMs).toBe(60)
    const pending = budget.call(never)
    expect(await within(59, pending)).toBe('pending')
    expect(await within(1, pending)).toBeInstanceOf(StoreUnavailableError)
    expect(budget.leftMs).toBe(0)
  })

  it('takes nothing for what this process does, or stands still, between two calls (F9)', async () => {
    const budget = new Budget(100)
    await within(
      10,
      budget.call(() => sleep(10)),
    )
    const usual = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => usual() + 5000)
    expect(budget.leftMs).toBe(90)
    expect(await budget.call(async () => 'answer')).toBe('answer')
    vi.restoreAllMocks()
  })

  it('counts calls that go on at once once', async () => {
    const budget = new Budget(100)
    const sleepers = [10, 30, 20].map((ms) => budget.call(() => sleep(ms)))
    await within(30, Promise.all(sleepers))
    expect(budget.leftMs).toBe(70)
  })

  it('counts a wait that fails', async () => {
    const budget = new Budget(100)
    const failing = budget.wait(async () => {
      await sleep(30)
      throw new Error('scripted')
    })
    await within(30, failing)
    expect(budget.leftMs).toBe(70)
  })

  it('makes no call once it is used up, except one that is granted its own time', async () => {
    const budget = new Budget(50)
    await within(
      80,
      budget.wait(() => sleep(80)),
    )
    const work = vi.fn(never)
    await expect(budget.call(work)).rejects.toThrow(StoreUnavailableError)
    expect(work).not.toHaveBeenCalled()
    const granted = budget.call(work, { atLeastMs: 20 })
    expect(await within(19, granted)).toBe('pending')
    expect(await within(1, granted)).toBeInstanceOf(StoreUnavailableError)
    expect(work).toHaveBeenCalledOnce()
  })

  it('passes on errors of ours and makes an outage of every other, keeping the cause', async () => {
    const own = new SessionValueError('too-large', 'x')
    const foreign = new TypeError('y')
    await expect(new Budget(100).call(() => Promise.reject(own))).rejects.toBe(own)
    const failure = new Budget(100).call(() => Promise.reject(foreign))
    await expect(failure).rejects.toMatchObject({ code: 'unavailable', cause: foreign })
    const thrown = new Budget(100).call(() => {
      throw foreign
    })
    await expect(thrown).rejects.toMatchObject({ code: 'unavailable', cause: foreign })
  })
})
