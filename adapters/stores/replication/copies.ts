import { revisionOf } from '../../../src/record/revision.ts'
import { isTombstone } from '../../../src/record/tombstone.ts'
import type { Entry, Version } from '../../../src/store.ts'
import type { Member } from './member.ts'

/** What one owner of a key answered. `down`: nothing, or it was not asked. */
export type Copy =
  | { readonly member: Member; readonly status: 'value'; readonly value: Uint8Array; readonly version: Version }
  | { readonly member: Member; readonly status: 'absent' }
  | { readonly member: Member; readonly status: 'down' }

type Value = Extract<Copy, { readonly status: 'value' }>

/** The copy that counts: a tombstone before records, then the higher revision, then the higher iv, so that all agree. */
export function winnerOf(copies: readonly Copy[]): Value | undefined {
  return copies
    .filter((copy) => copy.status === 'value')
    .reduce<Value | undefined>((best, copy) => {
      return best === undefined || outranks(copy.value, best.value) ? copy : best
    }, undefined)
}

function outranks(a: Uint8Array, b: Uint8Array): boolean {
  if (isTombstone(a) !== isTombstone(b)) return isTombstone(a)
  const byRevision = revisionOf(a) - revisionOf(b)
  return byRevision === 0 ? compareBytes(a.subarray(12, 24), b.subarray(12, 24)) > 0 : byRevision > 0
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = firstDifference(a, b)
  return at === -1 ? 0 : (a[at] ?? -1) - (b[at] ?? -1)
}

/** Equal to the byte: a record carries a random iv, so this tells our own write from any other. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && firstDifference(a, b) === -1)
}

/** Where they differ first, or one ends; -1 where they are the same. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at
  return a.length === b.length ? -1 : length
}

/**
 * The version of a replicated entry: its revision, and in ring order what each owner held.
 *
 * Of one owner it is a short text: to be written and read it takes no JSON, which a request on one server would pay for twice.
 */
export function joinVersion(revision: number, copies: readonly Copy[]): Version {
  const [only] = copies
  if (copies.length === 1 && only?.status === 'value') return versionOfOnly(revision, only.member, only.version)
  return JSON.stringify([revision, ...copies.map((copy) => [copy.member.name, stateOf(copy)])])
}

/** The same where there is one owner; no version of a memcached has a space in it. */
export function versionOfOnly(revision: number, { name }: Member, version: Version): Version {
  return `${revision} ${version} ${name}`
}

const ofOnly = /^(\d+) (\S+) (.+)$/s

const stateOf = (copy: Copy) => (copy.status === 'value' ? copy.version : copy.status === 'absent' ? 0 : -1)

/** What the caller of an update knows. The bytes of the copies are left out. */
export interface Known {
  readonly revision: number
  readonly copies: readonly Copy[]
}

/** The copies behind a version, or undefined where the owners have changed since, or it is not one of ours. */
export function splitVersion(version: Version, owners: readonly Member[]): Known | undefined {
  const [member] = owners
  const [, revision, own, name] = owners.length === 1 ? (ofOnly.exec(version) ?? []) : []
  if (own === undefined || !member || member.name !== name) return splitJoined(version, owners)
  return { revision: Number(revision), copies: [{ member, status: 'value', value: nothing, version: own }] }
}

const nothing = new Uint8Array(0)

function splitJoined(version: Version, owners: readonly Member[]): Known | undefined {
  try {
    const [revision, ...states] = JSON.parse(version) as [number, ...[string, string | number][]]
    if (states.length !== owners.length || typeof revision !== 'number') return undefined
    const copies = owners.map((member, at): Copy | undefined => {
      const [name, state] = states[at] as [string, string | number]
      if (name !== member.name) return undefined
      if (typeof state === 'string') return { member, status: 'value', value: nothing, version: state }
      return { member, status: state === 0 ? 'absent' : 'down' }
    })
    return copies.every((copy) => copy !== undefined) ? { revision, copies } : undefined
  } catch {
    return undefined
  }
}

/** Whether every copy behind a version still stands where it was acknowledged: a composition of compositions asks. */
export function isCurrent(version: Version, members: readonly Member[]): boolean {
  const [, , own, owner] = ofOnly.exec(version) ?? []
  if (own !== undefined) {
    const store = members.find((member) => member.name === owner)?.store
    return store !== undefined && (store.isCurrent?.(own) ?? true)
  }
  try {
    const [, ...states] = JSON.parse(version) as [number, ...[string, string | number][]]
    return states.every(([name, state]) => {
      const store = members.find((member) => member.name === name)?.store
      return typeof state !== 'string' || (store !== undefined && (store.isCurrent?.(state) ?? true))
    })
  } catch {
    return false
  }
}

/** An entry of one store as a copy of the cluster. */
export function copyOf(member: Member, entry: Entry | null | undefined): Copy {
  if (entry === undefined) return { member, status: 'down' }
  return entry === null ? { member, status: 'absent' } : { member, status: 'value', ...entry }
}
