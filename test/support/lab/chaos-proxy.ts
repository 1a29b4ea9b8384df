import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'

/** What happens to bytes from now on, on open connections too. */
export interface Chaos {
  /** Each way. */
  latencyMs: number
  /** Up to so much more, at random; the order of bytes stays. */
  jitterMs: number
  /** Each way and connection; `Infinity` does not slow down. */
  bytesPerSecond: number
  /** Segments of at most so many bytes. */
  sliceBytes: number
  /** Ends the connection after so many bytes of replies, counted from the moment this is set, per connection. */
  cutReplyAt: number
  cutBy: 'fin' | 'reset'
  /** Lets requests through, once more, and ends the connection instead of replying; passes everything afterwards. */
  loseReplies: number
  /** `hole`: accepted and never answered. `refuse`: reset at once. `fin`: closed when a request has come. */
  mode: 'pass' | 'hole' | 'refuse' | 'fin'
}

const calm: Chaos = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  sliceBytes: Number.POSITIVE_INFINITY,
  cutReplyAt: Number.POSITIVE_INFINITY,
  cutBy: 'fin',
  loseReplies: 0,
  mode: 'pass',
}

/** One chunk that came by. */
export interface Passage {
  readonly at: number
  readonly way: 'request' | 'reply'
  readonly bytes: number
}

/** Stands between a client and a server on a loopback port of its own. */
export interface ChaosProxy extends AsyncDisposable {
  readonly port: number
  readonly address: string
  /** Open connections of clients. */
  readonly connections: number
  /** Every chunk since the last `log.length = 0`, of all connections. */
  readonly log: Passage[]
  set(chaos: Partial<Chaos>): void
  /** Everything as at first; connections live on. */
  calm(): void
  /** Ends every connection now. */
  drop(by?: 'fin' | 'reset'): void
}

export async function startChaosProxy(serverPort: number): Promise<ChaosProxy> {
  const chaos = { ...calm }
  const pairs = new Set<Pair>()
  const log: Passage[] = []
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (chaos.mode === 'refuse') {
      client.resetAndDestroy()
      return
    }
    const pair = new Pair(client, createConnection({ port: serverPort, host: '127.0.0.1' }), chaos, log)
    pairs.add(pair)
    pair.onEnd = () => pairs.delete(pair)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    address: `127.0.0.1:${port}`,
    log,
    get connections() {
      return pairs.size
    },
    set(changes) {
      Object.assign(chaos, changes)
      if (changes.cutReplyAt !== undefined) for (const pair of pairs) pair.replied = 0
    },
    calm: () => void Object.assign(chaos, calm),
    drop(by = 'reset') {
      for (const pair of [...pairs]) pair.end(by)
    },
    async [Symbol.asyncDispose]() {
      for (const pair of [...pairs]) pair.end('reset')
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
}

/** One client's connection and the server's side of it; either ends with the other. */
class Pair {
  onEnd: () => unknown = () => {}
  replied = 0
  readonly #client: Socket
  readonly #upstream: Socket
  readonly #chaos: Chaos
  /** When the last byte of each way is due: bytes do not overtake one another. */
  readonly #due = { request: 0, reply: 0 }

  constructor(client: Socket, upstream: Socket, chaos: Chaos, log: Passage[]) {
    this.#client = client
    this.#upstream = upstream
    this.#chaos = chaos
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.end('reset'))
      socket.on('end', () => this.end('fin'))
      socket.on('close', () => this.end('fin'))
    }
    client.on('data', (chunk: Buffer) => {
      log.push({ at: performance.now(), way: 'request', bytes: chunk.length })
      this.#request(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      log.push({ at: performance.now(), way: 'reply', bytes: chunk.length })
      this.#reply(chunk)
    })
  }

  end(by: 'fin' | 'reset'): void {
    this.onEnd()
    if (by === 'reset') this.#client.resetAndDestroy()
    else this.#client.end(() => this.#client.destroy())
    this.#upstream.destroy()
  }

  #request(chunk: Buffer): void {
    if (this.#chaos.mode === 'fin') this.end('fin')
    else if (this.#chaos.mode === 'pass') this.#forward('request', this.#upstream, chunk)
  }

  #reply(chunk: Buffer): void {
    if (this.#chaos.mode !== 'pass') return
    if (this.#chaos.loseReplies > 0) {
      this.#chaos.loseReplies--
      this.end('reset')
      return
    }
    const left = this.#chaos.cutReplyAt - this.replied
    this.replied += chunk.length
    if (chunk.length < left) this.#forward('reply', this.#client, chunk)
    else if (left >= 0) this.#client.write(chunk.subarray(0, left), () => this.end(this.#chaos.cutBy))
  }

  #forward(way: 'request' | 'reply', to: Socket, chunk: Buffer): void {
    const { latencyMs, jitterMs, bytesPerSecond, sliceBytes } = this.#chaos
    const size = Math.min(sliceBytes, bytesPerSecond / 50)
    if (chunk.length > size) {
      for (let at = 0; at < chunk.length; at += size) this.#forward(way, to, chunk.subarray(at, at + size))
      return
    }
    const now = performance.now()
    const due = Math.max(this.#due[way], now + latencyMs + jitterMs * Math.random())
    this.#due[way] = due + (1000 * chunk.length) / bytesPerSecond
    const send = () => void (to.writable && to.write(chunk))
    // A byte at a time must be a segment at a time: else the kernel puts them together again.
    if (due <= now && sliceBytes === Number.POSITIVE_INFINITY) send()
    else if (due <= now) setImmediate(send)
    else setTimeout(send, due - now)
  }
}

/** Requests that had to wait for a reply to an earlier one: what latency is multiplied by. */
export function roundTripsIn(logs: readonly (readonly Passage[])[]): number {
  const all = logs.flat().sort((a, b) => a.at - b.at)
  return all.filter(({ way }, at) => way === 'request' && all[at - 1]?.way !== 'request').length
}
