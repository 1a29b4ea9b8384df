export type { RequestFrom, RequestHeaders } from './claim/carrier.ts'
export type { CookieOptions } from './claim/cookie.ts'
export type { JwkProvider, SigningOptions } from './claim/signing.ts'
export type { Jwk, PublicJwk } from './crypto/jwk.ts'
export type { Secret } from './crypto/keys.ts'
export type { DatedSecret, SecretProvider, Secrets } from './crypto/secrets.ts'
export {
  type AnySessionError,
  SessionConflictError,
  SessionError,
  type SessionErrorCode,
  SessionGoneError,
  SessionOptionsError,
  SessionUseError,
  SessionValueError,
  StoreUnavailableError,
  type UnavailableOptions,
  type UnavailableReason,
} from './errors.ts'
export type {
  AbsentReason,
  BadTokenReason,
  ConflictReason,
  EventContext,
  Happening,
  KeySize,
  SessionEvent,
  SessionEventHandler,
} from './events.ts'
export type { SessionOptions } from './options.ts'
export { revisionOf } from './record/revision.ts'
export type { LifetimeOptions } from './request/lifetime.ts'
export type {
  DestroyOptions,
  Device,
  RegenerateOptions,
  ReopenedSession,
  Session,
  SessionInfo,
  SessionReader,
  Stored,
  SubjectSession,
} from './session.ts'
export {
  type CommitOptions,
  type CommitResult,
  createSessions,
  type ListOptions,
  type OpenSession,
  type RevokeOptions,
  type Sessions,
} from './sessions.ts'
export type {
  CallOptions,
  CreateOptions,
  CreateResult,
  DeleteOptions,
  Entry,
  NodeHealth,
  ReadOptions,
  Store,
  StoreHealth,
  Tombstone,
  UpdateOptions,
  UpdateResult,
  Version,
} from './store.ts'
export { createVerifier, type VerifiedCookie, type Verifier, type VerifierOptions } from './verifier.ts'
