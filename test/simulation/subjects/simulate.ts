import { replicate } from '../../../adapters/stores/replication/store.ts'
import { SessionConflictError, StoreUnavailableError } from '../../../src/index.ts'
import { connect, type Weather } from '../network.ts'
import { SimulatedNode } from '../node.ts'
import { strike } from '../striking.ts'
import { inVirtualTime, type VirtualTime } from '../virtual-time.ts'
import type { Call, Life, SubjectOutcome } from './checker.ts'
import type { SubjectPlan, SubjectRequest } from './plan.ts'
import { type BuildSystem, type Holder, listed, type System } from './system.ts'

const epochStart = 1_700_000_000_000

/** Runs one schedule of one subject's sessions through the real copies, over simulated nodes and time. */
export async function simulateSubject(
  seed: number,
  plan: SubjectPlan,
  build: BuildSystem = listed,
): Promise<SubjectOutcome> {
  return inVirtualTime(seed, (time) => new Simulation(time, plan, build).run())
}

class Simulation {
  readonly #time: VirtualTime
  readonly #plan: SubjectPlan
  readonly #nodes: readonly SimulatedNode[]
  readonly #weather: Weather
  readonly #processes: readonly System[]
  readonly #calls: Call[] = []
  readonly #held: { readonly life: Life; readonly holder: Holder }[] = []
  readonly #trace: string[] = []
  #start = 0
  #lostAt: number | undefined

  constructor(time: VirtualTime, plan: SubjectPlan, build: BuildSystem) {
    this.#time = time
    this.#plan = plan
    this.#nodes = Array.from({ length: plan.nodes }, () => new SimulatedNode())
    this.#weather = {
      ...{ loseReplies: 0, cut: new Set(), lossy: new Set(), stuck: new Map(), isHeld: plan.isHeld, held: new Map() },
      ...{ doomed: new Set(), dead: new Set() },
      ...(process.env.TRACE ? { say: (line: string) => this.#say(line) } : {}),
    }
    this.#processes = plan.skew.map((skew, process) => {
      const now = () => epochStart + time.now + skew
      const members = this.#nodes.map((node, at) => {
        return { name: `n${at}`, store: connect(time, this.#weather, process, at, node) }
      })
      const ownersOf = (key: string) => this.#ownersOf(key, process).map((at) => `n${at}`)
      return build(replicate('simulated', { members, ownersOf, giveUpSeconds: 3600, now }), now)
    })
  }

  /** The list has the planned owners; every session has two of its own, by its key. */
  #ownersOf(key: string, process: number): readonly number[] {
    if (key.includes(':subject:')) return this.#plan.ownersAt(process, this.#time.now - this.#start)
    const home = key.charCodeAt(key.length - 1) % this.#nodes.length
    return [home, (home + 1) % this.#nodes.length]
  }

  async run(): Promise<SubjectOutcome> {
    const first = { at: 0, think: 0, process: 0, pick: 0, id: 0, kind: 'login' } as const
    for (const _ of [1, 2]) void this.#request(first)
    await this.#time.run(2000)
    this.#start = this.#time.now
    const { loseReplies, faults, evictions, requests, endsAt } = this.#plan
    this.#weather.loseReplies = loseReplies
    for (const fault of faults)
      this.#time.after(fault.at, () => {
        this.#say(`${fault.type} n${fault.node} ${fault.process ?? ''}`)
        strike(fault, this.#nodes[fault.node] as SimulatedNode, this.#weather, this.#time)
      })
    for (const { at, nodes } of evictions) this.#time.after(at, () => this.#evict(nodes))
    for (const request of requests) this.#time.after(request.at, () => void this.#request(request))
    await this.#time.run(this.#start + endsAt)
    const counts = await this.#lookAtAll()
    return { calls: this.#calls, counts, lostAt: this.#lostAt, trace: this.#trace }
  }

  #evict(nodes: readonly number[]): void {
    this.#say(`evict n${nodes}`)
    if (nodes.length === this.#nodes.length) this.#lostAt = this.#time.now
    for (const { items } of nodes.map((at) => this.#nodes[at] as SimulatedNode))
      for (const key of items.keys()) if (key.includes(':subject:')) items.delete(key)
  }

  /** All faults are long over: everybody looks at every session, twice. */
  async #lookAtAll(): Promise<readonly (number | undefined)[]> {
    this.#weather.loseReplies = 0
    const living = this.#processes.flatMap((_, process) => (this.#weather.dead.has(process) ? [] : [process]))
    for (const _ of [1, 2]) {
      for (const process of living) for (const { life, holder } of this.#held) void this.#look(process, life, holder)
      await this.#time.run(this.#time.now + 3000)
    }
    const counting = Promise.all(living.map((process) => (this.#processes[process] as System).count()))
    await this.#time.run(this.#time.now + 3000)
    return counting
  }

  async #look(process: number, life: Life, holder: Holder): Promise<void> {
    const call: Call = { kind: 'final', called: this.#time.now, process, at: 0, think: 0, pick: 0, life }
    this.#calls.push(call)
    await this.#finish(call, async () => ((await (this.#processes[process] as System).read(holder)) ? 'ok' : 'dead'))
  }

  async #request(request: SubjectRequest): Promise<void> {
    if (this.#weather.dead.has(request.process)) return
    const call: Call = { ...request, called: this.#time.now }
    const system = this.#processes[request.process] as System
    const chosen = this.#held[request.pick % Math.max(1, this.#held.length)]
    if (!chosen && request.kind !== 'login' && request.kind !== 'revoke') return
    this.#calls.push(call)
    if (request.kind === 'login' || request.kind === 'login-again') {
      call.over = request.kind === 'login' ? undefined : chosen?.life
      return this.#finish(call, async () => {
        const holder = await system.login(call.over && chosen?.holder)
        if (this.#weather.dead.has(request.process)) return 'unknown'
        call.returned = this.#time.now
        // A login over a session that another login has just taken the place of goes on with that one's session.
        const same = this.#held.find((one) => one.holder.cookie.slice(0, 140) === holder.cookie.slice(0, 140))
        call.life = same?.life ?? { login: call }
        this.#held.push({ life: call.life, holder })
        return 'ok'
      })
    }
    if (request.kind === 'revoke') return this.#finish(call, () => system.revoke().then(() => 'ok'))
    const { life, holder } = chosen as { life: Life; holder: Holder }
    call.life = life
    const think = async () => {
      await new Promise<void>((wake) => this.#time.after(request.think, wake))
      call.committed = this.#time.now
    }
    if (request.kind === 'logout') return this.#finish(call, () => system.logout(holder).then(() => 'ok'))
    const isOk = request.kind === 'read' ? system.read(holder) : system.change(holder, think)
    return this.#finish(call, async () => ((await isOk) ? 'ok' : 'dead'))
  }

  async #finish(call: Call, work: () => Promise<NonNullable<Call['outcome']>>): Promise<void> {
    const outcome = await work().catch((error: unknown) => {
      // A login that is overtaken three times by changes of its session is refused.
      if (error instanceof StoreUnavailableError || error instanceof SessionConflictError) return 'unknown' as const
      throw error
    })
    if (this.#weather.dead.has(call.process)) return
    call.outcome = outcome
    call.returned = this.#time.now
    const of = call.life ? `of ${this.#held.findIndex(({ life }) => life === call.life)}` : ''
    this.#say(`p${call.process} ${call.kind} ${of} from ${(call.called - this.#start).toFixed(0)}: ${outcome}`)
  }

  #say(line: string): void {
    this.#trace.push(`${(this.#time.now - this.#start).toFixed(0).padStart(6)} ${line}`)
  }
}
