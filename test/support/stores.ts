import { StoreUnavailableError } from '../../src/errors.ts'
import type { CallOptions, Store } from '../../src/store.ts'

/** The methods of a store. */
export type Verb = 'read' | 'create' | 'update' | 'delete' | 'check' | 'close'

/** One call on its way to the inner store. */
export interface StoreCall<T> {
  readonly verb: Verb
  /** Undefined for `check` and `close`. */
  readonly key: string | undefined
  readonly signal: AbortSignal | undefined
  /** Makes the call at the inner store. */
  apply(): Promise<T>
}

/** Sends every call through `around`; has `check` and `close` exactly where the inner store has them. */
export function wrapStore(inner: Store, around: <T>(call: StoreCall<T>) => Promise<T>): Store {
  const on = <T>(verb: Verb, key: string | undefined, options: CallOptions | undefined, apply: () => Promise<T>) =>
    around({ verb, key, signal: options?.signal, apply })
  const { check, close } = inner
  return {
    name: inner.name,
    read: (key, options) => on('read', key, options, () => inner.read(key, options)),
    create: (key, value, ttlSeconds, options) =>
      on('create', key, options, () => inner.create(key, value, ttlSeconds, options)),
    update: (key, value, ttlSeconds, version, options) =>
      on('update', key, options, () => inner.update(key, value, ttlSeconds, version, options)),
    delete: (key, options) => on('delete', key, options, () => inner.delete(key, options)),
    ...(check && { check: () => on('check', undefined, undefined, () => check.call(inner)) }),
    ...(close && { close: () => on('close', undefined, undefined, () => close.call(inner)) }),
  }
}

/** A store that counts its calls: the round trips of a request. */
export interface CountingStore extends Store {
  /** Calls per verb since the last reset, failed ones included. */
  readonly calls: Readonly<Record<Verb, number>>
  /** Calls of `read`, `create`, `update` and `delete` together. */
  readonly roundTrips: number
  reset(): void
}

/** Counts the calls of each verb. */
export function countingStore(inner: Store): CountingStore {
  const calls: Record<Verb, number> = { read: 0, create: 0, update: 0, delete: 0, check: 0, close: 0 }
  const store = wrapStore(inner, ({ verb, apply }) => {
    calls[verb]++
    return apply()
  })
  return {
    ...store,
    calls,
    get roundTrips() {
      return calls.read + calls.create + calls.update + calls.delete
    },
    reset: () => void Object.assign(calls, { read: 0, create: 0, update: 0, delete: 0, check: 0, close: 0 }),
  }
}

/** A call that is held up. */
export interface Gate {
  /** Resolves when the call has come to the gate. */
  readonly reached: Promise<void>
  /** Resolves when the call has been made at the inner store and let go, also where its caller has given up: a late write. */
  readonly done: Promise<void>
  /** Lets the call go on; may come before the call. */
  release(): void
}

/** Which call a gate holds. */
export interface HoldOptions {
  /** Whether the call waits before it reaches the inner store (default), or after, with its answer still on the way. */
  readonly when?: 'before' | 'after' | undefined
  /** Only a call for this key. */
  readonly key?: string | undefined
}

/** A store whose calls can be held: scripted races. */
export interface GatedStore extends Store {
  /** Holds the next call of this verb that no earlier gate has taken. */
  hold(verb: Verb, options?: HoldOptions): Gate
}

interface Waiting {
  readonly verb: Verb
  readonly key: string | undefined
  through<T>(call: StoreCall<T>): Promise<T>
}

/**
 * Holds calls until they are released.
 *
 * A held call whose signal aborts rejects as unavailable for its caller; what was held still happens on release.
 */
export function gatedStore(inner: Store): GatedStore {
  const gates: Waiting[] = []
  const store = wrapStore(inner, (call) => {
    const at = gates.findIndex(({ verb, key }) => verb === call.verb && (key === undefined || key === call.key))
    const [gate] = at === -1 ? [] : gates.splice(at, 1)
    return gate ? untilAborted(gate.through(call), call.signal) : call.apply()
  })
  return {
    ...store,
    hold(verb, { when = 'before', key } = {}) {
      const reached = latch()
      const released = latch()
      const done = latch()
      const pass = () => {
        reached.open()
        return released.opened
      }
      const through = async <T>(call: StoreCall<T>): Promise<T> => {
        if (when === 'before') await pass()
        try {
          return await call.apply()
        } finally {
          if (when === 'after') await pass()
          done.open()
        }
      }
      gates.push({ verb, key, through })
      return { reached: reached.opened, done: done.opened, release: released.open }
    },
  }
}

/**
 * What becomes of a call.
 *
 * `throw`: unavailable, and nothing happened. `hang`: never answered, nothing happened; unavailable once its signal aborts.
 * `late`: unavailable for the caller now, but made at the inner store by `deliver()`: a write from a frozen connection.
 * `applied-then-throw`: made, and the answer lost. `garbage`: not made, answered with nonsense. `answer`: not made, answered with this.
 */
export type Fault = 'throw' | 'hang' | 'late' | 'applied-then-throw' | 'garbage' | 'pass' | { readonly answer: unknown }

/** A store that fails as scripted. */
export interface FailingStore extends Store {
  /** The next calls of this verb meet these faults, one each, in this order; then calls pass again. `pass` lets one through. */
  fail(verb: Verb, ...faults: readonly Fault[]): void
  /** Every call without a fault of its own meets this one, until it is set to undefined: an outage. */
  always(fault: Fault | undefined): void
  /** Makes the calls that are late at the inner store, in their order; their outcomes are dropped. */
  deliver(): Promise<void>
}

/** Fails as scripted, otherwise passes calls on. */
export function failingStore(inner: Store): FailingStore {
  const scripts = new Map<Verb, Fault[]>()
  let standing: Fault | undefined
  let late: (() => Promise<unknown>)[] = []
  const store = wrapStore(inner, (call) =>
    meet(call, scripts.get(call.verb)?.shift() ?? standing ?? 'pass', () => late.push(call.apply)),
  )
  return {
    ...store,
    fail: (verb, ...faults) => void scripts.set(verb, [...(scripts.get(verb) ?? []), ...faults]),
    always(fault) {
      standing = fault
    },
    async deliver() {
      const due = late
      late = []
      for (const apply of due) await apply().catch(() => {})
    },
  }
}

async function meet<T>(call: StoreCall<T>, fault: Fault, postpone: () => void): Promise<T> {
  if (typeof fault === 'object') return fault.answer as T
  switch (fault) {
    case 'pass':
      return call.apply()
    case 'garbage':
      return garbageFor(call.verb) as T
    case 'hang':
      return untilAborted(new Promise<never>(() => {}), call.signal)
    case 'late':
      postpone()
      break
    case 'applied-then-throw':
      await call.apply()
  }
  throw unavailable(fault)
}

/** What a broken server, proxy or client might answer: the right outline, the wrong contents. */
function garbageFor(verb: Verb): unknown {
  if (verb === 'read') return { value: Uint8Array.from({ length: 64 }, (_, at) => at * 73 + 255), version: 'garbage' }
  return verb === 'close' || verb === 'delete' ? undefined : { status: 'garbage', ready: 'garbage', nodes: [] }
}

async function untilAborted<T>(pending: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return pending
  const aborted = latch()
  signal.addEventListener('abort', aborted.open)
  if (signal.aborted) aborted.open()
  try {
    return await Promise.race([
      pending,
      aborted.opened.then(() => Promise.reject(unavailable('aborted', signal.reason))),
    ])
  } finally {
    signal.removeEventListener('abort', aborted.open)
  }
}

function unavailable(what: string, cause?: unknown): StoreUnavailableError {
  return new StoreUnavailableError(`scripted: ${what}`, { cause })
}

function latch(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}
