import type { Look, Visit } from './visits.ts'

interface Takeover {
  readonly from: string
  readonly login: Visit
}

/** Which session came from which, told only by what the visitors were answered. */
export class Lineage {
  readonly #visits: ReadonlyMap<number, Visit>
  /** Of a session that a login made: the one that it was made from. */
  readonly #parents: Map<string, Takeover> = new Map()
  readonly #looks: Map<string, (Look & { readonly data: NonNullable<Look['data']> })[]> = new Map()
  /**
   * Everything that may have ended a session: logins and logouts. Not a login that met a conflict, since that must change nothing;
   * one that another end overtook may have been the first to be seen.
   */
  readonly #ends: Map<string, Visit[]> = new Map()
  /** When a session was first known to be dead: an acknowledged end had returned, or somebody had found nothing. */
  readonly #deadAt: Map<string, number> = new Map()
  readonly #endedAt: Map<string, number> = new Map()
  readonly #changes: Map<string, Visit[]> = new Map()

  constructor(visits: readonly Visit[]) {
    this.#visits = new Map(visits.map((visit) => [visit.id, visit]))
    for (const visit of visits) this.#note(visit)
    // A login that found its session ended began anew, with what it set itself: nothing of the old one is seen there, ever.
    for (const [ref, { from, login }] of [...this.#parents])
      if (this.#isAnew(ref, from, login)) this.#parents.delete(ref)
  }

  #note(visit: Visit): void {
    const { kind, from, to, look, outcome, returned = Number.POSITIVE_INFINITY } = visit
    if (from !== undefined && look) {
      const { data } = look
      if (data) add(this.#looks, from, { ...look, data })
      else earliest(this.#deadAt, from, look.answered)
    }
    if (to !== undefined) add(this.#changes, to, visit)
    if (from === undefined) return
    if (outcome === 'gone') earliest(this.#deadAt, from, returned)
    if (kind !== 'login' && kind !== 'logout') return
    if (outcome !== 'conflict') add(this.#ends, from, visit)
    if (outcome !== 'ok') return
    earliest(this.#deadAt, from, returned)
    earliest(this.#endedAt, from, returned)
    if (to !== undefined && !(look && !look.data)) this.#parents.set(to, { from, login: visit })
  }

  #isAnew(ref: string, from: string, login: Visit): boolean {
    const { returned = 0 } = login
    const hasEnded = (this.#ends.get(from) ?? []).some((end) => end !== login && end.called < returned)
    return hasEnded && !this.#holdsAnythingOf(ref, new Set(this.#line(from)))
  }

  #holdsAnythingOf(ref: string, refs: ReadonlySet<string>): boolean {
    const isOld = (id: number) => refs.has(this.visit(id).from ?? '') || refs.has(this.visit(id).to ?? '')
    const isOwn = (id: number) => this.visit(id).to === ref
    if ((this.#looks.get(ref) ?? []).some((look) => this.idsIn(look).some((id) => isOld(id) && !isOwn(id)))) return true
    return [...this.#parents].some(([child, { from }]) => from === ref && this.#holdsAnythingOf(child, refs))
  }

  /** A session and those it came from, itself first. */
  #line(ref: string): readonly string[] {
    const line = [ref]
    for (let parent = this.#parents.get(ref); parent; parent = this.#parents.get(parent.from)) line.push(parent.from)
    return line
  }

  visit(id: number): Visit {
    return this.#visits.get(id) as Visit
  }

  /** Every value in a session is the id of the visit that wrote it. */
  idsIn({ data = {} }: Look): readonly number[] {
    return Object.values(data).flat() as number[]
  }

  /** Whether a session may hold what that visit wrote. */
  mayHold(ref: string, { from, to }: Visit): boolean {
    const line = this.#line(ref)
    return line.includes(from ?? '') || line.includes(to ?? '')
  }

  /** The changes that were acknowledged before the look, in this session or in one that became it; of others than lists the last. */
  expected(ref: string, { asked }: Look): readonly Visit[] {
    const changes = this.#line(ref).flatMap((at) => this.#changes.get(at) ?? [])
    const done = changes.filter(({ returned = Number.POSITIVE_INFINITY }) => returned < asked)
    // The newest session of the line comes first: only its own login counts.
    const login = done.find(({ kind, to }) => kind === 'login' && to === ref)
    return [...done.filter(({ kind }) => kind === 'append' || kind === 'set'), ...(login ? [login] : [])]
  }

  /** Looks that were over when this one began, at the same session, or at one that became it before the login began. */
  earlierLooks(ref: string, { asked }: Look): readonly Look[] {
    const found: Look[] = []
    let before = asked
    for (const at of this.#line(ref)) {
      const latest = before
      found.push(...(this.#looks.get(at) ?? []).filter(({ answered }) => answered < latest))
      before = Math.min(before, this.#parents.get(at)?.login.called ?? before)
    }
    return found
  }

  mayHaveEnded(ref: string, before = 0): boolean {
    return (this.#ends.get(ref) ?? []).some(({ called }) => called < before)
  }

  isDeadAt(ref: string, at: number): boolean {
    return (this.#deadAt.get(ref) ?? Number.POSITIVE_INFINITY) < at
  }

  /** By an acknowledged login or logout, whose answer the browser has had. */
  isEndedAt(ref: string | undefined, at: number): boolean {
    return ref !== undefined && (this.#endedAt.get(ref) ?? Number.POSITIVE_INFINITY) < at
  }

  /** The acknowledged logins that carried this session on. */
  takeovers(ref: string | undefined): readonly Visit[] {
    return [...this.#parents.values()].filter(({ from }) => from === ref).map(({ login }) => login)
  }
}

function add<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key)
  if (values) values.push(value)
  else map.set(key, [value])
}

function earliest(map: Map<string, number>, key: string, at: number): void {
  map.set(key, Math.min(map.get(key) ?? Number.POSITIVE_INFINITY, at))
}
