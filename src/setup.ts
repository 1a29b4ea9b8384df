import type { Store } from './store.ts'

/** What a store was built from: tools look at its servers themselves. */
export interface StoreSetup {
  /** The store's name: `memcached`, `redis`, `replicated`. */
  readonly kind: string
  /** As they were given, credentials included: never to be shown. */
  readonly options: object
}

/** By a name that every copy of this package shares: a tool may come from another one than the application's. */
const setup = Symbol.for('claimcheck.setup')

/** Lets tools ask the store what it was built from. A function, so that nothing shows where a store is printed; a copy of the store has it too. */
export function withSetup<S extends Store>(store: S, told: StoreSetup): S {
  return Object.assign(store, { [setup]: () => told })
}

/** What the store was built from; undefined for one of the user's own, and for those that have no servers. */
export function setupOf(store: Store): StoreSetup | undefined {
  const tell = (store as { readonly [setup]?: unknown })[setup]
  return typeof tell === 'function' ? (tell.call(store) as StoreSetup) : undefined
}
