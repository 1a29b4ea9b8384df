import type { Address } from '../../adapters/stores/memcached/address.ts'
import type { FailureKind } from '../memcached/failure.ts'
import type { Servers } from '../memcached/servers.ts'

/** Counters or settings by name, as the server tells them. */
export type Told = ReadonlyMap<string, string>

/** What was seen of one memcached. */
export interface NodeFacts {
  readonly node: string
  readonly address: Address
  /** What its name stands for; empty for a unix socket and where the name is not known. */
  readonly names: readonly { readonly address: string; readonly family: number }[]
  /** Why there was no talking with it; the rest is then empty. */
  readonly failure: FailureKind | undefined
  /** What it does answer to, where it was asked in another way. */
  readonly answersTo: 'TLS' | 'plain text' | 'binary' | undefined
  /** Somebody without password and TLS gets in. */
  readonly letsStrangersIn: boolean
  readonly roundTripMs: number | undefined
  readonly stats: Told
  readonly settings: Told
  readonly items: Told
  /** Its clock less ours; undefined where it does not tell. */
  readonly skewSeconds: number | undefined
  /** When its certificate ends, milliseconds since 1970. */
  readonly certificateEnds: number | undefined
}

/** What was seen between the servers, and on each of them of the ring. */
export interface RingFacts {
  /** Pairs of names for one server. */
  readonly same: readonly (readonly [string, string])[]
  /** Behind one address several servers answer. */
  readonly several: readonly string[]
  /** Of the sessions looked at on a server, those that belong elsewhere. */
  readonly strays: ReadonlyMap<string, { readonly seen: number; readonly stray: number }>
  /** A key that the store wrote is not where its ring says. */
  readonly misplaced: boolean
  /** On average, of the sessions looked at; undefined where there were none. */
  readonly itemBytes: number | undefined
}

/** Everything about the servers of one `memcachedStore`. */
export interface MemcachedFacts {
  readonly servers: Servers
  readonly nodes: readonly NodeFacts[]
  readonly ring: RingFacts
}

/** What the operator knows and no server tells. */
export interface Expected {
  /** Processes of the application. */
  readonly processes: number
  /** Sessions that live at the busiest hour; undefined where it is not said. */
  readonly sessions: number | undefined
  readonly idleSeconds: number
  /** The longest time any record is kept unused. */
  readonly longestSeconds: number
  readonly maxBytes: number
  readonly now: number
}

/** A counter as a number; 0 where it is not told. */
export const count = (told: Told, name: string): number => Number(told.get(name) ?? 0)

/** The sum, or another fold, of one counter over all classes of `stats items`. */
export function overClasses(items: Told, name: string): readonly number[] {
  return [...items].filter(([key]) => key.endsWith(`:${name}`)).map(([, value]) => Number(value))
}
