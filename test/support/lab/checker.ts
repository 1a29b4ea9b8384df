import { type Finished, type Operation, ownerOf } from './history.ts'

export type Invariant =
  /** An acknowledged append is missing from a later read, or is there twice; or a refused one (409) is there. */
  | 'I1'
  /** A later read does not continue an earlier one; so an append of unknown outcome that was seen stays (I5). */
  | 'I2'
  /** Authenticated after an acknowledged logout or a login that took its place. */
  | 'I3'
  /** Another's data. */
  | 'I4'
  /** Ended, by what an earlier read saw, and alive again: unknown outcomes must not flicker. */
  | 'I5'
  /** Gone although nobody ended it. */
  | 'lost'

export interface Violation {
  readonly invariant: Invariant
  readonly user: number
  readonly login: number
  /** What was seen that must not be, and what it contradicts. */
  readonly seen: Finished
  readonly against: Operation | undefined
}

/** Every broken invariant of a history: each read against all that was known before it was called. */
export function check(history: readonly Operation[]): readonly Violation[] {
  const found: Violation[] = []
  const bySession = new Map<string, Operation[]>()
  for (const operation of history) {
    const of = `${operation.user}/${operation.login}`
    bySession.set(of, [...(bySession.get(of) ?? []), operation])
  }
  for (const operations of bySession.values()) {
    if ((operations[0] as Operation).login > 0) found.push(...checkSession(operations))
  }
  return found
}

const isEnd = ({ kind }: Operation) => kind === 'logout' || kind === 'login'

function checkSession(operations: readonly Operation[]): Violation[] {
  const done = operations.filter((operation): operation is Finished => operation.returned !== undefined)
  const reads = done.filter(({ kind, status }) => kind === 'read' && status === 200)
  const alive = reads.filter(({ owner }) => owner !== undefined)
  return [
    ...alive.flatMap((read) => checkAlive(read, operations, done, alive)),
    ...alive.flatMap((read) => checkEnded(read, done)),
    ...done.filter(isAnonymous).flatMap((seen) => checkLost(seen, operations)),
  ]
}

/** Reads that found nobody logged in, and appends that were refused for that. */
const isAnonymous = ({ kind, status, owner }: Finished) =>
  (kind === 'read' && status === 200 && owner === undefined) || (kind === 'append' && status === 401)

function checkAlive(
  read: Finished,
  operations: readonly Operation[],
  done: readonly Finished[],
  alive: readonly Finished[],
): Violation[] {
  const violations: Violation[] = []
  const blame = (invariant: Invariant, against?: Operation) =>
    void violations.push({ invariant, user: read.user, login: read.login, seen: read, against })
  const list = read.list ?? []
  if (read.owner !== ownerOf(read.user, read.login)) blame('I4')
  const appends = done.filter(({ kind }) => kind === 'append')
  const items = new Set(list)
  if (items.size < list.length) blame('I1')
  for (const append of appends) {
    if (append.status === 200 && append.returned < read.called && !items.has(append.item)) blame('I1', append)
    if (append.status === 409 && items.has(append.item)) blame('I1', append)
  }
  for (const item of items) {
    if (!operations.some((append) => append.kind === 'append' && append.item === item)) blame('I4')
  }
  for (const earlier of alive) {
    if (earlier.returned >= read.called) continue
    if (!(earlier.list ?? []).every((item, at) => list[at] === item)) blame('I2', earlier)
  }
  return violations
}

function checkEnded(read: Finished, done: readonly Finished[]): Violation[] {
  const { user, login } = read
  const before = done.filter(({ returned }) => returned < read.called)
  const end = before.find((operation) => isEnd(operation) && operation.status === 200)
  if (end) return [{ invariant: 'I3', user, login, seen: read, against: end }]
  const seenGone = before.find(isAnonymous)
  return seenGone ? [{ invariant: 'I5', user, login, seen: read, against: seenGone }] : []
}

function checkLost(seen: Finished, operations: readonly Operation[]): Violation[] {
  const mayHaveEnded = operations.some((operation) => isEnd(operation) && operation.called <= seen.returned)
  return mayHaveEnded ? [] : [{ invariant: 'lost', user: seen.user, login: seen.login, seen, against: undefined }]
}

/** How often each invariant was broken; empty where none was. */
export function summary(violations: readonly Violation[]): Partial<Record<Invariant, number>> {
  const counts: Partial<Record<Invariant, number>> = {}
  for (const { invariant } of violations) counts[invariant] = (counts[invariant] ?? 0) + 1
  return counts
}

/** The history of the first violations' sessions, for a report. */
export function excerpt(history: readonly Operation[], violations: readonly Violation[], most = 2): string {
  const shown = new Map(violations.map((violation) => [`${violation.user}/${violation.login}`, violation]))
  const sessions = [...shown.values()].slice(0, most).map(({ invariant, user, login, seen }) => {
    const own = history.filter((operation) => operation.user === user && operation.login === login)
    const lines = own.map((operation) => `${operation === seen ? '>' : ' '} ${lineOf(operation)}`)
    return [`${invariant} of user ${user}, login ${login}`, ...lines.slice(-40)].join('\n')
  })
  return sessions.join('\n')
}

function lineOf({ kind, item, called, returned, status, process, owner, list }: Operation): string {
  const time = `${Math.round(called)}-${returned === undefined ? '' : Math.round(returned)}`
  const seen = kind === 'read' ? ` ${owner ?? 'nobody'} [${list?.slice(-12) ?? ''}]` : ''
  return `${time.padStart(14)} p${process} ${kind} ${item || ''} ${status ?? '-'}${seen}`
}
