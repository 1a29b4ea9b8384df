import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { type SessionEnv, session } from '../../src/hono.ts'
import { type Any, kit } from '../support/app.ts'
import { forge } from '../support/forge.ts'

/** nst/JSONTestSuite, not part of this repository (its licence is MIT). */
const vectors = process.env.CLAIMCHECK_VECTORS ?? fileURLToPath(new URL('../../../shared/vectors', import.meta.url))
const folder = `${vectors}/json-test-suite/test_parsing`
const present = existsSync(folder)
if (!present)
  console.warn(
    `SKIPPED: the JSONTestSuite is not at ${folder}. Set CLAIMCHECK_VECTORS to the folder of json-test-suite/.`,
  )

describe.skipIf(!present)('JSONTestSuite', () => {
  it('all 318 documents, well sealed, are no session: no data, no exception, no 500, nothing overwritten', async () => {
    const test = kit()
    const app = new Hono<SessionEnv<Any>>()
    app.use(session(test.options))
    app.get('/', async (c) => c.json(await c.var.session.all()))
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
    expect(names).toHaveLength(318)
    for (const name of names) {
      const forged = await forge(test.clock.now())
      const value = await forged.seal(readFileSync(`${folder}/${name}`))
      await forged.put(test.memory, value)
      test.events.length = 0
      const response = await app.request('/', { headers: { Cookie: forged.cookie } })
      expect([response.status, await response.text(), response.headers.getSetCookie()], name).toEqual([200, '{}', []])
      expect(test.events, name).toMatchObject([{ type: 'corrupt' }, { type: 'load', reason: 'corrupt' }])
      expect((await test.memory.read(forged.key))?.value, name).toEqual(value)
    }
  })

  it('as a value inside a record, what does not parse is no session, what parses is plain data', async () => {
    const test = kit()
    const outcomes = { data: 0, corrupt: 0 }
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
      const forged = await forge(test.clock.now())
      const text = readFileSync(`${folder}/${name}`)
      const [start, end] = [`{"created":1,"until":${forged.until},"data":{"value":`, '}}'].map((part) =>
        Buffer.from(part),
      )
      await forged.put(test.memory, await forged.seal(Buffer.concat([start as Buffer, text, end as Buffer])))
      test.events.length = 0
      const all = await test.browser(forged.cookie).visit((one) => one.all())
      const isCorrupt = test.events.some(({ type }) => type === 'corrupt')
      outcomes[isCorrupt ? 'corrupt' : 'data']++
      if (name.startsWith('y_')) expect(isCorrupt, name).toBe(false)
      if (name.startsWith('n_')) expect(isCorrupt, name).toBe(true)
      expect(Object.keys(all), name).toEqual(isCorrupt ? [] : ['value'])
    }
    expect(outcomes.data).toBeGreaterThanOrEqual(95)
    expect(outcomes.corrupt).toBeGreaterThanOrEqual(180)
  })
})
