import { describe, expect, it } from 'vitest'
import { createVerifier } from '../../src/index.ts'
import { createPublicVerifier } from '../../src/verify.ts'
import { kit, secret } from '../support/app.ts'
import { ed25519, publicOf } from '../support/signing-keys.ts'
import { who } from '../support/subjects.ts'

const hour = 3600
const lifetimes = { remembered: { idleSeconds: 10 * hour, absoluteSeconds: 48 * hour, persistent: true } }
const signing = { keys: [ed25519] }

describe.each([
  ['createVerifier', (now: () => number) => createVerifier({ secret, signing, now })],
  ['claimcheck/verify', (now: () => number) => createPublicVerifier({ keys: [publicOf(ed25519)], now })],
] as const)('%s honours the lifetime in a claim check', (_, build) => {
  const loggedIn = async (lifetime?: string) => {
    const test = kit({ signing, lifetimes })
    const user = test.browser()
    const begun = test.clock.now() / 1000
    await user.visit((session) => {
      session.regenerate({ reauthenticated: true, subject: 'alice', lifetime })
      session.set('user', 'alice')
    })
    return { test, user, begun, verified: () => build(test.clock.now)(user.cookie) }
  }

  it.each([
    ['a named one', 'remembered', 48],
    ['the default one', undefined, 8],
  ])('it is good until its own absolute end, to the second, and no longer: %s', async (_name, lifetime, hours) => {
    const { test, begun, verified } = await loggedIn(lifetime)
    const until = Math.floor(begun) + hours * hour
    const first = await verified()
    expect(first).toMatchObject({ status: 'valid', until })
    expect('lifetime' in first ? first.lifetime : undefined).toBe(lifetime)
    test.clock.advance((until - begun) * 1000 - 1)
    expect(await verified()).toMatchObject({ status: 'valid', until })
    test.clock.advance(1)
    expect(await verified()).toEqual({ status: 'bad', reason: 'expired' })
  })

  it.each([
    ['remembered', 10],
    [undefined, 0.5],
  ])('an idle time that has passed is for the store to tell: %s', async (lifetime, hours) => {
    const { test, user, verified } = await loggedIn(lifetime)
    test.clock.advance((hours * hour + 1) * 1000)
    expect(await verified()).toMatchObject({ status: 'valid' })
    expect(await who(user)).toBeUndefined()
  })

  it('a change and a new id carry the lifetime and its end on', async () => {
    const { test, user, begun, verified } = await loggedIn('remembered')
    test.clock.advance(hour * 1000)
    await user.visit((session) => session.set('theme', 'dark'))
    await user.visit((session) => session.regenerate())
    const until = Math.floor(begun) + 48 * hour
    expect(await verified()).toMatchObject({ status: 'valid', lifetime: 'remembered', until })
  })
})
