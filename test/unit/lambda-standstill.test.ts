import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { unavailable } from '../../adapters/stores/memcached/client/driver.ts'
import { Pulse } from '../../adapters/stores/memcached/client/freeze-detector.ts'
import { type Connection, type FaultListener, Link } from '../../adapters/stores/memcached/client/reconnect.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Time passes, and nothing runs: neither timers nor anything else. */
const standStill = (ms: number) => vi.setSystemTime(Date.now() + ms)

describe('a pulse', () => {
  const counted = () => {
    const heard = vi.fn()
    return { heard, pulse: new Pulse(heard) }
  }

  it('hears nothing while the process runs, however long it is idle', () => {
    const { heard } = counted()
    vi.advanceTimersByTime(3_600_000)
    expect(heard).not.toHaveBeenCalled()
  })

  it('notices a standstill before anything is sent, once', () => {
    const { heard, pulse } = counted()
    standStill(3600)
    pulse.check()
    pulse.check()
    vi.advanceTimersByTime(5000)
    expect(heard).toHaveBeenCalledTimes(1)
  })

  it('notices it by itself, at the next beat', () => {
    const { heard } = counted()
    standStill(3600)
    vi.advanceTimersByTime(1000)
    expect(heard).toHaveBeenCalledTimes(1)
  })

  it('takes a busy second, and a clock that is set back, for nothing', () => {
    const { heard, pulse } = counted()
    standStill(1000)
    pulse.check()
    standStill(-3_600_000)
    pulse.check()
    vi.advanceTimersByTime(2000)
    expect(heard).not.toHaveBeenCalled()
  })

  it('ends, and keeps no timer', () => {
    const { heard, pulse } = counted()
    pulse.stop()
    standStill(3600)
    vi.advanceTimersByTime(5000)
    expect([heard.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0])
  })
})

/** A connection that is told what happens to it, and can be made to fail; one that is not open yet opens never. */
interface Fake extends Connection {
  readonly end: string[]
  fail(): void
}

function connectionTo(made: Fake[], isOpen: boolean, onFault: FaultListener<Fake>): Fake {
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>()
  const end: string[] = []
  const fake: Fake = {
    ...{ epoch: `${made.length}`, opened, isOpen, isProven: false, isSpent: false, end },
    retire: () => void end.push('retired'),
    close: () => void end.push('closed'),
    fail: () => {
      const error = unavailable('node', 'failed')
      onFault(fake, error)
      reject(error)
    },
  }
  if (isOpen) resolve()
  opened.catch(() => undefined)
  made.push(fake)
  return fake
}

/** The first `unopened` connections open never, the later ones at once. */
function setup(unopened = 0) {
  const made: Fake[] = []
  const link = new Link<Fake>('node', (onFault) => connectionTo(made, made.length >= unopened, onFault))
  return { link, made }
}

describe('a link', () => {
  it('replaces its connection after a standstill, and only then', async () => {
    const { link, made } = setup()
    const first = await link.connection()
    vi.advanceTimersByTime(60_000)
    expect(await link.connection()).toBe(first)
    standStill(60_000)
    expect(await link.connection()).not.toBe(first)
    expect([made.length, first.end]).toEqual([2, ['retired']])
    expect(link.ofEpoch('0')).toBeUndefined()
  })

  it('lets go of it at the next beat, also where nobody asks', async () => {
    const { link } = setup()
    const first = await link.connection()
    standStill(60_000)
    vi.advanceTimersByTime(1000)
    expect(first.end).toEqual(['retired'])
  })

  it('holds nothing against the server that went wrong over a standstill', async () => {
    const { link, made } = setup(1)
    const waiting = link.connection()
    standStill(60_000)
    made[0]?.fail()
    expect(await waiting).toBe(made[1])
    expect(made.length).toBe(2)
  })

  it('but what went wrong while it ran: then it waits a moment, and asks the server again (F5)', async () => {
    const { link, made } = setup(1)
    const refused = expect(link.connection()).rejects.toThrow('failed')
    made[0]?.fail()
    await refused
    const waiting = [link.connection(), link.connection()]
    await vi.advanceTimersByTimeAsync(24)
    expect(made.length).toBe(1)
    await vi.advanceTimersByTimeAsync(30)
    expect(await Promise.all(waiting)).toEqual([made[1], made[1]])
  })

  it('lets nobody wait who gave up, and nobody once it is closed', async () => {
    const { link, made } = setup(1)
    const refused = expect(link.connection()).rejects.toThrow('failed')
    made[0]?.fail()
    await refused
    const caller = new AbortController()
    const waiting = link.connection(caller.signal)
    caller.abort()
    await expect(waiting).rejects.toThrow('aborted')
    const other = link.connection()
    link.close()
    vi.advanceTimersByTime(50)
    await expect(other).rejects.toThrow('the store is closed')
  })

  it('keeps no timer once it is closed or its connection is gone', async () => {
    const [{ link }, { link: other, made }] = [setup(), setup()]
    await Promise.all([link.connection(), other.connection()])
    link.close()
    made[0]?.fail()
    expect(vi.getTimerCount()).toBe(0)
  })
})
