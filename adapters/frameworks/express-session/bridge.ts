import type { IncomingMessage } from 'node:http'
import { encodeBase64url } from '../../../src/crypto/base64url.ts'
import { SessionUseError } from '../../../src/errors.ts'
import type { Json } from '../../../src/record/json.ts'
import { conflict } from '../../../src/request/conflict.ts'
import type { HeaderMap } from '../../../src/request/response-headers.ts'
import type { Work } from '../node/gate.ts'
import { Opened, type Told } from '../node/opening.ts'
import { changesOf, type Data, show } from './changes.ts'
import { dueAfter, headerAfter } from './header.ts'
import { merge } from './merging.ts'
import type { Setup } from './setup.ts'
import { type Doing, type Done, View } from './view.ts'

/**
 * Between the object that a request changes at will and its session: finds what was changed by comparing, and stores it per key.
 *
 * Each `save`, `destroy` and `reload` is a visit of its own to the store, as of a browser that has got the answer before; they run one
 * after the other. The last save comes with the answer.
 */
export class Bridge implements Work, Doing {
  readonly #setup: Setup
  readonly #req: IncomingMessage
  /** As the browser has sent it, or would send it after what was stored. */
  #header: string | undefined
  #opened: Opened
  /** What the session held when it was read or written last. */
  #base: Data = {}
  /** What `req.session` is; undefined after `destroy`, or where the request has taken it away. */
  #view: View | undefined
  #hasNewId = false
  #isOver = false
  /** Why a `save` or `destroy` has failed: an answer that says that all went well must not leave. */
  #told: unknown
  #id: string | undefined
  #queue: Promise<unknown> = Promise.resolve()
  setCookies: readonly string[] = []
  isUsed = false

  constructor(setup: Setup, req: IncomingMessage) {
    this.#setup = setup
    this.#req = req
    this.#header = req.headers.cookie
    this.#opened = new Opened(setup, req)
  }

  /** Reads the session: `req.session` is there at once. */
  async load(): Promise<void> {
    const { state } = this.#opened
    await state.load()
    this.#base = state.calls.lookAtAll()
    this.#id = state.claim?.identity.ref
    this.#view = this.#show(this.#base)
  }

  /** `req.session`; the first look at it makes the answer depend on it, unless that has left. */
  look(told: Told | undefined): View | undefined {
    this.isUsed ||= told?.tellUse() ?? true
    return this.#view
  }

  /** The request has put something else, or nothing, in the place of its session: what it has changed is dropped, as there. */
  replace(value: unknown): void {
    this.#view = value instanceof View ? value : undefined
  }

  get id(): string {
    this.#id ??= encodeBase64url(crypto.getRandomValues(new Uint8Array(6)))
    return this.#id
  }

  get isDown(): boolean {
    return this.#opened.isDown
  }

  /** Only by comparing can be told whether anything was changed. */
  mustWait(): boolean {
    if (!this.isUsed) this.#opened.close()
    return this.isUsed
  }

  /** The end of the request. */
  async commit(status: number, headers?: HeaderMap): Promise<void> {
    await this.#queue
    this.#isOver = true
    // Whoever was told that it could not be stored has answered so.
    if (status >= 500 || (this.#told !== undefined && status >= 400)) return
    if (this.#told !== undefined) throw this.#told
    if (this.#view) await this.#store(true, headers)
    else if (this.#hasNewId) await this.#end()
  }

  save(done: Done): void {
    this.#do(done, async () => {
      if (this.#view) await this.#store(false)
    })
  }

  regenerate(done: Done): void {
    this.#do(done, async () => {
      if (this.#isOver)
        throw new SessionUseError('the session was regenerated after its answer: its cookie could not leave')
      this.#live().session.regenerate({ keep: [], reauthenticated: true })
      this.#hasNewId = true
      this.#id = undefined
      this.#base = {}
      this.#view = this.#show({})
    })
  }

  destroy(done: Done): void {
    this.#view = undefined
    this.#do(done, () => this.#end())
  }

  reload(done: Done): void {
    this.#do(done, () => this.#reload(), false)
  }

  /** One after the other, and whoever asked is called outside of the promise: what they throw is theirs. */
  #do(done: Done, work: () => Promise<void>, writes = true): void {
    this.#queue = this.#queue.then(work).then(
      () => void process.nextTick(done),
      (error: unknown) => {
        if (writes) this.#told ??= error
        process.nextTick(done, error)
      },
    )
  }

  async #reload(): Promise<void> {
    if (this.#hasNewId) throw new Error('failed to load session: it is not stored yet')
    this.#opened.close()
    const { state } = this.#live()
    const { status } = await state.load()
    if (status !== 'found') throw new Error('failed to load session')
    this.#base = state.calls.lookAtAll()
    this.#view = this.#show(this.#base)
  }

  #show(data: Data): View {
    const until = this.#opened.state.claim?.until
    return new View(this, this.#setup.cookie(until), structuredClone(data))
  }

  /** A session that takes changes: a new one where the last was committed. */
  #live(): Opened {
    if (this.#opened.state.closed) this.#opened = new Opened(this.#setup, this.#req, this.#header)
    return this.#opened
  }

  /** Ends the session, and clears its cookie. */
  async #end(): Promise<void> {
    this.#live().session.destroy()
    await this.#commit()
    this.#hasNewId = false
  }

  /** Stores what was changed. In the end a new id with nothing to keep under it is a logout. */
  async #store(isEnd: boolean, headers?: HeaderMap): Promise<void> {
    const changes = changesOf(this.#base, this.#view)
    if (changes.size === 0) return isEnd ? this.#endUnchanged(headers) : undefined
    const written = new Map<string, Json | undefined>()
    const { session, state } = this.#live()
    const updates = [...changes].map(([key, mine]) => {
      const base = this.#base[key]
      return session.update(
        key as never,
        ((theirs: Json | undefined) => {
          const merged = this.#setup.isLast(key) ? { value: mine } : merge(base, mine, theirs)
          if (!merged) throw conflict(state, 'changed-key')
          written.set(key, merged.value)
          return merged.value
        }) as never,
      )
    })
    await Promise.all(updates)
    await this.#commit(headers)
    this.#hasNewId = false
    this.#id = state.claim?.identity.ref
    // What was written is what later changes are compared with; what others had appended is seen from now on.
    this.#base = { ...this.#base, ...(Object.fromEntries(written) as Data) }
    show(this.#view, written)
  }

  /** A session that the cookie of another library has led to is told to its browser. */
  #endUnchanged(headers?: HeaderMap): Promise<void> | undefined {
    if (this.#hasNewId) return this.#end()
    return this.#opened.state.claim?.unsent && this.#commit(headers)
  }

  async #commit(headers?: HeaderMap): Promise<void> {
    const opened = this.#opened
    const { cookie } = this.#setup.settings
    await opened.commit(200, headers)
    this.setCookies = dueAfter(this.setCookies, cookie, opened.setCookies)
    this.#header = headerAfter(this.#header, cookie, opened.setCookies)
  }
}
