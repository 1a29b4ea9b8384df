import { checkOptions, type SessionOptions } from './options.ts'
import type { Settings } from './request/exchange.ts'
import { isWorkers } from './runtime.ts'
import { type Sessions, sessionsFrom, settingsOf } from './sessions.ts'

/** One configuration, built once. */
export interface Configured {
  readonly settings: Settings
  readonly sessions: Sessions<object>
}

/** From options, or from sessions that are there: then what is told of them goes for this, too. */
export function configure(options: SessionOptions | Sessions<object>): Configured {
  const known = settingsOf(options)
  if (known) return { settings: known, sessions: options as Sessions<object> }
  return configureNew(options as SessionOptions)
}

function configureNew(options: SessionOptions): Configured {
  const settings = checkOptions(options)
  return { settings, sessions: sessionsFrom(settings) }
}

/** The same for every request. */
export function always(options: SessionOptions | Sessions<object>): () => Configured {
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
