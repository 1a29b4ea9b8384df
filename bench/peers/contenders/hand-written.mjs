import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  generateKeySync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import memjs from 'memjs'

/** Neither signature nor seal. */
const plain = {
  sign: (id) => id,
  verify: (cookie) => cookie,
  seal: (_, text) => text,
  open: (_, bytes) => bytes.toString(),
}

/** Both, in the fewest calls of node:crypto: what any layer pays that signs its cookie and seals what it stores. */
function sealed() {
  const key = generateKeySync('hmac', { length: 256 })
  const sealing = createSecretKey(randomBytes(32))
  const macOf = (id) => createHmac('sha256', key).update(id).digest()
  return {
    sign: (id) => `${id}.${macOf(id).toString('base64url')}`,
    verify(cookie) {
      const [id, given] = cookie.split('.')
      return timingSafeEqual(Buffer.from(given, 'base64url'), macOf(id)) ? id : undefined
    },
    seal(id, text) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', sealing, iv).setAAD(Buffer.from(id))
      return Buffer.concat([iv, cipher.update(text), cipher.final(), cipher.getAuthTag()])
    },
    open(id, bytes) {
      const decipher = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(0, 12)).setAAD(Buffer.from(id))
      decipher.setAuthTag(bytes.subarray(-16))
      return decipher.update(bytes.subarray(12, -16)).toString() + decipher.final().toString()
    },
  }
}

/**
 * What one writes in an afternoon: an unsigned id, get and set; `sealed`: signed and sealed. No sliding expiry, no compare-and-swap, no
 * deadline.
 */
export function start(variant, { port, memcached }) {
  const client = memjs.Client.create(`127.0.0.1:${memcached[0]}`)
  const crypto = variant === 'sealed' ? sealed() : plain
  const idOf = (c) => {
    const cookie = getCookie(c, 'sid')
    return cookie && crypto.verify(cookie)
  }
  const hand = (c, id) => setCookie(c, 'sid', crypto.sign(id), { httpOnly: true, path: '/' })
  const load = async (id) => {
    if (!id) return undefined
    const { value } = await client.get(id)
    return value ? JSON.parse(crypto.open(id, value)) : undefined
  }
  const save = (id, data) => client.set(id, crypto.seal(id, JSON.stringify(data)), { expires: 1800 })
  const app = new Hono()
  app.get('/untouched', (c) => c.text('ok'))
  app.get('/seed', async (c) => {
    const id = randomBytes(20).toString('base64url')
    await save(id, { text: 'x'.repeat(Number(c.req.query('bytes'))), count: 0 })
    hand(c, id)
    return c.text('ok')
  })
  app.get('/read', async (c) => c.text(String((await load(idOf(c)))?.text.length)))
  app.get('/change', async (c) => {
    const id = idOf(c)
    const data = await load(id)
    await save(id, { ...data, count: data.count + 1 })
    return c.text('ok')
  })
  app.get('/login', async (c) => {
    const old = idOf(c)
    const data = (await load(old)) ?? {}
    const id = randomBytes(20).toString('base64url')
    await save(id, { ...data, user: 'alice' })
    if (old) await client.delete(old)
    hand(c, id)
    return c.text('ok')
  })
  app.get('/logout', async (c) => {
    await client.delete(idOf(c))
    setCookie(c, 'sid', '', { maxAge: 0, path: '/' })
    return c.text('ok')
  })
  app.get('/append/:item', async (c) => {
    const id = idOf(c)
    const data = await load(id)
    await save(id, { ...data, list: [...(data.list ?? []), c.req.param('item')] })
    return c.text('ok')
  })
  app.get('/list', async (c) => c.json((await load(idOf(c)))?.list ?? []))
  app.get('/slow/:ms', async (c) => {
    const id = idOf(c)
    const data = await load(id)
    await new Promise((wake) => setTimeout(wake, Number(c.req.param('ms'))))
    await save(id, { ...data, list: [...(data?.list ?? []), 'slow'] })
    return c.text('ok')
  })
  serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
}
