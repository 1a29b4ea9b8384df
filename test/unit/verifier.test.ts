import { expect, test } from 'vitest'
import { createSessions, createVerifier, SessionOptionsError, type VerifierOptions } from '../../src/index.ts'
import { otherSecret, secret } from '../support/app.ts'
import { sessionApp } from '../support/session-app.ts'

/** An app, one cookie of it, and a verifier that knows no store. */
async function shop(options: Partial<VerifierOptions> = {}) {
  const site = sessionApp()
  const token = await site.login('alice')
  site.store.reset()
  return { site, token, verify: createVerifier({ secret, now: site.clock.now, ...options }) }
}

test('a valid cookie tells ref, revision and end, without a store', async () => {
  const { site, token, verify } = await shop()
  const begun = site.clock.now()
  const verified = await verify(`theme=dark; __Host-sid=${token}`)
  expect(verified).toEqual({
    status: 'valid',
    ref: expect.stringMatching(/^[A-Za-z0-9_-]{8}$/),
    revision: begun,
    until: Math.floor(begun / 1000) + 28_800,
  })
  expect(site.store.roundTrips).toBe(0)
})

test('the ref is that of the session', async () => {
  const { site, token, verify } = await shop()
  const sessions = createSessions({ secret, store: site.memory, now: site.clock.now })
  const { session } = sessions.open(`__Host-sid=${token}`)
  await session.all()
  expect(session.ref).toHaveLength(8)
  expect(await verify(`__Host-sid=${token}`)).toMatchObject({ ref: session.ref })
})

test('no cookie is no bad cookie', async () => {
  const { verify } = await shop()
  for (const header of [undefined, null, '', 'theme=dark', '__host-sid=x'])
    expect(await verify(header)).toEqual({ status: 'absent' })
})

test('a forged, altered, foreign or expired cookie is bad, with the reason', async () => {
  const { site, token, verify } = await shop()
  const [header, , signature] = token.split('.') as [string, string, string]
  const reason = async (value: string, verifier = verify) => await verifier(`__Host-sid=${value}`)
  expect(await reason('x')).toEqual({ status: 'bad', reason: 'malformed' })
  expect(await reason(`${header}.e30.${signature}`)).toEqual({ status: 'bad', reason: 'signature' })
  const foreign = createVerifier({ secret: otherSecret, now: site.clock.now })
  expect(await reason(token, foreign)).toEqual({ status: 'bad', reason: 'unknown-key' })
  const elsewhere = createVerifier({ secret, namespace: 'other', now: site.clock.now })
  expect(await reason(token, elsewhere)).toEqual({ status: 'bad', reason: 'claims' })
  site.clock.advance(28_800_000)
  expect(await reason(token)).toEqual({ status: 'bad', reason: 'expired' })
})

test('of several cookies it leaves it to the store which of them lives, and tells of the last (F15)', async () => {
  const { site, token, verify } = await shop()
  site.clock.advance(1000)
  const other = await site.login('bob')
  expect(await verify(`__Host-sid=x; __Host-sid=${token}`)).toMatchObject({ status: 'valid' })
  for (const pair of [
    [other, token],
    [token, other],
  ]) {
    const verified = await verify(pair.map((value) => `__Host-sid=${value}`).join('; '))
    expect(verified).toMatchObject({ status: 'valid', revision: site.clock.now() })
  }
})

test('a retired secret still verifies, and the cookie name follows the options', async () => {
  const site = sessionApp({ cookie: { name: 'shop' } })
  const token = await site.login('alice')
  const verify = createVerifier({ secret: [otherSecret, secret], cookie: { name: 'shop' }, now: site.clock.now })
  expect(await verify(`__Host-sid=${token}`)).toEqual({ status: 'absent' })
  expect(await verify(`shop=${token}`)).toMatchObject({ status: 'valid' })
})

test('bad options are refused when it is built', () => {
  const build = (options: object) => () => createVerifier(options as VerifierOptions)
  expect(build({ secret: undefined })).toThrow(SessionOptionsError)
  expect(build({ secret, store: {} })).toThrow('unknown option store')
  expect(build({ secret, namespace: '' })).toThrow('namespace')
  expect(build({ secret, cookie: { nmae: 'x' } })).toThrow('cookie.nmae')
})
