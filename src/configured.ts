import { checkOptions, type SessionOptions } from './options.ts'
import type { Settings } from './request/exchange.ts'
import { isWorkers } from './runtime.ts'
import { type Sessions, sessionsFrom } from './sessions.ts'

/** One configuration, built once. */
export interface Configured {
  readonly settings: Settings
  readonly sessions: Sessions<object>
}

function configure(options: SessionOptions): Configured {
  const settings = checkOptions(options)
  return { settings, sessions: sessionsFrom(settings) }
}

/** The same for every request. */
export function always(options: SessionOptions): () => Configured {
  const configured = configure(options)
  return () => configured
}

/** Built once per env object on Workers, where bindings come with each request, and once elsewhere. */
export function perEnvironment<C extends { readonly env: unknown }>(
  options: (c: C) => SessionOptions,
): (c: C) => Configured {
  const byEnv = new WeakMap<object, Configured>()
  const everywhere = {}
  return (c) => {
    const env = isWorkers() && typeof c.env === 'object' && c.env !== null ? c.env : everywhere
    const configured = byEnv.get(env) ?? configure(options(c))
    byEnv.set(env, configured)
    return configured
  }
}
