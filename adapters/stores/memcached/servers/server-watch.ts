import { StoreUnavailableError } from '../../../../src/errors.ts'
import { type Address, parseFound } from '../address.ts'
import type { ServerProvider } from './dns.ts'

export interface WatchOptions {
  /** Told of the first list and of each different one. Throws where the list is of no use: it counts as a failed lookup. */
  readonly onChange: (servers: readonly Address[]) => void
  /** Whether `onChange` is told of equal lists, too. */
  readonly isToldAll?: boolean | undefined
  /** Told of each lookup that failed; the last good list stays. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Milliseconds from one lookup to the next, give or take a tenth; 60,000 where left out. */
  readonly refreshMs?: number | undefined
  /** Milliseconds until a lookup counts as failed; 3000 where left out. */
  readonly lookupMs?: number | undefined
}

/** A list of servers that is kept up to date. */
export interface ServerWatch {
  /** The last good list, in no time where there is one. Rejects with `StoreUnavailableError` while there has been none. */
  ready(): Promise<readonly Address[]>
  /** A server failed, so the list may be old: the next lookup comes at once, but not within a second of the last. */
  refreshNow(): void
  /** No more lookups, no more calls. */
  close(): void
}

/** What ElastiCache's own clients do; DNS of Kubernetes keeps answers for 5 to 30 s. Errors do not wait for it. */
const defaultRefreshMs = 60_000
/** Two attempts of a second each at DNS, and a second to spare. */
const defaultLookupMs = 3000
/** A dead node fails hundreds of calls a second, and each asks for a refresh. */
const leastMs = 1000

/** Looks the servers up now and from time to time; lookups that fail change nothing. Timers keep no process alive. */
export function watchServers(provider: ServerProvider, options: WatchOptions): ServerWatch {
  const watch = new Watch(provider, options)
  // Whoever waits for the first list is told by `ready`; nobody may be waiting.
  watch.ready().catch(() => {})
  return watch
}

class Watch implements ServerWatch {
  readonly #provider: ServerProvider
  readonly #options: WatchOptions
  #isClosed: boolean = false
  /** Of the lookup under way. One for each: what listens to a signal that lives longer is kept as long as that. */
  #lookup: AbortController | undefined
  #servers: readonly Address[] | undefined
  #running: Promise<readonly Address[]> | undefined
  #startedAt: number = Number.NEGATIVE_INFINITY
  #failures = 0
  #lastError: unknown
  #timer: ReturnType<typeof setTimeout> | undefined
  #timerAt: number = Number.POSITIVE_INFINITY

  constructor(provider: ServerProvider, options: WatchOptions) {
    this.#provider = provider
    this.#options = options
  }

  async ready(): Promise<readonly Address[]> {
    if (this.#servers) return this.#servers
    if (this.#isClosed) throw unknownServers(new Error('closed'))
    if (!this.#running && this.#sinceStart() < leastMs) throw unknownServers(this.#lastError)
    return this.#look()
  }

  refreshNow(): void {
    if (!this.#running) this.#schedule(Math.max(0, leastMs - this.#sinceStart()))
  }

  close(): void {
    this.#isClosed = true
    this.#lookup?.abort()
    clearTimeout(this.#timer)
  }

  #sinceStart(): number {
    return performance.now() - this.#startedAt
  }

  /** One lookup at a time; all who ask meanwhile get its answer. */
  #look(): Promise<readonly Address[]> {
    this.#running ??= this.#lookUp().finally(() => {
      this.#running = undefined
      this.#scheduleNext()
    })
    return this.#running
  }

  async #lookUp(): Promise<readonly Address[]> {
    clearTimeout(this.#timer)
    this.#timerAt = Number.POSITIVE_INFINITY
    this.#startedAt = performance.now()
    try {
      const servers = parseFound(await this.#ask())
      this.#take(servers)
      this.#failures = 0
      return servers
    } catch (error) {
      this.#failures++
      this.#lastError = error
      if (!this.#isClosed) this.#options.onError?.(error)
      throw unknownServers(error)
    }
  }

  /** The deadline holds for providers that ignore their signal, too. */
  async #ask(): Promise<unknown> {
    const lookup = new AbortController()
    const { signal } = lookup
    this.#lookup = lookup
    const timer = later(this.#options.lookupMs ?? defaultLookupMs, () => lookup.abort())
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('looking up the servers took too long')), { once: true })
    })
    try {
      return await Promise.race([this.#provider(signal), aborted])
    } finally {
      clearTimeout(timer)
    }
  }

  #take(servers: readonly Address[]): void {
    if (this.#isClosed) throw new Error('closed')
    if (!this.#options.isToldAll && JSON.stringify(servers) === JSON.stringify(this.#servers)) return
    this.#options.onChange(servers)
    this.#servers = servers
  }

  /** After failures sooner than usual: a second, two, four... */
  #scheduleNext(): void {
    const { refreshMs = defaultRefreshMs } = this.#options
    const backoffMs = this.#failures > 0 ? leastMs * 2 ** Math.min(this.#failures - 1, 16) : refreshMs
    // So that the processes of a fleet do not ask in step.
    this.#schedule(Math.min(refreshMs, backoffMs) * (0.9 + 0.2 * Math.random()))
  }

  /** Brings the next lookup forward; never puts it off. */
  #schedule(ms: number): void {
    const at = performance.now() + ms
    if (this.#isClosed || at >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = later(ms, () => void this.#look().catch(() => {}))
  }
}

/** Deno's timers are numbers, and have nothing to unref. */
function later(ms: number, work: () => void): ReturnType<typeof setTimeout> {
  const timer = setTimeout(work, ms)
  if (typeof timer === 'object') timer.unref()
  return timer
}

function unknownServers(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError('the memcached servers could not be looked up', { cause })
}
