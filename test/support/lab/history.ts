/** One request of a virtual user, as its client saw it. */
export interface Operation {
  readonly kind: 'login' | 'read' | 'append' | 'logout'
  readonly user: number
  /** Which login of the user the cookie came from; for a login, the one it ends (0: none). */
  readonly login: number
  /** The app process that was asked. */
  readonly process: number
  /** The integer of an append; the login that a login begins. */
  readonly item: number
  readonly called: number
  /** Undefined while it runs. */
  returned?: number
  /** 0: no answer at all. */
  status?: number
  /** The session as read; undefined owner: not logged in. */
  owner?: string | undefined
  list?: readonly number[] | undefined
  /** The answer took the cookie back. */
  wasCleared?: boolean
  /** The answer set a cookie. */
  hasCookie?: boolean
}

export type Finished = Operation & { readonly returned: number; readonly status: number }

export const ownerOf = (user: number, login: number): string => `user-${user}-login-${login}`

/** What a run came to, for the pass criteria and to be printed. */
export interface Figures {
  readonly requests: number
  readonly unavailable: number
  readonly unavailableShare: number
  /** From the fault to the last 503 after it; 0 where there was none. */
  readonly unavailableUntilMs: number
  readonly unanswered: number
  readonly failures: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export function figuresOf(history: readonly Operation[], faultAt = 0): Figures {
  const done = history.filter((operation): operation is Finished => operation.returned !== undefined)
  const times = done.map(({ called, returned }) => returned - called).sort((a, b) => a - b)
  const at = (share: number) => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0)
  const unavailable = done.filter(({ status }) => status === 503)
  const last = Math.max(
    0,
    ...unavailable.filter(({ called }) => called >= faultAt).map(({ called }) => called - faultAt),
  )
  return {
    requests: done.length,
    unavailable: unavailable.length,
    unavailableShare: unavailable.length / Math.max(1, done.length),
    unavailableUntilMs: Math.round(last),
    unanswered: history.length - done.length + done.filter(({ status }) => status === 0).length,
    failures: done.filter(({ status }) => status >= 500 && status !== 503).length,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
  }
}

/** One line per run, so that a report can be read off the output of the tests. */
export function show(row: string, figures: object): void {
  const parts = Object.entries(figures).map(([name, value]) => `${name} ${rounded(value)}`)
  console.log(`[${row}] ${parts.join(', ')}`)
}

function rounded(value: unknown): string {
  return typeof value === 'number' ? `${Math.round(value * 10_000) / 10_000}` : JSON.stringify(value)
}
