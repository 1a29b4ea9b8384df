import { createConnection } from 'node:net'
import { type MemcachedOptions, memcachedStore } from '../../adapters/stores/memcached/index.ts'
import type { Store } from '../../src/store.ts'

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (value: Uint8Array | undefined): string | undefined =>
  value ? new TextDecoder().decode(value) : undefined
let keys = 0
/** A key like those of sessions, that no other test of this file uses. */
export const newKey = (): string => `session:${(keys++).toString().padStart(43, 'k')}`

/** One text command to the server, past the store; answers up to the line that ends it. */
export async function ask(server: { readonly port: number }, command: string, end: RegExp): Promise<string> {
  const socket = createConnection(server.port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').write(`${command}\r\n`)
  try {
    for await (const chunk of socket) {
      answer += chunk
      if (end.test(answer)) return answer
    }
    throw new Error(`no end in ${answer}`)
  } finally {
    socket.destroy()
  }
}

/** The server's counters, past the store. */
export async function stats(server: { readonly port: number }): Promise<Record<string, number>> {
  const lines = (await ask(server, 'stats', /END\r\n$/)).matchAll(/STAT (\S+) (\d+)\r/g)
  return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]))
}

/** The seconds that an entry has left. */
export async function ttlOf(server: { readonly port: number }, key: string): Promise<number> {
  const [, seconds] = /^HD t(-?\d+)/.exec(await ask(server, `mg ${key} t`, /\r\n$/)) ?? []
  return Number(seconds)
}

/** Stores of one test file; `closeAll` belongs into its `afterEach`. */
export function storesToClose(): { storeOf(options: MemcachedOptions): Store; closeAll(): Promise<void> } {
  const open: Store[] = []
  return {
    storeOf(options) {
      const store = memcachedStore(options)
      open.push(store)
      return store
    },
    async closeAll() {
      await Promise.all(open.splice(0).map((store) => store.close?.()))
    },
  }
}
