import { StoreUnavailableError } from '../../../src/errors.ts'
import type { SessionEvent } from '../../../src/events.ts'
import type { Cluster } from '../replication/cluster.ts'
import { createCluster } from '../replication/store.ts'
import type { Address } from './address.ts'
import { binaryDriver } from './client/binary/driver.ts'
import { textDriver } from './client/text/driver.ts'
import { traced } from './client/traced.ts'
import { nodeStore } from './node-store.ts'
import type { MemcachedSettings } from './options.ts'
import { mayBePartial, type ServerProvider } from './servers/dns.ts'
import { createRing } from './servers/ring.ts'
import { Rings } from './servers/ring-history.ts'
import { SeenServers } from './servers/seen-servers.ts'
import { type ServerWatch, watchServers } from './servers/server-watch.ts'

/** A former ring is kept this much longer than its last session can live: other processes may notice the change minutes later. */
const ringMarginSeconds = 300
/** A quiet process may have seen only sessions near their end; others live for `idleSeconds`, by default this long. */
const leastRingSeconds = 1800

/** The servers of one store as members of its cluster, through changes of the list. */
export class Members {
  readonly cluster: Cluster
  readonly #settings: MemcachedSettings
  readonly #rings: Rings
  readonly #watch: ServerWatch | undefined
  readonly #seen: SeenServers
  /** The last list, where it may be a part of the servers. */
  #listed: ReadonlySet<string> | undefined

  constructor(settings: MemcachedSettings) {
    const { provider, giveUpSeconds, replicas, previous, addresses } = settings
    this.#settings = settings
    const keepMs = () => (Math.max(this.cluster.recordSeconds, leastRingSeconds) + ringMarginSeconds) * 1000
    this.#rings = new Rings(
      replicas,
      keepMs,
      () => this.cluster.keepOnly(this.#rings.nodes),
      () => this.#emit({ type: 'ring-lost', store: 'memcached' }),
    )
    this.#seen = new SeenServers({ keepMs, isLost: (node) => this.#isLost(node) })
    this.cluster = createCluster({
      members: [],
      ownersOf: (key) => this.#rings.ownersOf(key),
      inForce: () => ({ names: this.#listed ?? this.#rings.nodesInForce, copies: replicas }),
      giveUpSeconds,
      now: Date.now,
      onFailure: () => this.#watch?.refreshNow(),
    })
    for (const list of [previous, addresses]) if (list) this.#change(list)
    if (provider) this.#watch = this.#follow(provider)
  }

  /** Waits for the list, also with `previousServers`: without it new sessions would begin on servers that may be gone. */
  async ready(): Promise<void> {
    await this.#watch?.ready()
    if (this.#rings.isEmpty) throw new StoreUnavailableError('the memcached servers are not known yet')
  }

  close(): void {
    this.#watch?.close()
  }

  #follow(provider: ServerProvider): ServerWatch {
    if (!mayBePartial(provider)) return watchServers(provider, { onChange: (list) => this.#change(list) })
    const onChange = (list: readonly Address[]) => {
      this.#listed = new Set(list.map(({ node }) => node))
      this.#change(this.#seen.unite(list))
    }
    return watchServers(provider, { onChange, isToldAll: true })
  }

  #isLost(node: string): boolean {
    const member = this.cluster.members.find(({ name }) => name === node)
    return member !== undefined && member.downMs > this.#settings.giveUpSeconds * 1000
  }

  #emit(event: SessionEvent): void {
    try {
      this.#settings.onEvent?.(event)
    } catch {
      // An event handler that throws must not stop the store.
    }
  }

  #change(given: readonly Address[]): void {
    const { hash, provider } = this.#settings
    const isByOrder = hash === 'modula' || typeof hash === 'function'
    // What is found comes in any order: not a change, and no two processes may differ where two points fall on one number.
    const addresses = provider && !isByOrder ? [...given].sort((a, b) => (a.node < b.node ? -1 : 1)) : given
    const ring = createRing(addresses, this.#settings.hash)
    for (const address of addresses) this.cluster.add(address.node, () => nodeStore(this.#driver(address)))
    const nodes = addresses.map(({ node }) => node)
    this.#rings.change(ring, nodes, addresses.map(({ node, weight = 1 }) => `${node}*${weight}`).join())
    this.cluster.keepOnly(this.#rings.nodes)
  }

  #driver(address: Address) {
    const { isBinary, driver } = this.#settings
    return traced(isBinary ? binaryDriver(address, driver) : textDriver(address, driver), address)
  }
}
