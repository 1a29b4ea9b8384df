import type { Socket } from 'node:net'
import type { Address } from '../../adapters/stores/memcached/address.ts'
import { Handshake, type HandshakeOptions } from '../../adapters/stores/memcached/client/text/handshake.ts'
import { Parser, ReplyError } from '../../adapters/stores/memcached/client/text/parser.ts'
import { openWire, type Wire } from '../../adapters/stores/memcached/client/text/socket.ts'
import type { TlsOptions } from '../../adapters/stores/memcached/tls.ts'
import { Failure, failureOf } from './failure.ts'

/** How to get in: the client's own way, or a stranger's. */
export interface EntryOptions extends HandshakeOptions {
  readonly tls?: true | TlsOptions | undefined
}

/** Longer than any deadline of the client's: who looks closely would rather wait than be wrong about a busy machine. */
const patienceMs = 4000

/**
 * A connection for questions that no session asks: settings, items, times to live.
 *
 * It is opened and signed in exactly as the client's own are, by the same code, but one question at a time and with more patience.
 */
export class Conversation {
  readonly #wire: Wire
  #text = ''
  #onText: () => void = () => {}
  #failure: Failure | undefined

  private constructor(wire: Wire) {
    this.#wire = wire
    wire.socket.on('error', (cause) => this.#fail(failureOf(cause)))
    wire.socket.on('close', () => this.#fail(new Failure('closed')))
    wire.socket.on('end', () => this.#fail(new Failure('closed')))
  }

  /** Connects and signs in; rejects with `Failure`. */
  static async open(address: Address, { tls, ...options }: EntryOptions): Promise<Conversation> {
    const conversation = new Conversation(openWire(address, tls))
    try {
      await conversation.#signIn(options)
      return conversation
    } catch (error) {
      conversation.close()
      throw error
    }
  }

  get socket(): Socket {
    return this.#wire.socket
  }

  /** Sends one line and gives the lines of its answer, the last one included; rejects with `Failure`. */
  async ask(command: string, isLast: (line: string) => boolean = () => true): Promise<readonly string[]> {
    this.#text = ''
    this.#wire.socket.write(`${command}\r\n`, 'latin1')
    return this.#within(() => {
      const lines = this.#text.split(/\r?\n/)
      // What lies behind the last line feed is no line yet.
      const at = lines.slice(0, -1).findIndex(isLast)
      return at < 0 ? undefined : lines.slice(0, at + 1)
    })
  }

  /** `STAT <name> <value>` of one kind of counters; empty where the server does not tell. */
  async counters(kind: '' | ' settings' | ' items'): Promise<ReadonlyMap<string, string>> {
    const lines = await this.ask(`stats${kind}`, (line) => !line.startsWith('STAT '))
    const pairs = lines.map((line) => /^STAT (\S+) (.*)$/.exec(line)).filter((match) => match !== null)
    return new Map(pairs.map(([, name = '', value = '']) => [name, value]))
  }

  /** Milliseconds that a line takes to the server and back. */
  async roundTripMs(): Promise<number> {
    const started = performance.now()
    await this.ask('version')
    return performance.now() - started
  }

  close(): void {
    this.#wire.abort()
  }

  async #signIn(options: HandshakeOptions): Promise<void> {
    const { socket, openEvent } = this.#wire
    const say = (text: string) => void socket.write(text, 'latin1')
    let isDone = false
    const handshake = new Handshake(options, say, () => {
      isDone = true
      this.#onText()
    })
    const parser = new Parser(handshake)
    const take = (chunk: Buffer) => {
      try {
        parser.push(chunk)
      } catch (error) {
        this.#fail(error instanceof ReplyError ? Failure.ofReply(error.message) : new Failure('not-memcached'))
      }
    }
    socket.on('data', take)
    socket.once(openEvent, () => handshake.start())
    await this.#within(() => isDone || undefined)
    socket.off('data', take)
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      this.#onText()
    })
  }

  /** Waits until there is a result, a fault, or no patience left. */
  #within<Result>(look: () => Result | undefined): Promise<Result> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(new Failure('silent')), patienceMs)
      this.#onText = () => {
        const result = look()
        if (result === undefined && this.#failure === undefined) return
        clearTimeout(timer)
        this.#onText = () => {}
        if (result !== undefined) resolve(result)
        else reject(this.#failure)
      }
      this.#onText()
    })
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure
    this.#onText()
  }
}
