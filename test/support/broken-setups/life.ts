import { createAuthority } from '../certificates.ts'
import { startMemcached, startRedis } from '../servers.ts'
import type { Life } from './setup.ts'

/** Life for one case; its end takes everything along, the last first. */
export function newLife(): Life & AsyncDisposable {
  const things: (AsyncDisposable | Disposable)[] = []
  const use = <Thing extends AsyncDisposable | Disposable>(thing: Thing) => {
    things.push(thing)
    return thing
  }
  return {
    use,
    memcached: async (...args) => use(await startMemcached(args)),
    redis: async (...args) => use(await startRedis(args)),
    authority: use(createAuthority()),
    async [Symbol.asyncDispose]() {
      for (const thing of things.toReversed())
        await (Symbol.asyncDispose in thing ? thing[Symbol.asyncDispose]() : thing[Symbol.dispose]())
    },
  }
}
