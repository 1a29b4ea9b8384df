import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Address } from '../../adapters/stores/memcached/address.ts'
import type { ServerProvider } from '../../adapters/stores/memcached/servers/dns.ts'
import {
  type ServerWatch,
  type WatchOptions,
  watchServers,
} from '../../adapters/stores/memcached/servers/server-watch.ts'
import { StoreUnavailableError } from '../../src/errors.ts'

let watch: ServerWatch | undefined
beforeEach(() => {
  vi.useFakeTimers()
  // No jitter.
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  watch?.close()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Answers in turn, an error by rejecting; the last answer stays. */
function start(answers: readonly (readonly string[] | Error | unknown)[], options: Partial<WatchOptions> = {}) {
  const left = [...answers]
  const provider = vi.fn<ServerProvider>(async () => {
    const answer = left.length > 1 ? left.shift() : left[0]
    if (answer instanceof Error) throw answer
    return answer as readonly string[]
  })
  const changes: string[][] = []
  const errors: unknown[] = []
  const onChange = (servers: readonly Address[]) => void changes.push(servers.map(({ node }) => node))
  const onError = (error: unknown) => void errors.push(error)
  const started = watchServers(provider, { onChange, onError, refreshMs: 10_000, ...options })
  watch = started
  return { watch: started, provider, changes, errors }
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const nodes = async (from: ServerWatch) => (await from.ready()).map(({ node }) => node)
const down = new Error('no name server')

test('the first list is there for all who wait for it, after one lookup', async () => {
  const { watch, provider, changes } = start([['a', 'b:1']])
  expect(await Promise.all([nodes(watch), nodes(watch)])).toEqual([
    ['a:11211', 'b:1'],
    ['a:11211', 'b:1'],
  ])
  expect(await nodes(watch)).toEqual(['a:11211', 'b:1'])
  expect(provider).toHaveBeenCalledTimes(1)
  expect(changes).toEqual([['a:11211', 'b:1']])
})

test('a change is told once, in its time', async () => {
  const { watch, provider, changes } = start([['a'], ['a'], ['a', 'b']])
  await pass(9999)
  expect(provider).toHaveBeenCalledTimes(1)
  await pass(1)
  expect(provider).toHaveBeenCalledTimes(2)
  expect(changes).toEqual([['a:11211']])
  await pass(50_000)
  expect(changes).toEqual([['a:11211'], ['a:11211', 'b:11211']])
  expect(await nodes(watch)).toEqual(['a:11211', 'b:11211'])
})

test('processes do not ask in step: the pauses differ by a tenth', async () => {
  const random = vi.mocked(Math.random)
  const { provider } = start([['a']])
  random.mockReturnValue(0)
  await pass(9000)
  expect(provider).toHaveBeenCalledTimes(2)
  random.mockReturnValue(0.999)
  await pass(9000)
  expect(provider).toHaveBeenCalledTimes(3)
  await pass(10_900)
  expect(provider).toHaveBeenCalledTimes(3)
  await pass(100)
  expect(provider).toHaveBeenCalledTimes(4)
})

test.each<[string, unknown]>([
  ['fails', down],
  ['finds nothing', []],
  ['finds something else', 'a'],
  ['finds what is no server', ['a', 'b:0']],
])('a lookup that %s changes nothing, is reported, and soon tried again', async (_, answer) => {
  const { watch, provider, changes, errors } = start([['a'], answer, answer, ['b']])
  await pass(10_000)
  expect(provider).toHaveBeenCalledTimes(2)
  expect(errors).toHaveLength(1)
  expect(await nodes(watch)).toEqual(['a:11211'])
  await pass(1000)
  expect(provider).toHaveBeenCalledTimes(3)
  await pass(1999)
  expect(provider).toHaveBeenCalledTimes(3)
  await pass(1)
  expect(changes).toEqual([['a:11211'], ['b:11211']])
  await pass(9999)
  expect(provider).toHaveBeenCalledTimes(4)
  await pass(1)
  expect(provider).toHaveBeenCalledTimes(5)
})

test('a server that is found twice is one (F29)', async () => {
  const { watch, errors } = start([['a', 'A.:11211', 'b']])
  expect(await nodes(watch)).toEqual(['a:11211', 'b:11211'])
  expect(errors).toEqual([])
})

test('a lookup that is over leaves nothing behind (F27)', async () => {
  vi.useRealTimers()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const signals: WeakRef<AbortSignal>[] = []
  watch = watchServers(
    async (signal) => {
      signals.push(new WeakRef(signal))
      return ['a']
    },
    { onChange() {}, refreshMs: 1, isToldAll: true },
  )
  await vi.waitFor(() => {
    collect()
    expect(signals.length).toBeGreaterThan(50)
    // The last few: of the lookup under way, and those since the collection.
    expect(signals.filter((signal) => signal.deref() !== undefined).length).toBeLessThan(20)
  }, 10_000)
})

test('after failures the pauses double, up to the usual one', async () => {
  const { provider } = start([['a'], down])
  const seconds: number[] = []
  for (let second = 1; second <= 60; second++) {
    const before = provider.mock.calls.length
    await pass(1000)
    if (provider.mock.calls.length > before) seconds.push(second)
  }
  expect(seconds).toEqual([10, 11, 13, 17, 25, 35, 45, 55])
})

test('without a first list those who wait get the outage and its cause, and a flood of them is not passed on', async () => {
  const { watch, provider } = start([down, ['a']])
  const first = watch.ready()
  await expect(first).rejects.toBeInstanceOf(StoreUnavailableError)
  await expect(watch.ready()).rejects.toMatchObject({ cause: down })
  expect(provider).toHaveBeenCalledTimes(1)
  await pass(1200)
  expect(await nodes(watch)).toEqual(['a:11211'])
})

test('a list that its user refuses counts as failed and is offered again', async () => {
  const refused = new Error('no ring')
  const onChange = vi.fn<WatchOptions['onChange']>().mockImplementationOnce(() => {
    throw refused
  })
  const { watch, errors } = start([['a']], { onChange })
  await pass(2000)
  expect(errors).toEqual([refused])
  expect(onChange).toHaveBeenCalledTimes(2)
  expect(await nodes(watch)).toEqual(['a:11211'])
})

test('a provider that hangs is given up, and told so', async () => {
  let signal: AbortSignal | undefined
  const provider: ServerProvider = (given) => {
    signal = given
    return new Promise(() => {})
  }
  const started = watchServers(provider, { onChange: () => {}, lookupMs: 500 })
  watch = started
  const outcome = expect(started.ready()).rejects.toBeInstanceOf(StoreUnavailableError)
  await pass(499)
  expect(signal?.aborted).toBe(false)
  await pass(1)
  expect(signal?.aborted).toBe(true)
  await outcome
})

test('refreshNow looks at once, but once a second at most', async () => {
  const { watch, provider, changes } = start([['a'], ['b'], ['c']])
  await pass(5000)
  for (let i = 0; i < 100; i++) watch.refreshNow()
  await pass(0)
  expect(changes.at(-1)).toEqual(['b:11211'])
  const timers = vi.spyOn(globalThis, 'setTimeout')
  for (let i = 0; i < 100; i++) watch.refreshNow()
  expect(timers).toHaveBeenCalledTimes(1)
  await pass(900)
  expect(provider).toHaveBeenCalledTimes(2)
  await pass(100)
  expect(changes.at(-1)).toEqual(['c:11211'])
  expect(provider).toHaveBeenCalledTimes(3)
})

test('close ends the waiting for the next lookup', async () => {
  const { watch } = start([['a']])
  await pass(0)
  expect(vi.getTimerCount()).toBe(1)
  watch.close()
  expect(vi.getTimerCount()).toBe(0)
})

test.each(['before', 'after'])('nothing is asked or told after a close %s the answer under way', async (when) => {
  let answer: (servers: readonly string[]) => void = () => {}
  const provider = vi.fn<ServerProvider>(() => new Promise((resolve) => (answer = resolve)))
  const [onChange, onError] = [vi.fn(), vi.fn()]
  const started = watchServers(provider, { onChange, onError })
  const waiting = expect(started.ready()).rejects.toBeInstanceOf(StoreUnavailableError)
  if (when === 'before') started.close()
  answer(['a'])
  if (when === 'after') started.close()
  await waiting
  started.refreshNow()
  await pass(600_000)
  await expect(started.ready()).rejects.toBeInstanceOf(StoreUnavailableError)
  expect(provider).toHaveBeenCalledTimes(1)
  expect(onChange).not.toHaveBeenCalled()
  expect(onError).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)
})

test('waiting for the next lookup keeps no process alive', async () => {
  vi.useRealTimers()
  const timers = vi.spyOn(globalThis, 'setTimeout')
  const { watch } = start([['a']])
  await watch.ready()
  await new Promise((done) => setImmediate(done))
  const waiting = timers.mock.results.map(({ value }) => value as NodeJS.Timeout).filter((timer) => timer.hasRef())
  timers.mockRestore()
  expect(waiting).toEqual([])
})
