import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { session } from '../../adapters/frameworks/node.ts'
import type { Session, SessionOptions } from '../../src/index.ts'
import type { Any } from './app.ts'

export type Req = IncomingMessage & { session: Session<Any> }

export interface NodeServer extends AsyncDisposable {
  readonly server: Server
  readonly port: number
  /** The errors that were answered. */
  readonly errors: unknown[]
  fetch(path: string, cookie?: string, init?: RequestInit): Promise<Response>
}

/** A server of node:http with the middleware; errors are answered with their status and code. */
export async function nodeServer(
  options: SessionOptions,
  handle: (req: Req, res: ServerResponse) => unknown,
  before: (req: IncomingMessage, res: ServerResponse) => void = () => {},
): Promise<NodeServer> {
  const errors: unknown[] = []
  const withSession = session(options)
  const answer = (res: ServerResponse, error: unknown) => {
    errors.push(error)
    if (res.headersSent) return void res.destroy()
    res.statusCode = (error as { status?: number }).status ?? 500
    res.end(`${(error as { code?: string }).code ?? error}`)
  }
  const server = createServer((req, res) => {
    before(req, res)
    withSession(req, res, (error) => {
      if (error) answer(res, error)
      else new Promise((done) => done(handle(req as Req, res))).catch((reason: unknown) => answer(res, reason))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    server,
    port,
    errors,
    fetch: (path: string, cookie?: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        ...{ redirect: 'manual', ...init },
        headers: { ...(init.headers as Record<string, string>), ...(cookie === undefined ? {} : { Cookie: cookie }) },
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
