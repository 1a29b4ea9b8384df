import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http'

/** One request that came through the Worker. */
export interface Forwarded {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

/** Stands between the Worker and the container, and counts what passes. */
export interface Upstream {
  readonly url: string
  readonly log: Forwarded[]
  /** Of the container; it may start later. */
  port: number
  /** Answers instead of the container, until it is set back to undefined. */
  answer: ((response: ServerResponse) => void) | undefined
  stop(): Promise<void>
}

export async function startUpstream(): Promise<Upstream> {
  const server = createServer((incoming, response) => {
    const { method = '', url = '', headers } = incoming
    upstream.log.push({ method, path: url, headers })
    if (upstream.answer) upstream.answer(response)
    else pass(incoming, response, upstream.port)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const upstream: Upstream = {
    url: `http://127.0.0.1:${port}`,
    log: [],
    port: 0,
    answer: undefined,
    async stop() {
      server.closeAllConnections()
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
  return upstream
}

function pass(incoming: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url, headers } = incoming
  const outgoing = request({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.rawHeaders)
    answer.pipe(response)
  })
  outgoing.once('error', () => response.destroy())
  incoming.pipe(outgoing)
}
