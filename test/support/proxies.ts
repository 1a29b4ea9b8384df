import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Something in between, on a port of its own. */
export interface Between extends AsyncDisposable {
  readonly address: string
}

/** A balancer that takes turns: every connection reaches the next server. */
export async function alternating(...servers: readonly { readonly port: number }[]): Promise<Between> {
  let next = 0
  return between((client) => {
    const server = connect(servers[next++ % servers.length]?.port as number, '127.0.0.1')
    client.pipe(server)
    server.pipe(client)
    return server
  })
}

/** A long way: every answer takes so much longer. */
export async function delaying({ port }: { readonly port: number }, ms: number): Promise<Between> {
  return between((client) => {
    const server = connect(port, '127.0.0.1')
    client.pipe(server)
    server.on('data', (chunk) => setTimeout(() => client.destroyed || client.write(chunk), ms))
    return server
  })
}

/** No server at all: what comes is answered with these words, and without any the peer hangs up. */
export async function answering(words: (text: string) => string | undefined): Promise<Between> {
  return between((client) => {
    client.once('data', (chunk) => {
      const answer = words(chunk.toString('latin1'))
      if (answer === undefined) client.destroy()
      else client.write(answer)
    })
    return client
  })
}

async function between(join: (client: Socket) => Socket): Promise<Between> {
  const open = new Set<Socket>()
  const listener = createServer((client) => {
    const server = join(client)
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(one)
      one
        .on('error', () => {})
        .once('close', () => {
          open.delete(one)
          other.destroy()
        })
    }
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    address: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise((done) => listener.close(done))
    },
  }
}
