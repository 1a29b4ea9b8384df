import type { StoreUnavailableError } from '../../../../../src/errors.ts'
import type { Address } from '../../address.ts'
import { builtins } from '../../lazy-node.ts'
import { Deadline } from '../deadline.ts'
import { unavailable } from '../driver.ts'
import { ItemLimit } from '../item-limit.ts'
import type { Connection, FaultListener } from '../reconnect.ts'
import type { Call, Orphan } from './call.ts'
import { ClassicProtocol } from './classic.ts'
import { type Abilities, Handshake } from './handshake.ts'
import { MetaProtocol } from './meta.ts'
import type { ConnectionOptions } from './options.ts'
import { Parser, ReplyError } from './parser.ts'
import { Pipeline } from './pipeline.ts'
import type { Protocol, ProtocolContext } from './protocol.ts'
import { openWire, tlsWindowBytes, type Wire } from './socket.ts'
import { Writer } from './writer.ts'

/**
 * One socket from its first byte to its first fault.
 *
 * Anything that is not the next reply, FIN, RST or a late reply ends it: socket, parser and queued output go together, and
 * every call here is handed back at once. Implements what `Link` needs.
 */
export class TextConnection implements Connection, ProtocolContext {
  readonly epoch: string = builtins.crypto.randomBytes(8).toString('hex')
  readonly #opening: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly opened: Promise<void> = this.#opening.promise
  readonly isSpent: boolean = false
  readonly node: string
  isOpen: boolean = false
  isProven: boolean = false
  /** Whether it may be asked for its counters. */
  hasStats: boolean = false
  readonly #callMs: number
  readonly #onFault: FaultListener<TextConnection>
  readonly #onOrphans: (orphans: readonly Orphan[]) => void
  readonly #wire: Wire
  readonly #parser: Parser
  readonly #writer: Writer
  readonly #calls: Pipeline
  readonly #connectDeadline: Deadline
  readonly #callDeadline: Deadline
  #protocol: Protocol | undefined
  #limit: ItemLimit | undefined
  #isIdle: boolean = false
  #isRetired: boolean = false
  #error: StoreUnavailableError | undefined

  constructor(
    address: Address,
    options: ConnectionOptions,
    onFault: FaultListener<TextConnection>,
    onOrphans: (orphans: readonly Orphan[]) => void,
  ) {
    this.node = address.node
    this.#callMs = options.callMs
    this.#onFault = onFault
    this.#onOrphans = onOrphans
    this.#calls = new Pipeline(options.tls === undefined ? Number.POSITIVE_INFINITY : tlsWindowBytes)
    this.opened.catch(() => {}) // whoever waits for it gets the rejection; nobody waiting is no error
    this.#wire = openWire(address, options.tls)
    this.#writer = new Writer(this.#wire.socket, this.#calls)
    const handshake = new Handshake(
      options,
      (text) => void this.#wire.socket.write(text, 'latin1'),
      (abilities) => this.#open(abilities),
    )
    this.#parser = new Parser(handshake)
    this.#listen(handshake)
    this.#callDeadline = new Deadline((time) => this.#judgeCalls(time))
    this.#connectDeadline = new Deadline(() => this.#judgeOpening())
    this.#connectDeadline.noteBy(performance.now() + options.connectMs)
  }

  /** What the connection speaks; only once it is open. */
  get protocol(): Protocol {
    return this.#protocol as Protocol
  }

  /** Sends the call, at the latest when there is room; it is settled here, or handed back. */
  send(call: Call, now: number): void {
    const refused = this.#error ?? this.#limit?.refusal(call.key, call.value)
    if (refused) {
      call.reject(refused)
      return
    }
    call.deadline = now + this.#callMs
    this.#callDeadline.noteBy(call.deadline)
    if (this.#isIdle) this.#beIdle(false)
    if (this.#calls.mayFollow(call)) this.#write(call)
    else this.#calls.hold(call)
  }

  first(): Call | undefined {
    return this.#calls.first
  }

  answered(): void {
    this.#calls.answered()
    this.isProven = true
  }

  retire(): void {
    this.isOpen = false
    this.#isRetired = true
    const error = unavailable(this.node, 'was not asked: this connection is being replaced')
    this.#onOrphans(this.#calls.takeHeld().map((call) => ({ call, error, isMovable: true })))
    if (this.#calls.isEmpty) this.close('was not asked: this connection is being replaced')
  }

  close(reason: string): void {
    this.#fail(reason, undefined, false)
  }

  #listen(handshake: Handshake): void {
    const { socket, openEvent } = this.#wire
    socket.once(openEvent, () => handshake.start())
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (cause) => this.#fail('broke the connection', cause))
    socket.on('end', () => this.#fail(this.isOpen ? 'closed the connection' : 'closed the connection as it was opened'))
    socket.on('close', () => this.#fail('closed the connection'))
  }

  #open(abilities: Abilities): void {
    this.#protocol = abilities.isMeta ? new MetaProtocol(this) : new ClassicProtocol(this, abilities.hasGats)
    this.#parser.replies = this.#protocol
    this.hasStats = abilities.hasStats
    this.#limit = new ItemLimit(this.node, abilities.itemBytes)
    this.#connectDeadline.clear()
    this.isOpen = true
    this.#beIdle(true)
    this.#opening.resolve()
  }

  #receive(chunk: Buffer): void {
    if (this.#error) return
    try {
      this.#parser.push(chunk)
    } catch (error) {
      if (error instanceof ReplyError) this.#fail(error.message)
      else this.#fail('could not be understood', error)
      return
    }
    for (let call = this.#calls.release(); call; call = this.#calls.release()) this.#write(call)
    if (!this.#calls.isQuiet || this.#isIdle || !this.#protocol) return
    if (this.isOpen) this.#beIdle(true)
    else this.retire()
  }

  #write(call: Call): void {
    call.bytes = this.protocol.write(call, this.#writer)
    this.#calls.sent(call)
  }

  /** Idle, nothing of ours keeps the process alive. */
  #beIdle(isIdle: boolean): void {
    this.#isIdle = isIdle
    this.#wire.socket[isIdle ? 'unref' : 'ref']()
  }

  #judgeCalls(time: number): number {
    if (this.#calls.isLate(time)) {
      // Retired, it may have died while this process stood still: that says nothing about the server.
      this.#fail('did not answer in time', undefined, this.#isRetired)
      return Number.POSITIVE_INFINITY
    }
    // What was not sent needs no new connection.
    for (let call = this.#calls.giveUp(time); call; call = this.#calls.giveUp(time))
      call.reject(unavailable(this.node, 'was not sent the call before its deadline: the connection is saturated'))
    return this.#calls.earliestDeadline()
  }

  #judgeOpening(): number {
    if (!this.isOpen) this.#fail('did not accept a connection in time', undefined, false)
    return Number.POSITIVE_INFINITY
  }

  /** The first fault is the end. `mayMove`: the server may be fine, so what is safe to repeat may try another connection. */
  #fail(reason: string, cause?: unknown, mayMove: boolean = true): void {
    if (this.#error) return
    const error = unavailable(this.node, reason, cause)
    this.#error = error
    this.isOpen = false
    this.#connectDeadline.clear()
    this.#callDeadline.clear()
    this.#writer.drop()
    this.#wire.abort()
    const orphans = this.#calls.drain().map(([call, hasLeft]) => ({
      call,
      error: unavailable(this.node, reason, cause),
      isMovable: mayMove && (!hasLeft || call.isRead),
    }))
    this.#opening.reject(error)
    this.#onFault(this, error)
    this.#onOrphans(orphans)
  }
}
