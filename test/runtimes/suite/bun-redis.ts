import type { RedisSend } from '../../../adapters/stores/redis/index.ts'

/** Its types are Bun's. */
interface BunRedis {
  connect(): Promise<unknown>
  send(command: string, args: string[]): Promise<unknown>
  close(): void
}

type Bun = { readonly RedisClient: new (url: string, options: object) => BunRedis }

export const isBun: boolean = 'Bun' in globalThis

/** Bun's own client, as the documentation says: by default it gives up for good after ten tries to connect. */
export async function connectBun(port: number): Promise<{ readonly send: RedisSend; close(): void }> {
  const { RedisClient } = (globalThis as unknown as { readonly Bun: Bun }).Bun
  const client = new RedisClient(`redis://127.0.0.1:${port}`, { enableOfflineQueue: false, maxRetries: 2 ** 31 - 1 })
  await client.connect()
  return { send: ([command = '', ...args]) => client.send(command, args), close: () => client.close() }
}
