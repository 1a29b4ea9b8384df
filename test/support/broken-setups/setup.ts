import { type MemcachedOptions, memcachedStore } from '../../../adapters/stores/memcached/index.ts'
import type { Level } from '../../../tools/finding.ts'
import type { World } from '../../../tools/world.ts'
import type { TestAuthority } from '../certificates.ts'
import type { TestServer } from '../servers.ts'

/** What lives as long as one case. */
export interface Life {
  use<Thing extends AsyncDisposable | Disposable>(thing: Thing): Thing
  /** A server of Debian's. */
  memcached(...args: readonly string[]): Promise<TestServer>
  redis(...args: readonly string[]): Promise<TestServer>
  readonly authority: TestAuthority
}

/** What `doctor` is called with. */
export interface Called {
  readonly env?: Readonly<Record<string, string>>
  /** Handed over by `--options`. */
  readonly options?: object
  readonly flags?: readonly string[]
  readonly world?: Partial<Pick<World, 'lookup' | 'now'>>
}

/** One mistake, and what is to be found: this, at this level, and nothing else but notes and what comes along. */
export interface BrokenSetup {
  readonly mistake: string
  readonly code: string
  readonly level: Level
  /** Other findings that cannot be without it, `<level> <code>` each. */
  readonly besides?: readonly string[]
  set(life: Life): Promise<Called>
}

export const secret = 'dUbq3Vv0m7Xk2Zs9LwPf4RtYh8GcJ1nE6aKiOxWQ5lM'
/** By the variables of the environment. */
export const of = (...servers: readonly { readonly address: string }[]): Called => ({
  env: { SESSION_SECRET: secret, MEMCACHED_SERVERS: servers.map(({ address }) => address).join(',') },
})
/** By the options of a module. */
export const withOptions = (memcached: MemcachedOptions, others: object = {}): Called => ({
  options: { store: memcachedStore(memcached), secret, ...others },
})

/** Starts one server in this way, beside a good one. */
export const started = (mistake: string, code: string, level: Level, ...args: readonly string[]): BrokenSetup => ({
  ...{ mistake, code, level },
  set: async ({ memcached }) => of(await memcached(), await memcached(...args)),
})
