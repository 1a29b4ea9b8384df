import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { type Copy, isCurrent, joinVersion, splitVersion, winnerOf } from '../../adapters/stores/replication/copies.ts'
import { Member } from '../../adapters/stores/replication/member.ts'
import { recordOf, tombstoneOf } from '../support/replication.ts'

const listener = { onBack() {}, onFailure() {}, hasWork: () => false }
const memberOf = (name: string, isCurrent?: (version: string) => boolean) =>
  new Member(name, { ...memoryStore(), ...(isCurrent && { isCurrent }) }, listener)
const [a, b, c] = [memberOf('a'), memberOf('b'), memberOf('c')]
const copy = (member: Member, value: Uint8Array, version = '1'): Copy => ({ member, status: 'value', value, version })
const absent = (member: Member): Copy => ({ member, status: 'absent' })
const down = (member: Member): Copy => ({ member, status: 'down' })

describe('the copy that counts', () => {
  const order = [
    ['a tombstone, however old, before a record', tombstoneOf(1), recordOf(9)],
    ['the later tombstone', tombstoneOf(2), tombstoneOf(1)],
    ['the higher revision, whatever the iv', recordOf(2, 1), recordOf(1, 9)],
    ['the higher iv at one revision', recordOf(2, 9), recordOf(2, 8)],
  ] as const
  it.each(order)('is %s, in any order', (_, winner, loser) => {
    for (const copies of [
      [copy(a, winner), copy(b, loser), absent(c)],
      [down(c), copy(a, loser), copy(b, winner)],
    ])
      expect(winnerOf(copies)?.value).toBe(winner)
  })

  it('is none where nobody has one', () => {
    expect(winnerOf([absent(a), down(b)])).toBeUndefined()
    expect(winnerOf([])).toBeUndefined()
  })
})

describe('the version of an entry', () => {
  const version = joinVersion(7, [copy(a, recordOf(7), 'x:"[1'), absent(b), down(c)])

  it('comes apart as it was put together', () => {
    const split = splitVersion(version, [a, b, c])
    expect(split?.revision).toBe(7)
    expect(split?.copies).toMatchObject([
      { member: a, status: 'value', version: 'x:"[1' },
      { member: b, status: 'absent' },
      { member: c, status: 'down' },
    ])
  })

  it.each([
    ['other owners', version, [a, c, b]],
    ['fewer owners', version, [a, b]],
    ['more owners', joinVersion(7, [absent(a)]), [a, b]],
    ['no JSON', '1:2', [a]],
    ['null', 'null', [a]],
    ['no revision', '[["a","1"]]', [a]],
    ['numbers alone', '[1,2]', [a]],
    ['nothing', '', [a]],
  ] as const)('means nothing to %s', (_, given, owners) => {
    expect(splitVersion(given, owners)).toBeUndefined()
  })

  it('stands while every copy stands on its own store', () => {
    const [good, bad] = [memberOf('good', (one) => one === 'v'), memberOf('bad', () => false)]
    expect(
      isCurrent(joinVersion(1, [copy(good, recordOf(1), 'v'), copy(a, recordOf(1), 'w'), down(bad)]), [good, a, bad]),
    ).toBe(true)
    expect(isCurrent(joinVersion(1, [copy(good, recordOf(1), 'v'), copy(bad, recordOf(1), 'v')]), [good, bad])).toBe(
      false,
    )
    expect(isCurrent(joinVersion(1, [copy(a, recordOf(1))]), [b])).toBe(false)
    expect(isCurrent('nonsense', [a])).toBe(false)
  })
})
