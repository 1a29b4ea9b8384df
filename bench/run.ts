/**
 * What sessions cost in one process, without network: read the ratios, times differ from machine to machine.
 *
 * `npm run bench` builds first: `#crypto` leads to the built `dist`, so that what is measured is what ships.
 */
import { Hono } from 'hono'
import { memoryStore } from '../adapters/stores/memory.ts'
import { drawId, identify } from '../src/claim/identity.ts'
import { createTokens } from '../src/claim/token.ts'
import { deriveKeys } from '../src/crypto/keys.ts'
import { type SessionEnv, session } from '../src/hono.ts'
import { encodeRecord, openRecord, sealRecord } from '../src/record/record.ts'
import { compare, type Group } from './measure.ts'

const secret = 'benchmarks need no better secret than this'
const namespace = 'session'

console.log(`Node ${process.versions.node}, ${process.platform} ${process.arch}; medians\n`)
await compare([await tokens(), await records(), await requests()])

async function tokens(): Promise<Group> {
  const ring = await deriveKeys([new TextEncoder().encode(secret)], '__Host-sid')
  const identity = await identify(drawId(), namespace, ring)
  const claim = { identity, revision: Date.now(), until: Math.floor(Date.now() / 1000) + 3600 }
  const { sign, verify } = createTokens(ring, namespace, Date.now)
  const token = await sign(claim)
  return [
    { name: 'token: verify, remembered', run: () => verify(token) },
    // Whoever has seen no token yet: a new memory is a few empty maps.
    { name: 'token: verify, first time', run: () => createTokens(ring, namespace, Date.now).verify(token) },
    { name: 'token: sign', run: () => sign(claim) },
  ]
}

async function records(): Promise<Group> {
  const ring = await deriveKeys([new TextEncoder().encode(secret)], '__Host-sid')
  const identity = await identify(drawId(), namespace, ring)
  const data = new Map([['text', 'x'.repeat(1024)]])
  const record = { created: 1, until: 2, data, extra: {} }
  const plaintext = encodeRecord(record, 65_536)
  const sealed = await sealRecord(ring, identity, 1, plaintext)
  return [
    { name: 'record of 1 KB: to JSON', run: () => encodeRecord(record, 65_536) },
    { name: 'record of 1 KB: seal', run: () => sealRecord(ring, identity, 1, plaintext) },
    { name: 'record of 1 KB: open and parse', run: () => openRecord(ring, identity, sealed) },
  ]
}

async function requests(): Promise<Group> {
  const bare = new Hono().get('/', (c) => c.text('ok'))
  const app = new Hono<SessionEnv<{ count: number }>>()
  app.use(session({ store: memoryStore(), secret }))
  app.get('/', (c) => c.text('ok'))
  app.get('/read', async (c) => c.text(`${await c.var.session.get('count')}`))
  app.get('/update', async (c) => {
    await c.var.session.update('count', (count = 0) => count + 1)
    return c.text('ok')
  })
  const first = await app.request('/update')
  const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const get = (to: { request: typeof app.request }, path: string) => () => to.request(path, { headers: { cookie } })
  return [
    { name: 'request: bare Hono', run: get(bare, '/') },
    { name: 'request: session not used', run: get(app, '/') },
    { name: 'request: one read, memory', run: get(app, '/read') },
    { name: 'request: one update, memory', run: get(app, '/update') },
  ]
}
