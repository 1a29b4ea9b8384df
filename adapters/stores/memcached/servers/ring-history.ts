import type { Ring } from './ring.ts'

/**
 * More changes than that within the life of a session are not a change of servers but a list that does not hold still. Each ring
 * costs every key a search, and every moved key its owners: after 2,100 rings a key took 12.7 ms. A rolling update of three
 * servers one by one, with new addresses, makes seven.
 */
const mostEras = 8

interface Era {
  readonly id: string
  readonly ring: Ring
  readonly nodes: readonly string[]
  /** When the next ring took over, on the monotonic clock; undefined for the ring in force. */
  endedAt: number | undefined
}

/**
 * The ring in force and those before it, for as long as sessions of their time can live.
 *
 * Until then the owners of EVERY such ring count as copies, the earliest ring's first, also after a change back: processes learn of a
 * change at different times, and a session must find all its owners in all of them. Only moved keys pay for it.
 */
export class Rings {
  readonly #copies: number
  readonly #keepMs: () => number
  readonly #onForget: () => void
  readonly #onGiveUp: () => void
  #eras: Era[] = []

  /**
   * `keepMs` tells how long a session can live from now on without being used; `onForget` is told when rings were dropped,
   * `onGiveUp` when that was too early.
   */
  constructor(copies: number, keepMs: () => number, onForget: () => void = () => {}, onGiveUp: () => void = () => {}) {
    this.#copies = copies
    this.#keepMs = keepMs
    this.#onForget = onForget
    this.#onGiveUp = onGiveUp
  }

  get isEmpty(): boolean {
    return this.#eras.length === 0
  }

  /** The nodes that may be asked for anything. */
  get nodes(): ReadonlySet<string> {
    return new Set(this.#eras.flatMap(({ nodes }) => nodes))
  }

  /** The nodes of the ring in force alone. */
  get nodesInForce(): ReadonlySet<string> {
    return new Set(this.#eras.find(({ endedAt }) => endedAt === undefined)?.nodes)
  }

  /** Puts a ring in force; `id` tells equal rings, weights included. */
  change(ring: Ring, nodes: readonly string[], id: string = nodes.join()): void {
    this.#forget()
    const now = performance.now()
    const inForce = this.#eras.find(({ endedAt }) => endedAt === undefined)
    if (inForce) inForce.endedAt = now
    // A list that goes to and fro must not pile up rings; the one that was there keeps its place in the order.
    const known = this.#eras.find((era) => era.id === id)
    if (known) known.endedAt = undefined
    else this.#eras.push({ id, ring, nodes, endedAt: undefined })
    if (this.#eras.length > mostEras) this.#giveUp()
  }

  /** Lets go of the ring that ended first, though sessions of its time may live. */
  #giveUp(): void {
    const ended = this.#eras.filter(({ endedAt }) => endedAt !== undefined)
    const first = ended.reduce((a, b) => ((b.endedAt as number) < (a.endedAt as number) ? b : a))
    this.#eras = this.#eras.filter((era) => era !== first)
    this.#onForget()
    this.#onGiveUp()
  }

  /** The owners of a key, the earliest ring's home first. */
  ownersOf(key: string): readonly string[] {
    this.#forget()
    const [first, ...later] = this.#eras
    if (!first) return []
    const owners = first.ring.ownersOf(key, this.#copies)
    if (later.length === 0) return owners
    return [...new Set([...owners, ...later.flatMap(({ ring }) => ring.ownersOf(key, this.#copies))])]
  }

  /** Drops the rings that ended longer ago than any session lives. */
  #forget(): void {
    if (this.#eras.length < 2) return
    const since = performance.now() - this.#keepMs()
    const kept = this.#eras.filter(({ endedAt }) => endedAt === undefined || endedAt > since)
    if (kept.length === this.#eras.length) return
    this.#eras = kept
    this.#onForget()
  }
}
