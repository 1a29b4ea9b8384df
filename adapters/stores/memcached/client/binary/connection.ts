import type { Socket } from 'node:net'
import type { SessionValueError, StoreUnavailableError } from '../../../../../src/errors.ts'
import type { Address } from '../../address.ts'
import { builtins } from '../../lazy-node.ts'
import { Deadline } from '../deadline.ts'
import { type DriverOptions, unavailable } from '../driver.ts'
import { ItemLimit } from '../item-limit.ts'
import type { Connection, FaultListener } from '../reconnect.ts'
import { createMemjs, type Memjs, type Message, type Reply, type Response, statOpcode } from './memjs.ts'
import { ReplyStream } from './reply-stream.ts'

interface Pending {
  readonly message: Message
  readonly deadline: number
  resolve(reply: Reply): void
  reject(error: StoreUnavailableError | SessionValueError): void
}

/** memjs wraps its numbers to negative at 2^31 and then throws; ours begin below 2^30 and so stay below 2^31. */
const maxOperations = 2 ** 30
/** No value of ours is larger than 1 MiB. A longer reply is nonsense that memjs would collect in memory. */
const maxBodyBytes = 2 ** 20
const saslOpcodes: readonly number[] = [0x20, 0x21]
const authError = 0x20

/**
 * One memjs client with one socket, from its first request to its first fault.
 *
 * memjs 1.3.2 hangs on FIN, mixes replies after a cut and never recovers; so whatever happens, client, socket and buffers are
 * thrown away together, and every call in flight is rejected at once. Adds to memjs: deadlines, close and end, checked headers.
 */
export class MemjsConnection implements Connection {
  readonly epoch: string = builtins.crypto.randomBytes(8).toString('hex')
  readonly #opening: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly opened: Promise<void> = this.#opening.promise
  isProven: boolean = false
  readonly #node: string
  readonly #callMs: number
  readonly #limit: number
  readonly #onFault: FaultListener<MemjsConnection>
  readonly #memjs: Memjs
  readonly #pending: Map<number, Pending> = new Map()
  readonly #firstOpaque: number = builtins.crypto.randomInt(2, 2 ** 30)
  #nextRequest: number = this.#firstOpaque
  #nextReply: number = this.#firstOpaque
  #socket: Socket | undefined
  readonly #connectDeadline: Deadline = new Deadline(() => this.#judgeOpening(), { keepsAlive: true })
  readonly #callDeadline: Deadline = new Deadline((time) => this.#judgeCalls(time), { keepsAlive: true })
  /** Known once it is open. */
  #limits: ItemLimit | undefined
  #isSignedIn: boolean = false
  #isRetired: boolean = false
  #error: StoreUnavailableError | undefined

  constructor(
    address: Address,
    options: DriverOptions,
    onFault: FaultListener<MemjsConnection>,
    limit: number = maxOperations,
  ) {
    this.#node = address.node
    this.#callMs = options.callMs
    this.#limit = limit
    this.#onFault = onFault
    this.#memjs = createMemjs(address, options)
    this.opened.catch(() => {}) // whoever waits for it gets the rejection; nobody waiting is no error
    this.#connect(options.connectMs)
  }

  get isOpen(): boolean {
    return this.#limits !== undefined && !this.#isRetired && !this.#error
  }

  get isSpent(): boolean {
    return this.#nextRequest - this.#firstOpaque >= this.#limit
  }

  /** Sends now and settles at the reply, the deadline or the first fault, whichever comes first. */
  send(message: Message): Promise<Reply> {
    return new Promise((resolve, reject) => {
      // memjs opens a new socket by itself where its own is gone: that one would be outside all watching here.
      if (!this.#error && this.#memjs.socket() !== this.#socket) this.fail('lost its socket')
      const refused = this.#error ?? this.#limits?.refusal(message.key ?? '', message.value)
      if (refused) return reject(refused)
      const opaque = this.#nextRequest++
      const deadline = performance.now() + this.#callMs
      this.#pending.set(opaque, { message, deadline, resolve, reject })
      this.#callDeadline.noteBy(deadline)
      this.#memjs.perform(message, opaque, (error, response) => this.#answered(opaque, error, response))
    })
  }

  retire(): void {
    this.#isRetired = true
    if (this.#pending.size === 0) this.close('was not asked: this connection is being replaced')
  }

  close(reason: string): void {
    this.fail(reason)
  }

  /** The first fault is the end: socket, client and buffers go, and with them every call in flight. */
  fail(reason: string, cause?: unknown): void {
    if (this.#error) return
    this.#error = unavailable(this.#node, reason, cause)
    this.#connectDeadline.clear()
    this.#callDeadline.clear()
    // memjs's listeners go too: its 'close' handler would touch state it has already dropped.
    this.#socket?.removeAllListeners()
    this.#socket?.on('error', () => {})
    this.#socket?.destroy()
    this.#opening.reject(this.#error)
    for (const { reject } of this.#pending.values()) reject(unavailable(this.#node, reason, cause))
    this.#pending.clear()
    this.#onFault(this, this.#error)
  }

  #connect(connectMs: number): void {
    this.#connectDeadline.noteBy(performance.now() + connectMs)
    this.#memjs.connect((socket) => {
      this.#isSignedIn = true
      // Nagle would hold back a small second request until the first is acknowledged: up to 40 ms.
      socket.setNoDelay(true)
      // Idle, nothing of ours keeps the process alive; while a call waits, its timer does. Not earlier: a name with several
      // addresses gets a new handle for each attempt, and the timer above holds the process until then.
      socket.unref()
      this.#memjs.itemBytes(this.#firstOpaque - 1, (itemBytes) => this.#open(itemBytes))
    })
    // There at once: memjs sets it before it returns. So these listeners run before memjs adds its own for 'data'.
    const socket = this.#memjs.socket() as Socket
    this.#socket = socket
    const stream = new ReplyStream((header) => this.#judge(header))
    socket.on('data', (chunk: Buffer) => {
      const reason = stream.push(chunk)
      if (reason !== undefined) this.fail(reason)
    })
    socket.on('error', (cause) => this.fail('broke the connection', cause))
    socket.on('end', () => this.fail('closed the connection'))
    socket.on('close', () => this.fail('closed the connection'))
  }

  /** A limit has to be known before anything is sent. */
  #open(itemBytes: number | undefined): void {
    this.#limits = new ItemLimit(this.#node, itemBytes)
    this.#connectDeadline.clear()
    this.#opening.resolve()
  }

  /** Replies come in the order of the requests (memcached handles a connection's binary requests one after the other). */
  #judge(header: Buffer): string | undefined {
    const opcode = header.readUInt8(1)
    const status = header.readUInt16BE(6)
    const body = header.readUInt32BE(8)
    if (!this.#isSignedIn) {
      // memjs takes every answer but 0x20 for success, "unknown command" among them.
      return saslOpcodes.includes(opcode) && status === 0 ? undefined : 'did not accept the user name and password'
    }
    if (status === authError) return 'wants a user name and a password'
    if (body > maxBodyBytes || body < header.readUInt16BE(2) + header.readUInt8(4)) return 'sent a broken reply'
    const opaque = header.readUInt32BE(12)
    if (!this.#limits && opcode === statOpcode && opaque === this.#firstOpaque - 1) return undefined
    if (opaque !== this.#nextReply || this.#pending.get(opaque)?.message.opcode !== opcode)
      return 'sent a reply to nothing that was asked'
    this.#nextReply++
    return undefined
  }

  #answered(opaque: number, error: unknown, response: Response | undefined): void {
    const pending = this.#pending.get(opaque)
    if (!pending) return
    // memjs rejects a wrong password with a string.
    if (error || !response) this.fail('broke the connection', error instanceof Error ? error : undefined)
    else if (pending.message.accepts.includes(response.header.status)) this.#settle(opaque, pending, response)
    else this.fail(`answered with status 0x${response.header.status.toString(16)}`)
  }

  #settle(opaque: number, pending: Pending, { header, val }: Response): void {
    this.#pending.delete(opaque)
    this.isProven = true
    // Copies: what memjs hands out are views of a buffer that may hold the replies of others.
    pending.resolve({ status: header.status, cas: Buffer.from(header.cas), value: new Uint8Array(val) })
    if (this.#pending.size > 0) return
    this.#callDeadline.clear()
    if (this.#isRetired) this.retire()
  }

  #judgeOpening(): number {
    this.fail('did not accept a connection in time')
    return Number.POSITIVE_INFINITY
  }

  /** All calls have the same time, so the oldest is the first to be late. */
  #judgeCalls(time: number): number {
    const [oldest] = this.#pending.values()
    if (oldest === undefined) return Number.POSITIVE_INFINITY
    if (oldest.deadline > time) return oldest.deadline
    this.fail('did not answer in time')
    return Number.POSITIVE_INFINITY
  }
}
