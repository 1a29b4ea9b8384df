import { AsyncLocalStorage } from 'node:async_hooks'
import type { SessionEvent, Store } from 'claimcheck'

/** One call of the store: with a server behind it, one round trip. */
export interface StoreCall {
  readonly verb: 'read' | 'create' | 'update' | 'delete'
  readonly answer: string
  readonly ms: number
}

/** What the claim check in the cookie says, as far as it may be shown: the id stays out. */
export interface Ticket {
  readonly revision: number
  /** Seconds since 1970. */
  readonly until: number
}

/** What the session layer did for one request. */
export interface Trace {
  /** Eight random hex digits, so that it cannot be guessed from another one. */
  readonly id: string
  readonly method: string
  readonly path: string
  /** When the request came, in milliseconds. */
  readonly at: number
  readonly calls: StoreCall[]
  readonly events: SessionEvent[]
  status: number
  ref: string | undefined
  ticket: Ticket | undefined
  /** Undefined where the store did not answer. */
  idleSeconds: number | undefined
  absoluteSeconds: number
  cookieSent: boolean
}

export interface Traces {
  /** Of the store that is watched. */
  readonly storeName: string
  /** Counts the calls that a request makes of this store. */
  watch(store: Store): Store
  onEvent(event: SessionEvent): void
  /** Runs a request so that its store calls and events end up in the trace, however many others run at the same time. */
  run<Result>(trace: Trace, work: () => Promise<Result>): Promise<Result>
  keep(trace: Trace): void
  /** A trace that was kept, for the page after a POST. */
  find(id: string | undefined): Trace | undefined
}

/** Enough for the pages that are being loaded right now; in this process only: behind a balancer the second half stays blank. */
const mostKept = 500

export function createTraces(): Traces {
  const current = new AsyncLocalStorage<Trace>()
  const kept = new Map<string, Trace>()
  let storeName = 'no store'
  const timed = async <T>(verb: StoreCall['verb'], answerOf: (result: T) => string, work: () => Promise<T>) => {
    const started = performance.now()
    let answer = 'failed'
    try {
      const result = await work()
      answer = answerOf(result)
      return result
    } finally {
      current.getStore()?.calls.push({ verb, answer, ms: performance.now() - started })
    }
  }
  const status = (result: { readonly status: string }) => result.status
  return {
    get storeName() {
      return storeName
    },
    watch(store) {
      storeName = store.name
      return {
        ...store,
        read: (...of) =>
          timed(
            'read',
            (entry) => (entry ? 'found' : 'nothing there'),
            () => store.read(...of),
          ),
        create: (...of) => timed('create', status, () => store.create(...of)),
        update: (...of) => timed('update', status, () => store.update(...of)),
        delete: (...of) =>
          timed(
            'delete',
            () => 'done',
            () => store.delete(...of),
          ),
      }
    },
    onEvent: (event) => void current.getStore()?.events.push(event),
    run: (trace, work) => current.run(trace, work),
    keep(trace) {
      kept.set(trace.id, trace)
      for (const oldest of kept.keys()) if (kept.size > mostKept) kept.delete(oldest)
    },
    find: (id) => (id === undefined ? undefined : kept.get(id)),
  }
}

/** Whether a text from an address can name a trace: any other must not become part of a key. */
export const isTraceId = (text: string): boolean => /^[0-9a-f]{8}$/.test(text)

export function newTrace(method: string, path: string, at: number): Trace {
  return {
    id: crypto.randomUUID().slice(0, 8),
    method,
    path,
    at,
    calls: [],
    events: [],
    status: 0,
    ref: undefined,
    ticket: undefined,
    idleSeconds: undefined,
    absoluteSeconds: 0,
    cookieSent: false,
  }
}

/** The cookie is signed, not encrypted: its payload is JSON that anybody who has it can read. */
export function ticketIn(token: string, receipt = ''): Ticket | undefined {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const claims = JSON.parse(atob(payload))
    const told = Number.parseInt(receipt, 36) || 0
    return { revision: Math.max(claims.rev, told), until: claims.exp }
  } catch {
    return undefined
  }
}

/** One word for how the request went. */
export function outcomeOf({ events }: Trace): string {
  const last = (type: SessionEvent['type']) => events.findLast((event) => event.type === type)
  for (const type of ['unavailable', 'conflict', 'gone'] as const) if (last(type)) return type
  const commit = last('commit')
  if (commit?.type === 'commit') return commit.outcome
  const badToken = last('bad-token')
  if (badToken?.type === 'bad-token') return `ticket refused: ${badToken.reason}`
  const load = last('load')
  if (load?.type === 'load') return load.hit ? 'read' : 'nothing found'
  return 'nothing to do'
}

/** How often the write was tried until it held; undefined where nothing was written. */
export function attemptsOf({ events }: Trace): number | undefined {
  return events.findLast((event) => event.type === 'commit')?.attempts
}
