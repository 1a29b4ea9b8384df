import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createClient, RESP_TYPES } from 'redis'

/** What goes wrong with the next requests; `apply` modes run the command first. */
export type UpstashFault =
  | 'never-answer'
  | 'stall-body'
  | 'too-many-requests'
  | 'server-error'
  | 'server-error-html'
  | 'html'
  | 'truncated-json'
  | 'error-with-200'
  | 'empty-result'
  | 'strange-result'
  | 'apply-then-reset'
  | 'apply-then-never-answer'

/** One request as it came in, also where it was answered with a fault. */
export interface UpstashRequest {
  readonly path: string
  readonly command: readonly unknown[]
  readonly headers: IncomingHttpHeaders
  /** Whether the client hung up before it had an answer. */
  abandoned: boolean
}

/** The part of the Upstash REST API that `@upstash/redis` speaks, over a real redis. */
export interface UpstashBridge {
  readonly url: string
  readonly token: string
  readonly log: UpstashRequest[]
  /** Applies to every request until it is set back to undefined. */
  fault: UpstashFault | undefined
  /** From now on reads see the value before the last write, unless the request names a sync token as new as that write. */
  staleReads: boolean
  /** The next command of this verb is answered as of now, but only after `release()`. */
  holdNext: string | undefined
  release(): void
  /** Sends a command to redis directly, past all faults and the log. */
  redis(...command: readonly string[]): Promise<Reply>
  [Symbol.asyncDispose](): Promise<void>
}

/** A RESP2 value: bulk strings are bytes, status lines strings, errors Errors. */
export type Reply = string | number | null | Buffer | Error | Reply[]

/** Starts a bridge on a free loopback port; the redis must be running. */
export async function startUpstash(redisPort: number, token = 'upstash-token-of-the-test'): Promise<UpstashBridge> {
  const redis = await connectRedis(redisPort)
  const replica = new Replica()
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request)
    if (request.headers.authorization !== `Bearer ${token}`)
      return answer(response, 401, { error: 'WRONGPASS invalid or missing auth token' })
    const command = JSON.parse(body) as unknown[]
    const entry = { path: request.url ?? '', command, headers: request.headers, abandoned: false }
    response.once('close', () => {
      entry.abandoned = !response.writableFinished
    })
    bridge.log.push(entry)
    if (entry.path !== '/') return answer(response, 404, { error: `ERR no such path ${entry.path}` })
    // Of the time when it came: on a busy machine a fault that is set afterwards would meet its answer.
    const { fault } = bridge
    if (fault !== undefined && !fault.startsWith('apply')) return fail(response, fault, body)
    const reply = await run(command, request.headers['upstash-sync-token'])
    const seen = replica.writes
    if (command[0] === bridge.holdNext) {
      bridge.holdNext = undefined
      await new Promise<void>((released) => {
        bridge.release = released
      })
    }
    if (fault !== undefined) return fail(response, fault, body)
    response.setHeader('upstash-sync-token', `${seen}`)
    if (reply instanceof Error) return answer(response, 400, { error: reply.message })
    answer(response, 200, { result: encoded(reply, request.headers['upstash-encoding'] === 'base64') })
  }

  async function run(command: readonly unknown[], syncToken: unknown): Promise<Reply> {
    const words = command.map((word) => (typeof word === 'string' ? word : JSON.stringify(word)))
    if (!bridge.staleReads) return redis.send(words)
    const key = keyOf(words)
    const stale = /^GET/i.test(words[0] ?? '') ? replica.read(key, Number(syncToken || 0)) : undefined
    if (stale !== undefined) return stale.value
    if (/^(?:SET|DEL|EVAL)$/i.test(words[0] ?? '')) replica.write(key, await redis.send(['GET', key]))
    return redis.send(words)
  }

  const bridge: UpstashBridge = {
    url: `http://127.0.0.1:${address.port}`,
    token,
    log: [],
    fault: undefined,
    staleReads: false,
    holdNext: undefined,
    release: () => {},
    redis: (...command) => redis.send(command),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      redis.close()
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
  return bridge
}

/** What a lagging replica still has: of each key the value before its last write. */
class Replica {
  writes = 0
  readonly #before = new Map<string, { readonly write: number; readonly value: Reply }>()

  write(key: string, value: Reply): void {
    this.#before.set(key, { write: ++this.writes, value })
  }

  read(key: string, seenWrites: number): { readonly value: Reply } | undefined {
    const before = this.#before.get(key)
    return before !== undefined && before.write > seenWrites ? before : undefined
  }
}

function keyOf(words: readonly string[]): string {
  return (/^EVAL$/i.test(words[0] ?? '') ? words[3] : words[1]) ?? ''
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

/** `body` is echoed in error texts, as Upstash does with some of them: what an adapter must not let through. */
function fail(response: ServerResponse, fault: UpstashFault, body: string): void {
  const json = 'application/json'
  const send = (status: number, type: string, text: string) => {
    response.writeHead(status, { 'content-type': type }).end(text)
  }
  const faults: Record<UpstashFault, () => void> = {
    'never-answer': () => {},
    'apply-then-never-answer': () => {},
    'stall-body': () => response.writeHead(200, { 'content-type': json, 'content-length': '100' }).write('{"result":'),
    'too-many-requests': () => answer(response, 429, { error: `ERR max requests limit exceeded: ${body}` }),
    'server-error': () => answer(response, 500, { error: `ERR internal: ${body}` }),
    'server-error-html': () => send(502, 'text/html', `<html>Bad gateway ${body}</html>`),
    html: () => send(200, 'text/html', `<html>Log in ${body}</html>`),
    'truncated-json': () => send(200, json, '{"result":"T0'),
    'error-with-200': () => answer(response, 200, { error: `ERR not now: ${body}` }),
    'empty-result': () => answer(response, 200, {}),
    'strange-result': () => answer(response, 200, { result: true }),
    'apply-then-reset': () => response.socket?.resetAndDestroy(),
  }
  faults[fault]()
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** With base64 every string but a status is encoded, inside arrays too; numbers and null stay as they are. */
function encoded(reply: Reply, base64: boolean): unknown {
  if (Array.isArray(reply)) return reply.map((item) => encoded(item, base64))
  return Buffer.isBuffer(reply) ? reply.toString(base64 ? 'base64' : 'utf8') : reply
}

/** RESP 2 with strings as bytes: a status stays a string, so that base64 leaves it alone. */
async function connectRedis(port: number) {
  const client = createClient({ socket: { host: '127.0.0.1', port }, RESP: 2, disableOfflineQueue: true })
  client.on('error', () => {})
  await client.connect()
  const send = (words: readonly string[]): Promise<Reply> =>
    client
      .sendCommand<Reply>([...words], { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } })
      .catch((error: unknown) => (error instanceof Error ? error : new Error('ERR')))
  return { send, close: () => client.destroy() }
}
