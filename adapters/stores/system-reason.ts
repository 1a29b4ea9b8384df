import type { UnavailableReason } from '../../src/errors.ts'

/** What the codes of failed connections mean (errno(3), getaddrinfo(3)). */
const reasons: ReadonlyMap<string, UnavailableReason> = new Map<string, UnavailableReason>([
  ['ECONNREFUSED', 'refused'],
  ['EAI_AGAIN', 'unreachable'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['ETIMEDOUT', 'unreachable'],
  ['ECONNRESET', 'disconnected'],
  ['EPIPE', 'disconnected'],
])

/** A failed connection by its code, out of a closed list; `fetch` of undici says why in the cause. */
export function systemReason(
  error: unknown,
): { readonly code: string; readonly reason: UnavailableReason } | undefined {
  for (const at of [error, error instanceof Error ? error.cause : undefined]) {
    const code = at instanceof Error && 'code' in at ? String(at.code) : ''
    const reason = reasons.get(code)
    if (reason !== undefined) return { code, reason }
  }
  return undefined
}
