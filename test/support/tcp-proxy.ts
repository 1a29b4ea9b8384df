import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** What happens to bytes from now on, on open connections too. */
export type ProxyMode =
  | 'pass'
  /** A firewall that has forgotten the connection: whoever sends now gets no answer on it, ever. New ones are accepted. */
  | 'silent'
  /** Closes on the next request, before it reaches the server. */
  | 'fin'
  | 'reset'
  /** Lets the request through and 3 bytes of the reply, then closes. */
  | 'cut-reply'
  /** Lets the request through, closes before the reply, and passes everything afterwards. */
  | 'lose-one-reply'
  /** Answers a request with what is no redis protocol, then closes. */
  | 'garbage'

/** Stands between a client and a server on a free loopback port. */
export interface TcpProxy {
  readonly port: number
  mode: ProxyMode
  [Symbol.asyncDispose](): Promise<void>
}

export async function startTcpProxy(serverPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const forgotten = new WeakSet<Socket>()
  const server = createServer((client) => {
    const upstream = createConnection(serverPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk) => request(client, upstream, chunk))
    upstream.on('data', (chunk) => reply(client, chunk))
  })

  function request(client: Socket, upstream: Socket, chunk: Buffer): void {
    if (proxy.mode === 'silent') forgotten.add(client)
    if (forgotten.has(client)) return
    if (proxy.mode === 'fin') client.end()
    else if (proxy.mode === 'reset') client.resetAndDestroy()
    else if (proxy.mode === 'garbage') client.end('<html>not redis</html>\r\n')
    else upstream.write(chunk)
  }

  function reply(client: Socket, chunk: Buffer): void {
    if (proxy.mode === 'pass' && !forgotten.has(client)) client.write(chunk)
    if (proxy.mode === 'cut-reply') client.end(chunk.subarray(0, 3))
    if (proxy.mode === 'lose-one-reply') {
      proxy.mode = 'pass'
      client.destroy()
    }
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: TcpProxy = {
    port: (server.address() as { port: number }).port,
    mode: 'pass',
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
  return proxy
}
