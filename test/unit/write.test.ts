import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../src/errors.ts'
import { revisionOf } from '../../src/record/revision.ts'
import { isTombstone, namesSuccessor } from '../../src/record/tombstone.ts'
import type { DeleteOptions, Store } from '../../src/store.ts'
import { kit, withData } from '../support/app.ts'

const taken = { answer: { status: 'taken' } } as const

describe('a new session', () => {
  it('draws another id where one is taken, 64 at most', async () => {
    const test = kit({ requestMs: 60_000 })
    test.failing.fail('create', ...Array(63).fill(taken))
    await test.browser().visit((session) => session.set('user', 'alice'))
    expect([test.store.calls.create, new Set(test.keys).size, (await test.live()).length]).toEqual([64, 64, 1])
    test.failing.fail('create', ...Array(64).fill(taken))
    const refused = test.browser().visit((session) => session.set('user', 'bob'))
    await expect(refused).rejects.toBeInstanceOf(StoreUnavailableError)
    expect([test.store.calls.create, (await test.live()).length]).toEqual([128, 1])
  })

  it('is not taken for stored where the store answers without a status', async () => {
    const test = kit()
    test.failing.fail('create', { answer: undefined })
    const refused = test.browser().visit((session) => session.set('user', 'alice'))
    await expect(refused).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  it('whose create failed is taken back: nobody has its token (G9)', async () => {
    const test = kit()
    const user = test.browser()
    test.failing.fail('create', 'applied-then-throw')
    test.failing.fail('read', 'throw')
    await expect(user.visit((session) => session.set('user', 'alice'))).rejects.toBeInstanceOf(StoreUnavailableError)
    expect([test.store.calls.delete, await test.live(), user.cookie]).toEqual([1, [], undefined])
  })
})

describe('the revision of a write', () => {
  const revision = async ({ memory, keys }: Pick<ReturnType<typeof kit>, 'memory' | 'keys'>) =>
    revisionOf((await memory.read(keys[0] as string))?.value as Uint8Array)

  it('is the time, and higher than the one before where the clock is not', async () => {
    const { test, user } = await withData()
    const start = test.clock.now()
    expect(await revision(test)).toBe(start)
    test.clock.advance(10)
    await user.visit((session) => session.set('user', 'bob'))
    expect(await revision(test)).toBe(start + 10)
    test.clock.advance(-5000)
    await user.visit((session) => session.set('user', 'carol'))
    expect(await revision(test)).toBe(start + 11)
  })
})

describe('an end', () => {
  it('leaves a tombstone that outlives every record of the session by a minute (G4)', async () => {
    const ends: DeleteOptions[] = []
    const around = (store: Store): Store => ({
      ...store,
      delete(key, options = {}) {
        ends.push(options)
        return store.delete(key, options)
      },
    })
    const test = kit({ idleSeconds: 900 }, around)
    const user = test.browser()
    await user.visit((session) => session.set('user', 'alice'))
    await user.visit((session) => session.destroy())
    const [{ tombstone } = {}] = ends
    expect([ends.length, tombstone?.seconds]).toEqual([1, 960])
    expect(tombstone && isTombstone(tombstone.value) && !namesSuccessor(tombstone.value)).toBe(true)
  })

  it('by a regenerate leaves one that names its successor, by the hash in its key (G4)', async () => {
    const { test, user } = await withData()
    await user.visit((session) => session.regenerate())
    const [old = '', successor = ''] = test.keys
    const value = (await test.memory.read(old))?.value as Uint8Array
    expect([isTombstone(value), namesSuccessor(value)]).toEqual([true, true])
    const hash = Buffer.from(successor.split(':')[1] as string, 'base64url')
    expect(Buffer.from(value.subarray(8))).toEqual(hash.subarray(0, 12))
  })
})
