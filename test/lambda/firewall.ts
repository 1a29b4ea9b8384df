import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'

/**
 * How connections die that nobody uses.
 *
 * `closed`: the other end closes, which can be seen at once. `reset`: by a reset, seen as well. `rejected`: a gateway forgets
 * them, and answers what is sent next by a reset. `silent`: a firewall forgets them, and drops what is sent next.
 */
export const deaths = ['closed', 'reset', 'rejected', 'silent'] as const
export type Death = (typeof deaths)[number]

/** Stands between a client and a server on a free loopback port; what is connected after a death is well. */
export interface Firewall extends AsyncDisposable {
  readonly address: string
  /** Connections that were made so far. */
  readonly made: number
  /** Ends those that are open now. */
  kill(death: Death): void
}

export async function startFirewall(serverPort: number): Promise<Firewall> {
  const open = new Set<Socket>()
  const forgotten = new Map<Socket, Death>()
  let made = 0
  const server = createServer({ allowHalfOpen: true }, (client) => {
    made++
    const upstream = createConnection(serverPort, '127.0.0.1').on('error', () => {})
    open.add(client)
    const end = () => {
      open.delete(client)
      client.destroy()
      upstream.destroy()
    }
    client.on('error', end).on('close', end).on('end', end)
    upstream.on('close', () => !forgotten.has(client) && end())
    upstream.on('data', (chunk) => !forgotten.has(client) && client.write(chunk))
    client.on('data', (chunk) => {
      if (forgotten.get(client) === 'rejected') client.resetAndDestroy()
      else if (!forgotten.has(client)) upstream.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get made() {
      return made
    },
    kill(death) {
      for (const client of open) {
        forgotten.set(client, death)
        if (death === 'closed') client.end()
        if (death === 'reset') client.resetAndDestroy()
      }
    },
    async [Symbol.asyncDispose]() {
      for (const client of open) client.destroy()
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
}
