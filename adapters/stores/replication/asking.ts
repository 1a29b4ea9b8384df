import type { CallOptions } from '../../../src/store.ts'

/** What decides whether a member is asked: its identity and its breaker. */
interface Owner {
  readonly isUp: boolean
}

/** How the owners of one key are asked in one operation. */
export interface Asking {
  /** For their stores. */
  readonly call: CallOptions
  /** Whatever their breakers say. */
  readonly force: boolean
}

/** For work in the background, which no request waits for. */
export const inBackground: Asking = { call: {}, force: false }

/**
 * A breaker is for copies. Where there is nothing else to ask, for want of other copies or since all are out, whoever was told to
 * come again in a second must find a server that is back; and an only copy is asked again where it let a call run out.
 */
export function askingOf(owners: readonly Owner[], { signal, ranOut }: CallOptions): Asking {
  if (owners.length === 1) return { call: { signal }, force: true }
  return { call: { signal, ranOut }, force: owners.every(({ isUp }) => !isUp) }
}

/** Whether the member let a call of this request run out: it is not waited for again in it. */
export const hasRunOut = (member: Owner, { ranOut }: CallOptions): boolean => ranOut?.has(member) === true

/** Whether the member is passed over: it is out, or let a call of this request run out. */
export const isLeftOut = (member: Owner, { call, force }: Asking): boolean =>
  hasRunOut(member, call) || (!force && !member.isUp)
