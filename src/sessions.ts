import { need, refuseUnknown } from './checks.ts'
import type { RequestFrom } from './claim/carrier.ts'
import { signerOf } from './claim/signer.ts'
import type { Claim } from './claim/token.ts'
import type { PublicJwk } from './crypto/jwk.ts'
import { SessionOptionsError } from './errors.ts'
import type { SessionEventHandler } from './events.ts'
import { checkOptions, type SessionOptions } from './options.ts'
import { OpenedRecords } from './record/opened.ts'
import { asHeaders } from './request/bearer.ts'
import { checkSubject } from './request/binding.ts'
import { commit, throwTold } from './request/commit.ts'
import { CommitQueue } from './request/commit-queue.ts'
import type { Settings } from './request/exchange.ts'
import { LargeKeys } from './request/large-keys.ts'
import { LazySession } from './request/lazy-session.ts'
import type { Found } from './request/loaded.ts'
import { applyToHeaders } from './request/response-headers.ts'
import { RequestState } from './request/state.ts'
import { Watchers } from './request/watchers.ts'
import type { Session, SubjectSession } from './session.ts'
import { sessionsOf } from './subjects/listing.ts'
import { subjectLists } from './subjects/lists.ts'
import { revoke } from './subjects/revoke.ts'

/** How a commit went; only then may the response leave. */
export interface CommitResult {
  /** Whether the request used its session at all: its response then depends on the cookie. */
  readonly used: boolean
  /** The value of the first Set-Cookie header that is due, if any. A logout has more than one, and a login that ends a `legacy` session. */
  readonly setCookie?: string
  /** The values of all Set-Cookie headers that are due: the claim check, or the receipt of a change; a logout clears both. */
  readonly setCookies: readonly string[]
  /** The headers that tell the same to a client which sent `Authorization: Bearer`; then there are no cookies. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Writes Set-Cookie or those headers, Vary and Cache-Control as they are due; leaves an untouched session's headers alone. */
  applyTo(headers: Headers): void
}

/** How a request went, as far as its session is concerned. */
export interface CommitOptions {
  /** The handler failed: nothing of the session changes; only a `destroy()` still happens. */
  readonly failed?: boolean | undefined
}

/** The session of one request, and what ends it. */
export interface OpenSession<Data extends object> {
  readonly session: Session<Data>
  /**
   * Writes what changed; await it before the first byte of the response leaves. Called again it gives the same result.
   * Rejects with `SessionConflictError`, `SessionGoneError`, `StoreUnavailableError` or `SessionValueError`; send no cookie then.
   */
  commit(options?: CommitOptions): Promise<CommitResult>
}

/** Which sessions of a subject `revoke` ends; without either, all. */
export interface RevokeOptions {
  /** Not this one: the session of the request at hand. */
  readonly except?: Pick<Session, 'ref'> | undefined
  /** Only the one with this ref, as `list` tells it. */
  readonly ref?: string | undefined
}

/** What `list` is asked with. */
export interface ListOptions {
  /** Marks this one `isCurrent`: the session of the request at hand. */
  readonly current?: Pick<Session, 'ref'> | undefined
}

/** One configuration of sessions, for any framework. */
export interface Sessions<Data extends object> {
  /**
   * The session behind a Cookie header, or behind all headers of a request or the request itself, which `transport: 'header'` needs. Costs
   * nothing until it is used, and never throws for what a client sent.
   */
  open(from: RequestFrom): OpenSession<Data>
  /**
   * Tells every event to one more handler, beside the option `onEvent`, until the function that comes back is called. Before somebody
   * watches, and after, no event is made.
   */
  watch(handler: SessionEventHandler): () => void
  /** The public keys of the option `signing`, as a JWKS (RFC 7517 section 5) for others to fetch; none without it. */
  jwks(): Promise<{ readonly keys: readonly PublicJwk[] }>
  /**
   * Ends the sessions of a subject; their refs. Final when it resolves, on every store: also for requests under way, whose commits are 409,
   * and for copies that come back. Rejects with `StoreUnavailableError` where that is not so.
   */
  revoke(subject: string, options?: RevokeOptions): Promise<readonly string[]>
  /** The live sessions of a subject, the one that logged in last comes last. Reading them is no activity. */
  list(subject: string, options?: ListOptions): Promise<SubjectSession[]>
  /** Closes the store. */
  close(): Promise<void>
}

/** Builds sessions from options, which are all checked now; throws `SessionOptionsError`. */
export function createSessions<Data extends object = Record<string, unknown>>(options: SessionOptions): Sessions<Data> {
  return sessionsFrom(checkOptions(options))
}

/** The same from options that are checked already. */
export function sessionsFrom<Data extends object>(settings: Settings): Sessions<Data> {
  const watchers = new Watchers(settings.onEvent)
  const shared = {
    ...{ settings, watchers, signer: signerOf({ ...settings, onEvent: (event) => watchers.tell?.(event) }) },
    ...{ queue: new CommitQueue<Found>(), opened: new OpenedRecords(), largeKeys: new LargeKeys() },
    lists: subjectLists,
  }
  const sessions: Sessions<Data> = {
    open(from) {
      const state = new RequestState(shared, from)
      if (settings.tokenHeader !== undefined && state.carried.isBearer) state.tokenHeaders = []
      let result: Promise<CommitResult> | undefined
      return {
        session: new LazySession(state) as unknown as Session<Data>,
        commit(options = {}) {
          result ??= commit(state, options.failed === true).then(
            (setCookies) => resultOf(state, handOver(state, setCookies)),
            (error: unknown) => throwTold(state, error),
          )
          state.committing = result
          return result
        },
      }
    },
    watch(handler) {
      need(typeof handler === 'function', 'watch needs a function that is told events')
      return watchers.add(handler)
    },
    jwks: async () => ({ keys: (await shared.signer()).jwks }),
    async revoke(subject, options = {}) {
      refuseUnknown(options, ['except', 'ref'], 'option of revoke:')
      checkSubject(subject)
      const { except, ref } = options
      const state = new RequestState(shared, undefined)
      return revoke(state, subject, { except: await claimBehind(except, 'except'), ref })
    },
    async list(subject, options = {}) {
      refuseUnknown(options, ['current'], 'option of list:')
      checkSubject(subject)
      return sessionsOf(new RequestState(shared, undefined), subject, await claimBehind(options.current, 'current'))
    },
    close: async () => settings.store.close?.(),
  }
  settingsBySessions.set(sessions, settings)
  return sessions
}

const settingsBySessions = new WeakMap<object, Settings>()

/** What sessions were built from; undefined for anything else. */
export const settingsOf = (sessions: object): Settings | undefined => settingsBySessions.get(sessions)

/** What is due, by cookies or in the headers of a client that has none. */
function handOver(state: RequestState, setCookies: readonly string[]): readonly string[] {
  if (!state.tokenHeaders) return setCookies
  state.tokenHeaders = asHeaders(state.settings, setCookies)
  return []
}

/** The claim of a session, for which nothing is loaded. */
async function claimBehind(session: unknown, name: string): Promise<Claim | undefined> {
  if (session === undefined) return undefined
  const state = LazySession.stateOf(session)
  if (!state) throw new SessionOptionsError(`${name} must be a session`)
  if (!state.claim) await state.findClaims()
  return state.claim
}

function resultOf(state: RequestState, setCookies: readonly string[]): CommitResult {
  const [setCookie] = setCookies
  return {
    used: state.used,
    ...(setCookie === undefined ? {} : { setCookie }),
    setCookies,
    headers: state.tokenHeaders ?? [],
    applyTo(headers) {
      if (state.used) applyToHeaders(headers, setCookies, state)
    },
  }
}
