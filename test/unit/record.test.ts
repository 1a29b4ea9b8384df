import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { StoreUnavailableError } from '../../src/errors.ts'
import { createSessions } from '../../src/sessions.ts'
import type { Store } from '../../src/store.ts'
import { type Any, browser, kit, otherSecret, secret, tokenOf } from '../support/app.ts'
import { forge } from '../support/forge.ts'
import { wrapStore } from '../support/stores.ts'

/** Remembers every key and value that a store was sent. */
function recordingStore(inner: Store) {
  const sent: { readonly key: string; readonly value: Uint8Array }[] = []
  const store: Store = {
    ...wrapStore(inner, ({ apply }) => apply()),
    create(key, value, ...rest) {
      sent.push({ key, value: value.slice() })
      return inner.create(key, value, ...rest)
    },
    update(key, value, ...rest) {
      sent.push({ key, value: value.slice() })
      return inner.update(key, value, ...rest)
    },
  }
  return { store, sent }
}

describe('records', () => {
  it('D11: the record of another under my key is no session, and is reported (G5)', async () => {
    const test = kit()
    const [alice, bob] = [await forge(test.clock.now()), await forge(test.clock.now())]
    await alice.put(test.memory, await bob.sealData('{"user":"bob"}'))
    expect(await test.browser(alice.cookie).visit((session) => session.all())).toEqual({})
    expect(test.events).toMatchObject([{ type: 'corrupt' }, { type: 'load', reason: 'corrupt' }])
    await bob.put(test.memory, await bob.sealData('{"user":"bob"}'))
    expect(await test.browser(bob.cookie).visit((session) => session.get('user'))).toBe('bob')
  })

  it('D11: a record copied between namespaces of one secret does not open (G5)', async () => {
    const test = kit({ namespace: 'b' })
    const [a, b] = [await forge(test.clock.now(), secret, 'a'), await forge(test.clock.now(), secret, 'b')]
    await b.put(test.memory, await a.sealData('{"user":"bob"}'))
    expect(await test.browser(b.cookie).visit((session) => session.all())).toEqual({})
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'corrupt' }))
  })

  it('D12: any flipped bit of a record is an outage (format, key, flags) or no session: never data, never a crash (G6)', async () => {
    const test = kit()
    const forged = await forge(test.clock.now())
    const intact = await forged.sealData('{"user":"alice","admin":true}')
    const outcomes: Record<'unknown-key' | 'corrupt', number> = { 'unknown-key': 0, corrupt: 0 }
    for (let at = 0; at < intact.length; at++) {
      for (const bit of [0x01, 0x10, 0x80, 0xff]) {
        const flipped = intact.slice()
        flipped[at] = (flipped[at] as number) ^ bit
        await forged.put(test.memory, flipped)
        test.events.length = 0
        const read = test.browser(forged.cookie).visit((session) => session.all())
        const unknown = at < 5 || at === 11
        if (unknown) await expect(read, `byte ${at} ^ ${bit}`).rejects.toBeInstanceOf(StoreUnavailableError)
        else expect(await read, `byte ${at} ^ ${bit}`).toEqual({})
        const expected = unknown ? 'unknown-key' : 'corrupt'
        expect(test.events, `byte ${at} ^ ${bit}`).toContainEqual(expect.objectContaining({ type: expected }))
        expect((await test.memory.read(forged.key))?.value, `byte ${at}`).toEqual(flipped)
        outcomes[expected]++
      }
    }
    expect(outcomes).toEqual({ 'unknown-key': 6 * 4, corrupt: (intact.length - 6) * 4 })
    await forged.put(test.memory, intact)
    expect(await test.browser(forged.cookie).visit((session) => session.get('user'))).toBe('alice')
  })

  it('D12: a record cut or extended anywhere is never data and never a crash', async () => {
    const test = kit()
    const forged = await forge(test.clock.now())
    const intact = await forged.sealData('{"user":"alice"}')
    const longer = new Uint8Array(intact.length + 1)
    longer.set(intact)
    const cuts = Array.from({ length: intact.length - 1 }, (_, at) => intact.subarray(0, at + 1))
    for (const value of [...cuts, longer]) {
      await forged.put(test.memory, value)
      test.events.length = 0
      expect(await test.browser(forged.cookie).visit((session) => session.all())).toEqual({})
      expect(test.events).toContainEqual(expect.objectContaining({ type: 'corrupt' }))
    }
  })

  it('D12: a corrupt record is absent: a write starts a new session under a new id', async () => {
    const test = kit()
    const forged = await forge(test.clock.now())
    const broken = await forged.sealData('{"user":"alice"}')
    broken[broken.length - 1] = (broken[broken.length - 1] as number) ^ 1
    await forged.put(test.memory, broken)
    const user = test.browser(forged.cookie)
    await user.visit((session) => session.set('cart', ['tea']))
    expect(user.cookie).not.toBe(forged.cookie)
    expect(await user.visit((session) => session.all())).toEqual({ cart: ['tea'] })
    expect((await test.memory.read(forged.key))?.value).toEqual(broken)
  })

  it('D14, D15: a store learns no id, token or data; equal data twice gives different bytes (G6)', async () => {
    const { store, sent } = recordingStore(memoryStore({ now: kit().clock.now }))
    const sessions = createSessions<Any>({ ...kit().options, store })
    const user = browser(sessions)
    const canary = 'CANARY-in-the-data'
    const tokens: string[] = []
    for (const turn of [1, 2, 1, 2]) {
      await user.visit((session) => session.set('note', `${canary} ${turn}`))
      tokens.push(tokenOf(user.cookie))
    }
    const sid = JSON.parse(Buffer.from(tokens[0]?.split('.')[1] ?? '', 'base64url').toString()).sid as string
    const id = Buffer.from(sid, 'base64url')
    const forms = ['latin1', 'base64', 'base64url', 'hex'] as const
    const stored = sent.flatMap(({ key, value }) => forms.map((form) => key + Buffer.from(value).toString(form)))
    expect(sent).toHaveLength(4)
    for (const text of stored) {
      for (const word of [canary, sid, ...forms.map((form) => id.toString(form)), ...tokens, 'note', secret])
        expect(text.includes(word), word.slice(0, 12)).toBe(false)
    }
    expect(new Set(sent.map(({ value }) => Buffer.from(value.subarray(12)).toString('hex'))).size).toBe(4)
  })

  it('D20: a store that forgot everything is an ordinary miss; the next write gives a new id', async () => {
    const test = kit()
    const user = test.browser()
    await user.visit((session) => session.set('user', 'alice'))
    const { cookie } = user
    await test.memory.close()
    expect(await user.visit((session) => session.get('user'))).toBeUndefined()
    expect(user.cookie).toBe(cookie)
    await user.visit((session) => session.set('cart', []))
    const sid = (of: string | undefined) =>
      JSON.parse(Buffer.from(tokenOf(of).split('.')[1] ?? '', 'base64url').toString()).sid
    expect(sid(user.cookie)).not.toBe(sid(cookie))
    expect(await browser(test.sessions, cookie).visit((session) => session.all())).toEqual({})
  })

  it('D21: 2,000 sessions in a memory store of 200 stay 200; the newest still load', async () => {
    const memory = memoryStore({ maxEntries: 200 })
    const sessions = createSessions<Any>({ store: memory, secret })
    const user = browser(sessions)
    for (let turn = 0; turn < 2000; turn++) {
      user.cookie = undefined
      await user.visit((session) => session.set('turn', turn))
    }
    expect(memory.size).toBe(200)
    expect(await user.visit((session) => session.get('turn'))).toBe(1999)
  })
})

describe('records of another release or rotation', () => {
  const foreign: readonly [string, (intact: Uint8Array) => void][] = [
    ['a format 99', (bytes) => bytes.fill(99, 0, 1)],
    ['an unknown key tag', (bytes) => bytes.fill(0xaa, 1, 5)],
    ['a flag', (bytes) => bytes.fill(1, 11, 12)],
  ]

  it.each(foreign)('D23: a record with %s is 503 for reads and writes, and stays as it is', async (_, change) => {
    const test = kit()
    const forged = await forge(test.clock.now())
    const bytes = await forged.sealData('{"user":"alice"}')
    change(bytes)
    await forged.put(test.memory, bytes)
    const user = test.browser(forged.cookie)
    for (const work of ['get', 'set', 'update', 'regenerate'] as const) {
      test.events.length = 0
      const visit = user.visit((session) => {
        if (work === 'get') return session.get('user')
        if (work === 'set') return session.set('user', 'mallory')
        return work === 'update' ? session.update('user', () => 'mallory') : session.regenerate()
      })
      await expect(visit, work).rejects.toBeInstanceOf(StoreUnavailableError)
      expect(test.events, work).toContainEqual(expect.objectContaining({ type: 'unknown-key' }))
      expect((await test.memory.read(forged.key))?.value, work).toEqual(bytes)
    }
    expect([user.cookie, test.memory.size]).toEqual([forged.cookie, 1])
  })

  it.each(foreign)('D23: with %s and the anonymous policy nothing is read, written or sent', async (_, change) => {
    const test = kit({ onUnavailable: 'anonymous' })
    const forged = await forge(test.clock.now())
    const bytes = await forged.sealData('{"user":"alice"}')
    change(bytes)
    await forged.put(test.memory, bytes)
    const user = test.browser(forged.cookie)
    expect(await user.visit((session) => session.all())).toEqual({})
    await expect(user.visit((session) => session.set('user', 'x'))).rejects.toBeInstanceOf(StoreUnavailableError)
    expect((await test.memory.read(forged.key))?.value).toEqual(bytes)
    expect([user.cookie, test.memory.size]).toEqual([forged.cookie, 1])
  })

  it('D23: a process that does not know the new key yet leaves the record of one that does alone', async () => {
    const old = kit()
    const tab = old.browser()
    await tab.visit((session) => session.set('user', 'alice'))
    const rotated = createSessions<Any>({ ...old.options, secret: [otherSecret, secret] })
    await browser(rotated, tab.cookie).visit((session) => session.set('cart', ['tea']))
    await expect(tab.visit((session) => session.get('user'))).rejects.toBeInstanceOf(StoreUnavailableError)
    expect(await browser(rotated, tab.cookie).visit((session) => session.all())).toEqual({
      user: 'alice',
      cart: ['tea'],
    })
  })

  it('D23: members that a newer release added survive a commit of this one', async () => {
    const test = kit()
    const forged = await forge(test.clock.now())
    const plaintext = { created: forged.until - 60, until: forged.until, data: {}, added: { later: [1] } }
    await forged.put(test.memory, await forged.seal(JSON.stringify(plaintext)))
    const user = test.browser(forged.cookie)
    await user.visit((session) => session.set('user', 'alice'))
    const { openRecord } = await import('../../src/record/record.ts')
    const stored = (await test.memory.read(forged.key))?.value as Uint8Array
    expect(await openRecord(forged.ring, forged.identity, stored)).toMatchObject({
      record: { extra: { added: { later: [1] } } },
    })
  })
})
