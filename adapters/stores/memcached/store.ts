import { withSetup } from '../../../src/setup.ts'
import type { Store } from '../../../src/store.ts'
import { replicateIn } from '../replication/store.ts'
import { Members } from './members.ts'
import { checkOptions, type MemcachedOptions } from './options.ts'

/**
 * Sessions in memcached: our own text client, libmemcached's ring, and two copies of every session where there are two servers.
 *
 * No server is asked before the first call; a provider looks the servers up at once. `replicatedStore` says what is promised with
 * copies, and what not. Without copies a server that is down makes its sessions unavailable (503), and lost after `giveUpSeconds`. They
 * are never looked for elsewhere, so nothing can come back from the dead.
 *
 * When the servers change, the owners of the rings before and after count as copies until every session of that time has been used
 * or has expired: two processes may learn of the change at different times. No session is lost as long as no more than one copy's
 * server goes at once. Throws `SessionOptionsError`.
 */
export function memcachedStore(options: MemcachedOptions): Store {
  const settings = checkOptions(options)
  const members = new Members(settings)
  const setup = { kind: 'memcached', options }
  const store = replicateIn('memcached', members.cluster)
  if (!settings.provider) return withSetup(store, setup)
  const waiting: Store = {
    ...store,
    read: async (...given) => members.ready().then(() => store.read(...given)),
    create: async (...given) => members.ready().then(() => store.create(...given)),
    update: async (...given) => members.ready().then(() => store.update(...given)),
    delete: async (...given) => members.ready().then(() => store.delete(...given)),
    check: async () =>
      members.ready().then(
        () => (store.check as NonNullable<Store['check']>)(),
        () => ({ ready: false, nodes: [] }),
      ),
    async close() {
      members.close()
      await store.close?.()
    },
  }
  return withSetup(waiting, setup)
}
