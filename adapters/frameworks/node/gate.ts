import { AsyncLocalStorage } from 'node:async_hooks'
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { applyToHeaders, type HeaderMap, type MoreHeaders } from '../../../src/request/response-headers.ts'
import { completeOutage, completeRefusal, unsay } from './answers.ts'
import { type HeadArguments, ResponseHeaders, resetTo, type Snapshot, takeHeaders } from './headers.ts'
import { Pretence, refuse } from './pretence.ts'

/** What an answer waits for. */
export interface Work {
  /** Whether the request has used its session: its answer then depends on the cookie. */
  readonly isUsed: boolean
  /** The Set-Cookie values that are due so far. */
  readonly setCookies: readonly string[]
  /** What the answer carries beside them. */
  readonly more?: MoreHeaders | undefined
  /** Whether the store did not answer when the session was read. */
  readonly isDown: boolean
  /** Stores what changed; where the status says that the handler has failed, nothing. `headers`: of an answer that has begun. */
  commit(status: number, headers?: HeaderMap): Promise<void>
  /** Whether an answer that begins now has to wait for the commit. Where not, the session takes no change any more. */
  mustWait(): boolean
}

const methods = ['writeHead', 'flushHeaders', 'write', 'end'] as const
type Method = (typeof methods)[number]

/** Who may still write where the answer of a handler that has not ended it was refused: the code that answers instead. */
const answering = new AsyncLocalStorage<Gate>()

/**
 * Holds an answer from its first byte on until the session is committed, then lets it through; where the commit is refused, nothing
 * of it leaves, and `next(error)` has somebody else answer.
 *
 * `send`, `json`, `redirect`, `sendFile` and streams all come down to four methods of a response. What wraps them inside or outside
 * of the session (compression, measuring) stays where it is: the four are never put back, they let calls pass. A writer is told to
 * wait, so what is held of a stream is its first chunk.
 */
export class Gate {
  readonly #res: ServerResponse
  readonly #work: Work
  readonly #next: (error: unknown) => void
  readonly #methods: Pick<ServerResponse, Method>
  readonly #before: Snapshot
  readonly #calls: (() => unknown)[] = []
  readonly #sources = new Set<Readable>()
  #phase: 'open' | 'held' | 'passed' | 'refused' = 'open'
  #hasEnded = false
  #error: unknown

  constructor(res: ServerResponse, work: Work, next: (error: unknown) => void) {
    this.#res = res
    this.#work = work
    this.#next = next
    const { writeHead, flushHeaders, write, end } = res
    this.#methods = { writeHead, flushHeaders, write, end }
    this.#before = res.getHeaders()
    for (const name of methods) Reflect.set(res, name, (...args: unknown[]) => this.#call(name, args))
  }

  /** The session is used for the first time: the answer says so from now on. False where it has left already. */
  tellUse(): boolean {
    const res = this.#res
    if (this.#phase === 'refused') return !res.headersSent
    if (this.#phase !== 'open' || res.headersSent) return false
    applyToHeaders(new ResponseHeaders(res), [], this.#work.more)
    // A source that is paused by us must not be forgotten where its answer is refused.
    res.on('pipe', (source: Readable) => this.#sources.add(source))
    return true
  }

  /** Commits before the answer begins, for a framework that can still give another. Rejects where nothing of this one may leave. */
  async settle(status: number): Promise<void> {
    if (this.#phase !== 'open' || !this.#work.mustWait()) return
    try {
      await this.#work.commit(status)
      this.#phase = 'passed'
    } catch (error) {
      this.#hasEnded = true
      this.#takeBack(error)
      throw error
    }
  }

  #call(name: Method, args: unknown[]): unknown {
    if (this.#phase === 'open') {
      if (this.#work.mustWait()) return this.#hold(name, args)
      this.#phase = 'passed'
    }
    if (this.#phase === 'held') return this.#wait(name, args)
    if (this.#phase === 'refused' && !this.#hasEnded && answering.getStore() !== this) return this.#drop(name)
    return this.#pass(name, args)
  }

  #pass(name: Method, args: readonly unknown[]): unknown {
    const head = name === 'writeHead' ? this.#head(args as HeadArguments) : args
    return Reflect.apply(this.#methods[name], this.#res, head)
  }

  /** Every answer gets its head here, also one without `writeHead`: Node calls that itself, by its name. */
  #head(args: HeadArguments): HeadArguments {
    const { isUsed, isDown, setCookies, more } = this.#work
    if (!isUsed || this.#res.headersSent) return args
    const rest = takeHeaders(this.#res, args)
    const headers = new ResponseHeaders(this.#res)
    if (args[0] === 101) {
      unsay(headers)
      return rest
    }
    if (this.#phase === 'refused') completeRefusal(headers, args[0], this.#error)
    else if (isDown) completeOutage(headers, args[0])
    applyToHeaders(headers, setCookies, more)
    return rest
  }

  #hold(name: Method, given: unknown[]): unknown {
    const res = this.#res
    const { statusCode } = res
    const status = name === 'writeHead' ? Number(given[0]) : statusCode
    // Now, so that a header that cannot be sent is an error of the call that named it.
    const args = name === 'writeHead' ? takeHeaders(res, given as unknown as HeadArguments) : given
    this.#phase = 'held'
    const pretence = new Pretence(res, () => this.#hasEnded)
    const result = this.#wait(name, args)
    this.#work
      .commit(status, new ResponseHeaders(res))
      .finally(() => pretence.end())
      .then(() => {
        // As they were when the answer began; a status that is changed later comes too late.
        res.statusCode = statusCode
        this.#release(pretence)
      })
      .catch((error: unknown) => this.#refuse(error, pretence))
    return result
  }

  #wait(name: Method, args: readonly unknown[]): unknown {
    if (name === 'writeHead' && this.#calls.length > 0) refuse()
    this.#calls.push(() => this.#pass(name, args))
    if (name === 'end') this.#hasEnded = true
    return resultOf(name, this.#res, false)
  }

  #release(pretence: Pretence): void {
    this.#phase = 'passed'
    const results = this.#calls.splice(0).map((call): unknown => call())
    // Where the connection is slow, Node says when.
    if (!this.#hasEnded && results.at(-1) !== false) pretence.drain()
  }

  /** Nothing of the answer may leave; somebody else answers. Where it has begun to, they have to break it off. */
  #refuse(error: unknown, pretence: Pretence): void {
    const hasBegun = this.#res.headersSent
    if (!hasBegun) this.#takeBack(error)
    if (hasBegun || this.#hasEnded) this.#next(error)
    else {
      answering.run(this, this.#next, error)
      pretence.drain()
    }
  }

  #takeBack(error: unknown): void {
    this.#phase = 'refused'
    this.#error = error
    this.#calls.length = 0
    this.#unpipe()
    resetTo(this.#res, this.#before)
  }

  /**
   * Sources that were piped have nobody to go to. They end with the response, not before: `pipeline` would break that off.
   */
  #unpipe(): void {
    const sources = [...this.#sources]
    if (sources.length === 0) return
    this.#hasEnded = true
    for (const source of sources) source.unpipe(this.#res)
    this.#res.once('close', () => {
      for (const source of sources) if (source !== this.#res.req) source.destroy()
    })
  }

  /** Of a handler that still writes the answer that was refused: it comes to its end, unheard. */
  #drop(name: Method): unknown {
    if (name === 'end') this.#hasEnded = true
    return resultOf(name, this.#res, true)
  }
}

function resultOf(name: Method, res: ServerResponse, wrote: boolean): unknown {
  if (name === 'write') return wrote
  return name === 'flushHeaders' ? undefined : res
}
