import type { IncomingMessage } from 'node:http'
import type { RequestFrom, RequestHeaders } from '../../../src/claim/carrier.ts'
import type { Configured } from '../../../src/configured.ts'
import { sameSettings } from '../../../src/options.ts'
import type { Answering } from '../../../src/request/answer.ts'
import { LazySession } from '../../../src/request/lazy-session.ts'
import {
  carriesSession,
  defaultName,
  findOpen,
  type Open,
  type Places,
  showOpen,
  twoSessions,
} from '../../../src/request/nesting.ts'
import type { MoreHeaders } from '../../../src/request/response-headers.ts'
import type { RequestState } from '../../../src/request/state.ts'
import type { Session } from '../../../src/session.ts'
import type { OpenSession } from '../../../src/sessions.ts'
import type { Work } from './gate.ts'

/** Somebody who is told when a session is used for the first time. */
export interface Told {
  /** False where the answer has left already. */
  tellUse(): boolean
}

/** The session of one request under way, as its answer sees it. */
export class Opened implements Work {
  readonly session: Session<object>
  readonly state: RequestState
  readonly #commit: OpenSession<object>['commit']
  readonly #open: AnyOpen
  setCookies: readonly string[] = []
  more: MoreHeaders

  constructor(
    { settings, sessions }: Configured,
    req: IncomingMessage,
    from: RequestFrom = headersOf(req),
    as: string = defaultName,
  ) {
    const { session, commit } = sessions.open(from)
    this.session = session
    this.state = LazySession.stateOf(session) as RequestState
    this.#commit = commit
    this.more = { isByAuthorization: this.state.isByAuthorization }
    const places = placesIn(req)
    const around = findOpen<Session<object>>(places, as)
    if (around && sameSettings(around.state.settings, settings)) this.state.outer = around.state
    const { request } = places as { readonly request: Request }
    this.#open = { request, session, state: this.state, failed: false, setCookies: [], as, beside: undefined }
    showOpen(places, this.#open)
  }

  get isUsed(): boolean {
    return this.state.used
  }

  get isDown(): boolean {
    return this.state.loading !== undefined && this.state.loaded === undefined
  }

  mustWait(): boolean {
    if (this.state.used) return !this.state.closeUnchanged()
    this.state.closed = true
    return false
  }

  tell(whom: Told): void {
    this.state.answer = whom as unknown as Answering
    this.state.tellUse = tellUse
  }

  /** Nobody commits it, so a change would be lost: it throws. */
  readOnly(): void {
    this.state.closed = true
    this.tell({ tellUse: () => true })
  }

  async commit(status: number, headers?: Parameters<Work['commit']>[1]): Promise<void> {
    if (headers && carriesSession(headers, this.state.settings)) this.state.refusal ??= twoSessions()
    const failed = status >= 500 || this.#open.failed
    const { setCookies } = await this.#commit({ failed }).catch((error: unknown) => this.#failOthers(error))
    this.setCookies = setCookies
    const { clearSiteData, tokenHeaders, isByAuthorization } = this.state
    this.more = { clearSiteData, tokenHeaders, isByAuthorization }
  }

  /** Nothing of those outside is stored either: their handler's answer will not leave. */
  #failOthers(error: unknown): never {
    for (let outer = this.#open.beside; outer; outer = outer.beside) outer.failed = true
    throw error
  }

  close(): void {
    this.state.closed = true
  }
}

/** As Node keeps them; of a header that may come several times, what it makes of them. */
const headersOf = (req: IncomingMessage): RequestHeaders => ({
  get: (name) => [req.headers[name.toLowerCase()]].flat().join(', '),
})

type AnyOpen = Open<Session<object>>

/** One function for all requests. */
const tellUse = (whom: unknown) => (whom as Told).tellUse()

/** A request of Node as a session inside or outside of this one finds it: the middleware of Hono in an app that is mounted here. */
function placesIn(req: IncomingMessage): Places {
  return { request: req, platform: req }
}
