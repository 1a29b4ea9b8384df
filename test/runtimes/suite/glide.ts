import type { GlideClient } from '../../../adapters/stores/redis/index.ts'

/** What is used of @valkey/valkey-glide, which is installed in the folder above and not in the main one. */
interface Package {
  readonly GlideClient: Kind
  readonly GlideClusterClient: Kind
  readonly Logger: { setLoggerConfig(level: string): void }
}

interface Kind {
  createClient(options: object): Promise<OpenGlide>
}

/** A client that can be closed. */
export type OpenGlide = GlideClient & { close(): void }

/** As an application would connect it. */
export async function connectGlide(port: number, options: object = {}, isCluster = false): Promise<OpenGlide> {
  const name = '@valkey/valkey-glide'
  const { default: glide } = (await import(/* @vite-ignore */ name)) as { readonly default: Package }
  glide.Logger.setLoggerConfig('off')
  const kind = isCluster ? glide.GlideClusterClient : glide.GlideClient
  return kind.createClient({ addresses: [{ host: '127.0.0.1', port }], requestTimeout: 20_000, ...options })
}
