import type { CallOptions, CreateResult, Store, UpdateResult } from '../../../src/store.ts'
import type { Asking } from './asking.ts'
import type { Copy } from './copies.ts'

/** Writes one copy on the state it was read in: compare-and-swap, or add where it was absent. Never a plain set. */
export async function put(
  copy: Copy,
  key: string,
  value: Uint8Array,
  seconds: number,
  asking: Asking,
): Promise<Copy | 'conflict'> {
  const { member } = copy
  if (copy.status === 'down') return copy
  const result = await member.ask((store, call) => putOn(store, copy, key, value, seconds, call), asking)
  // A member that is a composition may not know; that is no refusal, so the caller looks.
  if (result === undefined || result.status === 'unknown') return { member, status: 'down' }
  return result.status === 'stored' ? { member, status: 'value', value, version: result.version } : 'conflict'
}

/**
 * The call behind it. The key is given, and others may add a copy at the same time (`isShared`): a member that is itself a composition must
 * neither ask for another key nor end what it has added.
 */
export function putOn(
  store: Store,
  copy: Exclude<Copy, { readonly status: 'down' }>,
  key: string,
  value: Uint8Array,
  seconds: number,
  call: CallOptions,
): Promise<CreateResult | UpdateResult> {
  return copy.status === 'absent'
    ? store.create(key, value, seconds, { ...call, isShared: true })
    : store.update(key, value, seconds, copy.version, call)
}
