import type { ClusterOptions } from '../../adapters/stores/replication/cluster.ts'
import { replicate } from '../../adapters/stores/replication/store.ts'
import { createSessions, type Sessions } from '../../src/index.ts'
import type { Store } from '../../src/store.ts'
import { nextCookies } from '../support/jar.ts'
import type { Fault } from './faults.ts'
import { type AfterLogin, type Observed, type Outcome, outcomeOf } from './history.ts'
import { connect, type Weather } from './network.ts'
import { SimulatedNode } from './node.ts'
import { OldLibrary } from './old-library.ts'
import type { Plan, PlannedRequest } from './plan.ts'
import { strike } from './striking.ts'
import { inVirtualTime, type VirtualTime } from './virtual-time.ts'

type Data = { list: readonly number[]; owner: string }

/** Builds the composition under test; simpler rules are swapped in here. */
export type Build = (options: ClusterOptions) => Store

/** A composition of compositions, as of memcached and Redis: a first member of two nodes, and one node beside it. */
export const composed: Build = ({ members, ownersOf, ...options }) => {
  const [first, second, third] = members
  const inner = replicate('inner', { ...options, members: [first, second] as never })
  return replicate('outer', { ...options, members: [{ name: 'inner', store: inner }, third as never] })
}

const epochStart = 1_700_000_000_000
const secret = 'simulated secret 5f3c9a71e2b84d06'

/** Runs one schedule through the real sessions and the real replicated store, over simulated nodes and time. */
export async function simulate(
  seed: number,
  plan: Plan,
  build: Build = (options) => replicate('simulated', options),
): Promise<Outcome> {
  return inVirtualTime(seed, (time) => new Simulation(time, plan, build).run())
}

class Simulation {
  readonly #time: VirtualTime
  readonly #plan: Plan
  readonly #old: OldLibrary
  readonly #nodes: readonly SimulatedNode[]
  readonly #weather: Weather
  readonly #processes: readonly Sessions<Data>[]
  readonly #history: Observed[] = []
  readonly #trace: string[] = []
  #supersessions = 0
  /** The cookies of acknowledged logins. */
  readonly #logins: Map<Observed, string> = new Map()
  #start = 0
  /** The cookie that the browser holds for the one session. */
  #cookie = ''
  #key: string | undefined

  constructor(time: VirtualTime, plan: Plan, build: Build) {
    this.#time = time
    this.#plan = plan
    this.#old = new OldLibrary(time)
    this.#nodes = Array.from({ length: plan.nodes }, () => new SimulatedNode())
    this.#weather = {
      ...{ loseReplies: 0, cut: new Set(), lossy: new Set(), stuck: new Map(), isHeld: plan.isHeld, held: new Map() },
      ...{ doomed: new Set(), dead: new Set() },
      ...(process.env.TRACE ? { say: (line: string) => this.#say(line) } : {}),
    }
    this.#processes = plan.skew.map((skew, process) => this.#createProcess(build, skew, process))
  }

  #createProcess(build: Build, skew: number, process: number): Sessions<Data> {
    const now = () => epochStart + this.#time.now + skew
    const members = this.#nodes.map((node, at) => ({
      name: `n${at}`,
      store: connect(this.#time, this.#weather, process, at, node),
    }))
    const ownersOf = (key: string) => this.#ownersOf(key, process).map((at) => `n${at}`)
    const store = build({ members, ownersOf, giveUpSeconds: 3600, now })
    return createSessions<Data>({
      ...{ store, secret, now },
      legacy: this.#plan.isImport ? this.#old.legacy : undefined,
      onEvent: (event) => {
        const isSupersession = event.type === 'commit' && event.outcome === 'regenerated'
        if (isSupersession && !this.#weather.dead.has(process)) this.#supersessions++
        if (process === 0) this.#say(JSON.stringify(event))
      },
    })
  }

  /** The one session has the planned owners; every other id has two of its own, by its key. */
  #ownersOf(key: string, process: number): readonly number[] {
    this.#key ??= key
    if (key === this.#key) return this.#plan.ownersAt(process, this.#time.now - this.#start)
    const home = key.charCodeAt(key.length - 1) % this.#nodes.length
    return [home, (home + 1) % this.#nodes.length]
  }

  async run(): Promise<Outcome> {
    await this.#prepare()
    this.#start = this.#time.now
    this.#weather.loseReplies = this.#plan.loseReplies
    for (const fault of this.#plan.faults) this.#time.after(fault.at, () => this.#strike(fault))
    for (const request of this.#plan.requests) this.#time.after(request.at, () => void this.#request(request))
    await this.#time.run(this.#start + this.#plan.endsAt)
    const afterLogin = await this.#lookAtLogins()
    return { history: this.#history, supersessions: this.#supersessions, afterLogin, trace: this.#trace }
  }

  /** All faults are long over. */
  async #lookAtLogins(): Promise<readonly AfterLogin[]> {
    const looks = [...this.#logins].flatMap(([login, cookie]) =>
      this.#living().map(async (sessions) => ({ login, list: await sessions.open(cookie).session.get('list') })),
    )
    await this.#time.run(this.#time.now + 3000)
    return Promise.all(looks)
  }

  #living(): readonly Sessions<Data>[] {
    return this.#processes.filter((_, process) => !this.#weather.dead.has(process))
  }

  async #prepare(): Promise<void> {
    if (this.#plan.isImport) {
      this.#cookie = this.#old.login({ list: [], owner: 'alice' })
      return
    }
    const { session, commit } = (this.#processes[0] as Sessions<Data>).open(null)
    session.set('list', [])
    session.set('owner', 'alice')
    const done = commit()
    await this.#time.run(this.#time.now + 1000)
    this.#cookie = nextCookies(undefined, (await done).setCookies) ?? ''
  }

  async #request(request: PlannedRequest): Promise<void> {
    if (this.#weather.dead.has(request.process)) return
    const seen: Observed = { ...request, called: this.#time.now }
    this.#history.push(seen)
    const outcome = await this.#perform(request, seen).catch(outcomeOf)
    if (this.#weather.dead.has(request.process)) return
    seen.outcome = outcome
    seen.returned = this.#time.now
    this.#say(`p${request.process} ${request.kind}#${request.id} ${seen.outcome} ${seen.list ? `[${seen.list}]` : ''}`)
  }

  async #perform(
    { kind, id, process, think }: PlannedRequest,
    seen: Observed,
  ): Promise<NonNullable<Observed['outcome']>> {
    const { session, commit } = (this.#processes[process] as Sessions<Data>).open(this.#cookie)
    if (kind === 'destroy') {
      session.destroy()
    } else {
      const list = await session.get('list')
      if (kind === 'read' && list) Object.assign(seen, { list, owner: await session.get('owner') })
      if (list === undefined && kind !== 'login') return 'dead'
      if (kind === 'append') await session.update('list', (now = []) => [...now, id])
      if (kind === 'increment') session.set('list', [...(list ?? []), id])
      if (kind === 'login') {
        seen.isGoingOn = list !== undefined
        session.regenerate({ reauthenticated: true })
        session.set('owner', `user${id}`)
      }
    }
    if (think > 0) await new Promise<void>((wake) => this.#time.after(think, wake))
    const { setCookies } = await commit()
    if (this.#weather.dead.has(process)) return 'ok'
    if (kind === 'login') this.#logins.set(seen, nextCookies(undefined, setCookies) ?? '')
    if (kind === 'append' || kind === 'increment') this.#cookie = nextCookies(this.#cookie, setCookies) ?? ''
    return 'ok'
  }

  #strike(fault: Fault): void {
    const { type, node, process } = fault
    this.#say(`${type} n${node} ${process === undefined ? '' : `p${process}`}`)
    strike(fault, this.#nodes[node] as SimulatedNode, this.#weather, this.#time)
  }

  #say(line: string): void {
    this.#trace.push(`${(this.#time.now - this.#start).toFixed(0).padStart(6)} ${line}`)
  }
}
