import { milliseconds, RecentHistogram, type Sparse } from './histogram.ts'

/** How long the answers of one node to one command took, within the last minutes. */
export interface CommandTimes {
  readonly node: string
  readonly command: string
  readonly times: Sparse
}

/** What a tracing channel tells of a command. */
interface Message {
  readonly command?: unknown
  readonly serverAddress?: unknown
  readonly serverPort?: unknown
}

/** The part of node:diagnostics_channel that is used. */
interface Diagnostics {
  tracingChannel?(name: string): {
    subscribe(listener: object): void
    unsubscribe(listener: object): void
  }
}

const channelName = 'claimcheck:memcached:command'
/** What health is asked with: no session waits for it. */
const ofHealth: readonly string[] = ['version', 'stats']
/** Of more nodes than any ring has, with each of a dozen commands; the oldest is forgotten. */
const mostKinds = 500

/**
 * Listens to the commands of memcached in this process, whichever sessions they are for. Where the runtime has no such channel, or the
 * store is another, nothing is told.
 */
export class Commands {
  readonly #kinds = new Map<
    string,
    { readonly node: string; readonly command: string; readonly recent: RecentHistogram }
  >()
  readonly #began = new WeakMap<object, number>()
  readonly #now: () => number
  readonly stop: () => void

  constructor(now: () => number) {
    this.#now = now
    const channel = diagnosticsHere()?.tracingChannel?.(channelName)
    const listener = {
      start: (message: object) => void this.#began.set(message, performance.now()),
      asyncEnd: (message: object) => this.#end(message),
    }
    channel?.subscribe(listener)
    this.stop = () => channel?.unsubscribe(listener)
  }

  list(): readonly CommandTimes[] {
    const now = this.#now()
    return [...this.#kinds.values()].map(({ node, command, recent }) => ({
      node,
      command,
      times: recent.toSparse(now),
    }))
  }

  #end(message: Message): void {
    const began = this.#began.get(message)
    const { command, serverAddress, serverPort } = message
    if (began === undefined || typeof command !== 'string' || typeof serverAddress !== 'string') return
    if (ofHealth.includes(command)) return
    const node = typeof serverPort === 'number' ? `${hostOf(serverAddress)}:${serverPort}` : serverAddress
    this.#recentOf(node, command).add(performance.now() - began, this.#now())
  }

  #recentOf(node: string, command: string): RecentHistogram {
    const kind = `${node} ${command}`
    const known = this.#kinds.get(kind)
    if (known) return known.recent
    const [oldest] = this.#kinds.keys()
    if (oldest !== undefined && this.#kinds.size >= mostKinds) this.#kinds.delete(oldest)
    const recent = new RecentHistogram(milliseconds)
    this.#kinds.set(kind, { node, command, recent })
    return recent
  }
}

/** As nodes are named everywhere: an IPv6 address stands in brackets. */
const hostOf = (address: string) => (address.includes(':') ? `[${address}]` : address)

/** Asked of Node, Bun and Deno as they run; elsewhere there is no such module. */
function diagnosticsHere(): Diagnostics | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } }
  return process?.getBuiltinModule?.('node:diagnostics_channel') as Diagnostics | undefined
}
