import { compactVerify } from 'jose/jws/compact/verify'
import { describe, expect, it } from 'vitest'
import { createVerifier, type SessionOptions } from '../../src/index.ts'
import { secret } from '../support/app.ts'
import { referenceKeys } from '../support/reference.ts'
import { ignored, sessionApp } from '../support/session-app.ts'

/** Two applications that share everything but the name of their cookie. */
async function shopAndAdmin(more: Partial<SessionOptions> = {}) {
  const shop = sessionApp({ cookie: { name: '__Host-shop' }, ...more })
  const admin = sessionApp({ cookie: { name: '__Host-admin' }, store: shop.memory, now: shop.clock.now, ...more })
  return { shop, admin, token: await shop.login('alice') }
}

describe('a token is good under the cookie name it was issued for (F17)', () => {
  it('a customer who renames her cookie is nobody in the other application (F17)', async () => {
    const { shop, admin, token } = await shopAndAdmin()
    expect(await shop.ask(`__Host-shop=${token}`)).toMatchObject({ user: 'alice' })
    expect(await admin.ask(`__Host-admin=${token}`)).toEqual(ignored)
  })

  it('nor does she end a session there, or change one (F17)', async () => {
    const { shop, admin, token } = await shopAndAdmin()
    for (const path of ['/logout', '/cart', '/login/mallory'])
      await admin.ask(`__Host-admin=${token}`, path, { method: 'POST' })
    expect(await shop.ask(`__Host-shop=${token}`)).toMatchObject({ user: 'alice' })
  })

  it('a verifier takes it under its own name only (F17)', async () => {
    const { shop, token } = await shopAndAdmin()
    const under = (name: string) =>
      createVerifier({ secret, now: shop.clock.now, cookie: { name } })(`${name}=${token}`)
    expect(await under('__Host-shop')).toMatchObject({ status: 'valid' })
    for (const name of ['__Host-admin', '__Secure-shop', 'shop', '__Host-shop-', '__Host-Shop'])
      expect({ name, ...(await under(name)) }).toEqual({ name, status: 'bad', reason: 'unknown-key' })
  })

  it('it holds when the secret was rotated meanwhile (F17)', async () => {
    const { shop, admin, token } = await shopAndAdmin({ secret: ['a newer secret, drawn at random 9Kd!', secret] })
    expect(await shop.ask(`__Host-shop=${token}`)).toMatchObject({ user: 'alice' })
    expect(await admin.ask(`__Host-admin=${token}`)).toEqual(ignored)
  })

  it('any JWS verifier with the key of that name takes it, and its bytes are as many as before (F17)', async () => {
    const { token } = await shopAndAdmin()
    const { signing, header } = referenceKeys(Buffer.from(secret), '__Host-shop')
    const { payload, protectedHeader } = await compactVerify(token, signing, { algorithms: ['HS256'] })
    expect(JSON.stringify(protectedHeader)).toBe(header)
    expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({ aud: 'session' })
    expect(token.length).toBe(279)
  })
})
