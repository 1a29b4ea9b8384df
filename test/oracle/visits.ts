import { memoryStore } from '../../adapters/stores/memory.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import {
  createSessions,
  type OpenSession,
  SessionConflictError,
  SessionGoneError,
  type Sessions,
  type Store,
  StoreUnavailableError,
} from '../../src/index.ts'
import { VirtualTime } from '../simulation/virtual-time.ts'
import { claimCheckIn, Jar } from './browser.ts'
import type { Plan } from './plan.ts'
import { link } from './weather.ts'

export type Kind = 'append' | 'set' | 'read' | 'login' | 'logout'

type Data = { list: readonly number[]; user: number; [own: `own${number}`]: number }

/** What a request saw of the session that its cookie names. */
export interface Look {
  readonly asked: number
  readonly answered: number
  /** Undefined: nothing is there. */
  readonly data: Partial<Data> | undefined
}

/** One request as its visitor saw it. */
export interface Visit {
  readonly id: number
  readonly kind: Kind
  readonly tab: number
  readonly process: number
  readonly called: number
  /** The session that the cookie names, by its `ref`. */
  readonly from: string | undefined
  returned?: number
  outcome?: 'ok' | 'conflict' | 'gone' | 'unknown' | `strange: ${string}`
  /** The session that an acknowledged change or login left behind. */
  to?: string | undefined
  look?: Look
  /** The session that the browser's cookie named before the answer came, and after. */
  jar?: { readonly before: string | undefined; readonly after: string | undefined }
}

const epochStart = 1_700_000_000_000
const secret = 'secret of the oracle 8d1f6a02c94b7e35'

/** Breaks a store's promises, to show that the oracle sees it. */
export type Spoil = (store: Store) => Store

/** Runs one schedule: the real sessions over stores in bad weather, in virtual time. What the visitors saw, and the events. */
export async function visit(
  seed: number,
  plan: Plan,
  spoil: Spoil = (store) => store,
): Promise<{ visits: readonly Visit[]; trace: readonly string[] }> {
  const time = new VirtualTime(seed)
  const restore = time.install()
  const realNow = Date.now
  Date.now = () => epochStart + time.now
  // Errors are answers here, thousands of them.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return await new World(time, plan, spoil).run()
  } finally {
    Date.now = realNow
    Error.stackTraceLimit = stackTraceLimit
    restore()
  }
}

class World {
  readonly #time: VirtualTime
  readonly #plan: Plan
  readonly #processes: readonly Sessions<Data>[]
  readonly #jar: Jar = new Jar()
  readonly #visits: Visit[] = []
  readonly #trace: string[] = []
  /** Every claim check that a browser was ever given, and the session that it was given for. */
  readonly #refs: Map<string, string> = new Map()

  constructor(time: VirtualTime, plan: Plan, spoil: Spoil) {
    this.#time = time
    this.#plan = plan
    const stores = Array.from({ length: plan.copies }, () => spoil(memoryStore({ now: Date.now })))
    this.#processes = Array.from({ length: plan.processes }, (_, process) => this.#start(stores, process))
  }

  #start(stores: readonly Store[], process: number): Sessions<Data> {
    const links = stores.map((store, node) => link(this.#time, store, () => this.#faultsAt(node, process)))
    const store = links.length === 1 ? (links[0] as Store) : replicatedStore({ stores: links })
    const onEvent = (event: object) => this.#say(`  p${process} ${JSON.stringify(event)}`)
    return createSessions<Data>({ store, secret, onEvent })
  }

  #faultsAt(node: number, process: number): number {
    const { now } = this.#time
    const isMet = ({ from, to, ...spell }: Plan['spells'][number]) =>
      spell.node === node && from <= now && now < to && spell.processes.has(process)
    return this.#plan.spells.find(isMet)?.share ?? 0
  }

  async run(): Promise<{ visits: readonly Visit[]; trace: readonly string[] }> {
    const { tabs, visitsMs, calmMs } = this.#plan
    const browsing = Array.from({ length: tabs }, (_, tab) => this.#browse(tab))
    await this.#time.run(visitsMs + calmMs)
    await Promise.all(browsing)
    for (let round = 1; round <= 2; round++) {
      const looking = this.#lookAround()
      await this.#time.run(visitsMs + calmMs + round * 3000)
      await looking
    }
    return { visits: this.#visits, trace: this.#trace }
  }

  async #browse(tab: number): Promise<void> {
    while (this.#time.now < this.#plan.visitsMs) {
      await this.#wait(this.#time.random() * (this.#isCalm() ? 1500 : 160))
      const kind = this.#pick()
      // Now and then somebody comes with an old cookie: a late request, or a thief.
      const old = kind === 'read' && this.#time.random() < 0.15 ? this.#anyClaimCheck() : undefined
      await this.#visit(kind, tab, this.#draw(this.#plan.processes), old ?? this.#jar.header)
    }
  }

  /** Between two turns of bad weather: whoever comes then sees to the repairs, and need not come often for that. */
  #isCalm(): boolean {
    const { now } = this.#time
    return this.#plan.spells.some(({ from }) => from > now + 500) && this.#plan.spells.some(({ to }) => to < now - 500)
  }

  /** When all is over: every session there ever was, through every process. */
  async #lookAround(): Promise<void> {
    const latest = new Map([...this.#refs].map(([claimCheck, ref]) => [ref, `__Host-sid=${claimCheck}`]))
    const looks = [this.#jar.header, ...latest.values()].flatMap((header) =>
      this.#processes.map((_, process) => this.#visit('read', -1, process, header)),
    )
    await Promise.all(looks)
  }

  #pick(): Kind {
    const at = this.#time.random()
    if (at < 0.4) return 'append'
    if (at < 0.6) return 'set'
    if (at < 0.85 || this.#plan.habit === 'writes') return 'read'
    return at < 0.975 ? 'login' : 'logout'
  }

  async #visit(kind: Kind, tab: number, process: number, header: string): Promise<void> {
    const from = this.#refIn(header)
    const visit: Visit = { id: this.#visits.length + 1, kind, tab, process, called: this.#time.now, from }
    this.#visits.push(visit)
    const opened = (this.#processes[process] as Sessions<Data>).open(header)
    try {
      await this.#use(opened, visit)
      const result = await opened.commit()
      visit.outcome = 'ok'
      if (kind !== 'read' && kind !== 'logout') visit.to = opened.session.ref
      if (this.#plan.jitterMs > 0) await this.#wait(this.#time.random() ** 3 * this.#plan.jitterMs)
      this.#receive(result, visit)
    } catch (error) {
      visit.outcome = outcomeOf(error)
    }
    visit.returned = this.#time.now
    const seen = visit.look ? ` sees ${JSON.stringify(visit.look.data)}` : ''
    this.#say(`p${process} ${kind}#${visit.id} ${from} -> ${visit.to ?? ''} ${visit.outcome}${seen}`)
  }

  async #use({ session }: OpenSession<Data>, visit: Visit): Promise<void> {
    const { id, kind, tab } = visit
    const looksFirst = kind === 'read' || (kind !== 'logout' && this.#time.random() < 0.4)
    if (looksFirst) {
      const asked = this.#time.now
      const data = await session.all()
      visit.look = { asked, answered: this.#time.now, data: Object.keys(data).length > 0 ? data : undefined }
    }
    if (kind === 'append') await session.update('list', (list = []) => [...list, id])
    if (kind === 'set') session.set(`own${tab}`, id)
    if (kind === 'logout') session.destroy()
    if (kind === 'login') {
      session.regenerate({ reauthenticated: this.#time.random() < 0.5 })
      session.set('user', id)
    }
    if (this.#time.random() < 0.3) await this.#wait(this.#time.random() * 300)
  }

  #receive(result: { applyTo(headers: Headers): void }, visit: Visit): void {
    const headers = new Headers()
    result.applyTo(headers)
    const given = headers.getSetCookie().map((line) => claimCheckIn(line.split(';')[0] as string))
    for (const claimCheck of given) if (claimCheck && visit.to) this.#refs.set(claimCheck, visit.to)
    const before = this.#refIn(this.#jar.header)
    this.#jar.receive(headers)
    visit.jar = { before, after: this.#refIn(this.#jar.header) }
  }

  #refIn(header: string): string | undefined {
    return this.#refs.get(claimCheckIn(header) ?? '')
  }

  #anyClaimCheck(): string | undefined {
    const all = [...this.#refs.keys()]
    return all.length === 0 ? undefined : `__Host-sid=${all[this.#draw(all.length)]}`
  }

  #draw(below: number): number {
    return Math.floor(this.#time.random() * below)
  }

  #wait(ms: number): Promise<void> {
    return new Promise((wake) => void this.#time.after(ms, wake))
  }

  #say(line: string): void {
    this.#trace.push(`${this.#time.now.toFixed(0).padStart(6)} ${line}`)
  }
}

function outcomeOf(error: unknown): NonNullable<Visit['outcome']> {
  if (error instanceof SessionConflictError) return 'conflict'
  if (error instanceof SessionGoneError) return 'gone'
  if (error instanceof StoreUnavailableError) return 'unknown'
  return `strange: ${error}`
}
