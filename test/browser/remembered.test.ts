import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { openProfile } from '../support/chromium.ts'

const lifetimes = { remembered: { idleSeconds: 86_400, absoluteSeconds: 864_000, persistent: true } }

function createApp() {
  const app = new Hono<SessionEnv<{ user: string; visits: number }>>()
  app.use(session({ store: memoryStore(), secret: 'a secret for what is remembered: 98zXq', lifetimes }))
  app.get('/login/:lifetime', (c) => {
    c.var.session.regenerate({ reauthenticated: true, lifetime: c.req.param('lifetime') })
    c.var.session.set('user', 'alice')
    return c.text('in')
  })
  // The receipt of a change must be kept as well.
  app.get('/visit', async (c) => {
    await c.var.session.update('visits', (n = 0) => n + 1)
    return c.text('counted')
  })
  app.get('/who', async (c) => c.text(`${await c.var.session.get('user')} ${await c.var.session.get('visits')}`))
  return app
}

/** What a browser sees in one sitting: all pages one after the other, then it is closed. */
async function sitting(profile: string, ...urls: readonly string[]): Promise<readonly string[]> {
  const context = await openProfile(profile)
  try {
    const page = await context.newPage()
    const seen: string[] = []
    for (const url of urls) {
      await page.goto(url)
      seen.push(await page.locator('body').innerText())
    }
    return seen
  } finally {
    await context.close()
  }
}

test.each([
  ['remembered', 'alice 1'],
  ['default', 'undefined undefined'],
])('a browser that is closed and opened again: a session of the lifetime %s is %s', async (lifetime, expected) => {
  const profile = await mkdtemp(join(tmpdir(), 'claimcheck-profile-'))
  const server = createAdaptorServer({ fetch: createApp().fetch })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  try {
    expect(await sitting(profile, `${url}/login/${lifetime}`, `${url}/visit`, `${url}/who`)).toContain('alice 1')
    expect(await sitting(profile, `${url}/who`)).toEqual([expected])
  } finally {
    server.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
})
