import type { Address } from '../address.ts'

/** What can be told of a server that a list leaves out. */
export interface SeenOptions {
  /** How long it may be missing. */
  readonly keepMs: () => number
  /** Whether it has been away for so long that its sessions count as lost. */
  readonly isLost: (node: string) => boolean
}

/** More than any name has that sessions are kept under. */
const mostServers = 128

/**
 * The servers that a name server handed out lately, whichever of them it named last.
 *
 * Many hand out only some of the addresses each time, in turn. A server that is missing but answers is still one of them; one
 * that is missing and is given up has left, as has one that nobody named for as long as a session lives.
 */
export class SeenServers {
  readonly #options: SeenOptions
  readonly #seen: Map<string, { readonly address: Address; readonly at: number }> = new Map()

  constructor(options: SeenOptions) {
    this.#options = options
  }

  /** The list and all that is still counted beside it, in an order that is the same everywhere. */
  unite(list: readonly Address[]): readonly Address[] {
    const at = performance.now()
    for (const address of list) {
      this.#seen.delete(address.node) // so that the one seen last is last
      this.#seen.set(address.node, { address, at })
    }
    const since = at - this.#options.keepMs()
    for (const [node, seen] of this.#seen) {
      const isOver = this.#seen.size > Math.max(mostServers, list.length)
      if (seen.at < at && (isOver || seen.at < since || this.#options.isLost(node))) this.#seen.delete(node)
    }
    return [...this.#seen.values()].map(({ address }) => address)
  }
}
