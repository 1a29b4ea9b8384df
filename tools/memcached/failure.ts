import { systemReason } from '../../adapters/stores/system-reason.ts'

/** Why there was no conversation with a server; a closed list, so that each can be explained. */
export type FailureKind =
  | 'refused'
  | 'unreachable'
  | 'silent'
  | 'closed'
  | 'certificate'
  | 'tls'
  | 'login-wanted'
  | 'login-refused'
  | 'full'
  | 'proxy'
  | 'not-memcached'

/** What the client says of an answer that it cannot use, by how it begins. */
const ofReplies: readonly (readonly [string, FailureKind])[] = [
  ['wants a user name', 'login-wanted'],
  ['did not accept the user name', 'login-refused'],
  ['has no connection left', 'full'],
  ['is older than 1.4.8 or no memcached', 'proxy'],
]

/** A server could not be talked with. */
export class Failure extends Error {
  readonly kind: FailureKind

  constructor(kind: FailureKind) {
    super(kind)
    this.kind = kind
  }

  /** By the words of the client's own handshake. */
  static ofReply(message: string): Failure {
    return new Failure(ofReplies.find(([start]) => message.startsWith(start))?.[1] ?? 'not-memcached')
  }
}

/** By the code of an error of a socket (errno(3); those of OpenSSL as Node names them). */
export function failureOf(cause: unknown): Failure {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  // First: what the server says of OUR certificate, or of none, is called ERR_SSL_..._CERTIFICATE_..., too.
  if (/^(ERR_SSL|EPROTO)/.test(code)) return new Failure('tls')
  if (/CERT|UNABLE_TO|SELF_SIGNED/.test(code)) return new Failure('certificate')
  const reason = systemReason(cause)?.reason
  return new Failure(reason === 'refused' || reason === 'unreachable' ? reason : 'closed')
}
