import type { Store, StoreHealth } from '../../src/store.ts'
import type { NotableEvents } from './notable.ts'

/** A store answers within a second or so; later than this it is not ready. */
const deadlineMs = 1500

/** What `store.check()` says, asked once for all who want to know. */
export class Health {
  readonly #store: Store
  readonly #notable: NotableEvents
  readonly #now: () => number
  /** Which nodes were up when they were last asked. */
  #wasUp = new Map<string, boolean>()
  #asking: Promise<StoreHealth> | undefined

  constructor(store: Store, notable: NotableEvents, now: () => number) {
    this.#store = store
    this.#notable = notable
    this.#now = now
  }

  ask(): Promise<StoreHealth> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<StoreHealth> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<StoreHealth>((resolve) => {
      timer = setTimeout(resolve, deadlineMs, { ready: false, nodes: [] })
    })
    const check = async () => (await this.#store.check?.()) ?? { ready: true, nodes: [] }
    const checked = check().catch(() => ({ ready: false, nodes: [] }))
    const health = await Promise.race([checked, late]).finally(() => clearTimeout(timer))
    this.#compare(health)
    return health
  }

  /** A node that went or came back is worth telling. Known only while somebody looks. */
  #compare({ nodes }: StoreHealth): void {
    if (nodes.length === 0) return
    for (const { node, up, reason } of nodes) {
      const wasUp = this.#wasUp.get(node) ?? true
      if (up !== wasUp) this.#notable.note({ at: this.#now(), type: up ? 'node-up' : 'node-down', reason, node })
    }
    this.#wasUp = new Map(nodes.map(({ node, up }) => [node, up]))
  }
}
