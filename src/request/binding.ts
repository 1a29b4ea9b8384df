import { need, refuseUnknown } from '../checks.ts'
import { hashOf, joiningKey, nameOf } from '../claim/subject.ts'
import type { Claim } from '../claim/token.ts'
import { SessionValueError } from '../errors.ts'
import { copyJson, type Json } from '../record/json.ts'
import type { SessionRecord } from '../record/record.ts'
import { joinable, successorIn } from '../record/tombstone.ts'
import type { RegenerateOptions } from '../session.ts'
import type { Entered, Exchange } from './exchange.ts'
import type { RequestState } from './state.ts'

/** Every read of `sessions.list` has it, and the record at each read of the session. */
const maxDeviceBytes = 512

/** The subject, and what is told of its device. */
interface Binding {
  readonly subject: string
  readonly device: Json | undefined
}

/** Throws unless the value can be a subject. */
export function checkSubject(subject: unknown): asserts subject is string {
  const isText = typeof subject === 'string' && subject !== '' && subject.length <= 256 && subject.isWellFormed()
  need(isText, 'subject must be a text of 1 to 256 characters')
}

/** Whose session it is to be, as `regenerate` was told; undefined where it was not. Throws where that cannot be. */
export function bindingIn({ subject, device, reauthenticated }: RegenerateOptions): Binding | undefined {
  if (subject === undefined) {
    need(device === undefined, 'device of regenerate needs a subject')
    return undefined
  }
  checkSubject(subject)
  need(reauthenticated === true, 'subject of regenerate needs reauthenticated: true, since the session is to be theirs')
  return { subject, device: device === undefined ? undefined : deviceIn(device) }
}

function deviceIn(device: object): Json {
  refuseUnknown(device, Object.keys(device), 'option device')
  const copy = copyJson(device, 'device')
  const isFlat = Object.values(copy as object).every((value) => typeof value !== 'object' || value === null)
  need(isFlat && !Array.isArray(copy), 'device of regenerate must be a flat object')
  if (new TextEncoder().encode(JSON.stringify(copy)).length > maxDeviceBytes)
    throw new SessionValueError('too-large', `device of regenerate exceeds ${maxDeviceBytes} bytes of JSON`)
  return copy
}

/** What a regenerate changes of whose session it is: nothing, unless it names a subject. */
export async function bound({ regenerated }: RequestState): Promise<Pick<SessionRecord, 'subject' | 'device'>> {
  if (regenerated?.subject === undefined) return {}
  return { subject: await hashOf(regenerated.subject), device: regenerated.device }
}

/** What the token of a session says of its subject: the name under the first secret. */
export async function nameIn(
  exchange: Exchange,
  { subject }: Pick<SessionRecord, 'subject'>,
): Promise<string | undefined> {
  if (subject === undefined) return undefined
  const { keys } = await exchange.signer()
  return nameOf(keys.first, exchange.settings.namespace, subject)
}

/**
 * Enters a session that begins into the list of its subject, if it has one, in the place of the one that it supersedes. That one has `ended`
 * where it is no longer listed and nobody has proven anew whose it is.
 */
export async function enlist(state: RequestState, claim: Claim, instead?: Claim): Promise<Entered> {
  if (claim.subject === undefined) return 'listed'
  const isProven = instead?.subject === undefined || state.regenerated?.subject !== undefined
  return state.lists.enter(state, claim, instead, isProven)
}

/**
 * The claim of a session that was changed, under the name that its subject has now: another, where the first secret is another one. Then
 * it enters the list of that name, too. It stays in the old one, for answers under way, and until it ends both are revoked. Where that fails
 * its token stays as it is, and the next change tries again.
 */
export async function moved(state: RequestState, claim: Claim, record: SessionRecord): Promise<Claim> {
  const { keys } = await state.signer()
  if (claim.subject === undefined || record.subject === undefined || keys.all.length === 1) return claim
  const to = { ...claim, subject: await nameIn(state, record) }
  if (to.subject === claim.subject) return claim
  const entered = await state.lists.enter(state, to, claim, false).catch(() => 'ended')
  return entered !== 'ended' ? { ...to, outdated: true } : { ...claim, outdated: undefined }
}

/** A tombstone that tells the same subject the way to the session that goes on. */
export async function withWayOn(
  exchange: Exchange,
  plain: Uint8Array,
  from: Claim,
  to: Claim,
  subject: string,
): Promise<Uint8Array> {
  const { keys } = await exchange.signer()
  const key = await joiningKey(keys.first, exchange.settings.namespace, subject)
  return joinable(plain, from.identity, to.identity, key, keys.random(12))
}

/** The id behind a tombstone, for a request that has proven to be of the same subject. */
export async function wayOn(state: RequestState, from: Claim, bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const subject = state.regenerated?.subject
  if (subject === undefined) return undefined
  const { keys } = await state.signer()
  const hash = await hashOf(subject)
  for (const key of keys.all) {
    const id = await successorIn(bytes, from.identity, await joiningKey(key, state.settings.namespace, hash))
    if (id) return id
  }
  return undefined
}

/** When a session of a subject has begun: the oldest ones beside it end where there are too many, and it leaves the list of another subject. */
export async function settleIn(state: RequestState, claim: Claim, entered: Entered, instead?: Claim): Promise<void> {
  if (entered === 'too-many') await state.lists.trim(state, claim)
  if (instead?.subject !== undefined && instead.subject !== claim.subject) await state.lists.leave(state, instead)
}
