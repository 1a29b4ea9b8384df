/** Codes of every error this library throws; stable, safe to branch on. */
export type SessionErrorCode =
  | 'invalid-options'
  | 'invalid-value'
  | 'too-large'
  | 'invalid-use'
  | 'conflict'
  | 'gone'
  | 'unavailable'

/**
 * Base class of all errors thrown here.
 *
 * `code` is stable. Messages name options, paths and nodes; they never hold an id, token, key, secret or value.
 */
export abstract class SessionError extends Error {
  abstract readonly code: SessionErrorCode
}

/** An option is missing, unknown or out of range; thrown when the factory is called, naming the option. */
export class SessionOptionsError extends SessionError {
  override readonly name = 'SessionOptionsError'
  readonly code = 'invalid-options'
}

/**
 * A value cannot be stored.
 *
 * `invalid-value`: not JSON, or nested deeper than 32; the message names the path.
 * `too-large`: the record would exceed `maxBytes` or the store's limit; the message names the biggest keys.
 * What was stored before stays as it was.
 */
export class SessionValueError extends SessionError {
  override readonly name = 'SessionValueError'
  readonly code: 'invalid-value' | 'too-large'
  /** 413 where it is too large. Undefined otherwise: only the application knows whose fault a value is that cannot be stored. */
  readonly status: 413 | undefined

  constructor(code: 'invalid-value' | 'too-large', message: string) {
    super(message)
    this.code = code
    this.status = code === 'too-large' ? 413 : undefined
  }
}

/** The session was used after its commit, or written after `destroy()`: a mistake in the calling code. */
export class SessionUseError extends SessionError {
  override readonly name = 'SessionUseError'
  readonly code = 'invalid-use'
}

const phrases = { 409: 'Conflict', 413: 'Content Too Large', 503: 'Service Unavailable' } as const

/** The bare answer, without a word about what happened where. */
function bareResponse(status: keyof typeof phrases, retryAfterSeconds?: number): Response {
  const headers = new Headers({ 'Cache-Control': 'private, no-store' })
  if (retryAfterSeconds !== undefined) headers.set('Retry-After', `${retryAfterSeconds}`)
  return new Response(phrases[status], { status, headers })
}

/** The answer to an error of this library, where it has one. A mistake in the code has none. */
export function answerTo(error: unknown): { readonly error: SessionError; readonly response: Response } | undefined {
  if (error instanceof AnswerableError) return { error, response: error.getResponse() }
  if (error instanceof SessionValueError && error.status) return { error, response: bareResponse(error.status) }
  return undefined
}

/** An error with an HTTP form. Hono looks for `getResponse`, so its own error handler answers with it and logs nothing. */
abstract class AnswerableError extends SessionError {
  abstract readonly status: 409 | 503
  /** Seconds after which the same request has better prospects; sent as `Retry-After`. */
  abstract readonly retryAfterSeconds: number | undefined

  /** The bare answer, without a word about what happened where. */
  getResponse(): Response {
    return bareResponse(this.status, this.retryAfterSeconds)
  }
}

/** A key that this request read and then changed was changed by another request meanwhile (HTTP 409). Nothing was written. */
export class SessionConflictError extends AnswerableError {
  override readonly name = 'SessionConflictError'
  readonly code = 'conflict'
  readonly status = 409
  readonly retryAfterSeconds = undefined
}

/**
 * The session was destroyed, regenerated or lost while this request wanted to change it (HTTP 409). Nothing was written.
 *
 * For five seconds the browser may still be about to get a newer cookie. `Retry-After` is what is left of them: after it, the same
 * cookie begins a new session.
 */
export class SessionGoneError extends AnswerableError {
  override readonly name = 'SessionGoneError'
  readonly code = 'gone'
  readonly status = 409
  readonly retryAfterSeconds: number

  constructor(message: string, options?: { readonly retryAfterSeconds?: number | undefined }) {
    super(message)
    this.retryAfterSeconds = options?.retryAfterSeconds ?? 1
  }
}

/**
 * Why a store was unavailable. A closed list, so that it can be counted and shown: a client's own words may hold keys and values.
 */
export type UnavailableReason =
  /** No answer in time. */
  | 'timeout'
  /** Nobody listens at the address. */
  | 'refused'
  /** There is no way to the address, or the name is not known. */
  | 'unreachable'
  /** The connection broke. */
  | 'disconnected'
  /** The client was never connected, is closed, or is connecting again. */
  | 'not-connected'
  /** The password or token is wrong or missing. */
  | 'authentication'
  /** This user, token or address may not do that. */
  | 'forbidden'
  /** The server does not know a command that sessions need: it is too old, or the command is switched off. */
  | 'missing-command'
  /** A replica: writes go elsewhere. */
  | 'read-only'
  | 'out-of-memory'
  /** The server takes no writes for now: its snapshots fail, or too few replicas follow. */
  | 'writes-stopped'
  /** The key belongs to another node of a cluster: the client must be one for clusters. */
  | 'moved'
  /** It is loading its data, busy with a script, or part of a cluster that is down. */
  | 'not-ready'
  /** Too many requests at once (HTTP 429). */
  | 'rate-limited'
  /** The limit of the plan is used up: requests of the day or month, or room. */
  | 'quota'
  /** HTTP 404: not the address of a database. */
  | 'not-found'
  /** HTTP 502, 503, 504: what stands before the database does not reach it. */
  | 'bad-gateway'
  /** Something answered, but not as such a server does. */
  | 'wrong-answer'
  /** It failed in another way. */
  | 'failed'

/**
 * The store did not answer in time, refused, or answered nonsense (HTTP 503, `Retry-After: 1`).
 *
 * Not the same as absent: nobody is logged out by it. A write that failed this way may have happened or not.
 */
export class StoreUnavailableError extends AnswerableError {
  override readonly name = 'StoreUnavailableError'
  readonly code = 'unavailable'
  readonly status = 503
  /** Breakers look at a node that is down about every second. */
  readonly retryAfterSeconds = 1
  /** The node that failed, as configured (`host:port`), where the store knows it. */
  readonly node: string | undefined
  /** What was the matter, where the store can tell. */
  readonly reason: UnavailableReason | undefined

  constructor(message: string, options?: UnavailableOptions) {
    super(message, options && 'cause' in options ? { cause: options.cause } : undefined)
    this.node = options?.node
    this.reason = options?.reason
  }
}

/** What a store can tell about its outage. */
export interface UnavailableOptions {
  readonly cause?: unknown
  readonly node?: string | undefined
  readonly reason?: UnavailableReason | undefined
}

/** Every error of this library, for exhaustive handling by `code`. */
export type AnySessionError =
  | SessionOptionsError
  | SessionValueError
  | SessionUseError
  | SessionConflictError
  | SessionGoneError
  | StoreUnavailableError
