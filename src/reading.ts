import { StoreUnavailableError } from './errors.ts'
import { openRecord } from './record.ts'
import type { Loaded, RequestState } from './request.ts'
import type { Entry } from './store.ts'
import type { Claim } from './token.ts'

/** What a store can tell. */
type Stored = Exclude<Loaded, { readonly status: 'unavailable' }>

/** The record behind a claim, its expiry slid. One older than the browser has seen is asked for once more, then it is lost. */
export async function fetchRecord(state: RequestState, claim: Claim): Promise<Loaded> {
  const touchSeconds = state.secondsToLive(claim.until)
  let loaded = await readRecord(state, claim, claim.revision, touchSeconds)
  if (loaded.status === 'found' && loaded.revision < claim.revision)
    loaded = await readRecord(state, claim, claim.revision)
  if (loaded.status === 'found' && loaded.revision < claim.revision) {
    state.emit({ type: 'rolled-back' })
    loaded = { status: 'absent' }
  }
  state.emit({ type: 'load', hit: loaded.status === 'found' })
  return loaded
}

/** One read, opened. A record of an unknown key or format is unavailable, not absent: another release may need it. */
export async function readRecord(
  state: RequestState,
  claim: Claim,
  atLeast: number,
  touchSeconds?: number,
): Promise<Stored> {
  const readAt = performance.now()
  const onLost = (node: string) => state.emit({ type: 'lost', node })
  const entry = await state.call((store, { signal, ranOut }) =>
    store.read(claim.identity.key, { signal, ranOut, atLeast, touchSeconds, onLost }),
  )
  return entry === null ? { status: 'absent' } : await openEntry(state, claim, entry, readAt)
}

/** What an entry holds for this claim, or that it is no use to it. */
export async function openEntry(state: RequestState, claim: Claim, entry: Entry, readAt: number): Promise<Stored> {
  if (!(entry?.value instanceof Uint8Array))
    throw new StoreUnavailableError('the store answered nonsense', { reason: 'wrong-answer' })
  const { ring } = await state.context()
  const opened = await openRecord(ring, claim.identity, entry.value)
  switch (opened.status) {
    case 'record':
      if (opened.record.until * 1000 <= state.settings.now()) return { status: 'absent' }
      return { ...opened, status: 'found', version: entry.version, readAt }
    case 'tombstone':
      return { status: 'gone', revision: opened.revision }
    case 'corrupt':
      state.emit({ type: 'corrupt' })
      return { status: 'absent' }
    case 'unknown':
      state.emit({ type: 'unknown-key' })
      throw new StoreUnavailableError('a record was written by another release or under a key that is not configured')
  }
}
