import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bundle, bundle } from '../platforms/container/processes.ts'
import { nextCookies } from '../support/jar.ts'
import { startMemcached, startRedis, startServer, type TestServer } from '../support/servers.ts'
import { isInstalled } from './packages.ts'
import { hasPhp, startPhp } from './php.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, 'examples/migration')
const applications = ['express-passport', 'hono-sessions', 'hand-made', 'php'] as const
const isHere = (name: string) => isInstalled && (name !== 'php' || hasPhp('memcached'))

let memcached: TestServer
let redis: TestServer
beforeAll(async () => {
  memcached = await startMemcached()
  redis = await startRedis()
})
afterAll(async () => {
  await memcached?.stop()
  await redis?.stop()
})

/** A browser that meets both servers at one host, so each gets the cookies of both. */
function browser() {
  let cookie: string | undefined
  return async (server: TestServer, path: string) => {
    const isPage = path === '/'
    const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie }
    const form = { method: 'POST', body: new URLSearchParams({ name: 'alice', password: 'secret' }) }
    const response = await fetch(`http://${server.address}${path}`, { headers, ...(isPage ? {} : form) })
    cookie = nextCookies(cookie, response.headers.getSetCookie())
    const text = await response.text()
    expect([response.status, text]).toEqual([200, text])
    if (!isPage) return text
    const { user, cart } = JSON.parse(text)
    return { user, cart }
  }
}

describe.each(applications)('examples/migration/%s', (name) => {
  const programs: Bundle[] = []
  const servers: TestServer[] = []
  afterAll(async () => {
    for (const server of servers) await server.stop()
    for (const program of programs) await program[Symbol.asyncDispose]()
  })

  async function start(which: 'old' | 'new'): Promise<TestServer> {
    if (existsSync(join(folder, name, `${which}.php`))) {
      const ini = { 'session.save_handler': 'memcached', 'session.save_path': memcached.address }
      const server = await startPhp(join(folder, name, `${which}.php`), ini)
      servers.push(server)
      return server
    }
    const program = await bundle(`examples/migration/${name}/${which}.mjs`)
    programs.push(program)
    const env = {
      NODE_ENV: 'production',
      MEMCACHED_SERVERS: memcached.address,
      REDIS_URL: `redis://${redis.address}`,
      SESSION_SECRET: 'the-secret-of-the-new-application-0123456789',
      OLD_SESSION_SECRET: 'the-secret-of-the-old-application-0123456789',
    }
    const server = await startServer((port) => [
      ...['env', ...Object.entries({ ...env, PORT: `${port}` }).map(([key, value]) => `${key}=${value}`)],
      ...[process.execPath, program.file],
    ])
    servers.push(server)
    return server
  }

  it.skipIf(!isHere(name))(
    'a login on the old stack is one on both, also after a rollback; a logout ends both',
    async () => {
      const old = await start('old')
      const [alice, other] = [browser(), browser()]
      for (const one of [alice, other]) {
        await one(old, '/login')
        await one(old, '/cart/tea')
        expect(await one(old, '/')).toEqual({ user: 'alice', cart: ['tea'] })
      }
      // The new one is deployed beside it, and her requests go here and there.
      const fresh = await start('new')
      expect(await alice(fresh, '/')).toEqual({ user: 'alice', cart: ['tea'] })
      await alice(fresh, '/cart/coffee')
      expect(await alice(fresh, '/')).toEqual({ user: 'alice', cart: ['tea', 'coffee'] })
      expect(await alice(old, '/')).toEqual({ user: 'alice', cart: ['tea'] })
      // A rollback: there is only the old one again, and nobody is logged out, whether they had come over or not.
      await fresh.stop()
      for (const one of [alice, other]) expect(await one(old, '/')).toEqual({ user: 'alice', cart: ['tea'] })
      await fresh.restart()
      expect(await alice(fresh, '/')).toEqual({ user: 'alice', cart: ['tea', 'coffee'] })
      expect(await other(fresh, '/')).toEqual({ user: 'alice', cart: ['tea'] })
      // A logout on the new one is one on both.
      await other(fresh, '/logout')
      expect(await other(old, '/')).toEqual({ user: null, cart: [] })
      expect(await other(fresh, '/')).toEqual({ user: null, cart: [] })
      // In the end the old one goes.
      await old.stop()
      expect(await alice(fresh, '/')).toEqual({ user: 'alice', cart: ['tea', 'coffee'] })
      await alice(fresh, '/logout')
      await alice(fresh, '/login')
      expect(await alice(fresh, '/')).toMatchObject({ user: 'alice' })
    },
  )
})

/** How many lines two texts have in common, in the same order. */
function common(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0)
  for (const line of a) {
    const next = [0]
    for (const [at, other] of b.entries())
      next.push(line === other ? (row[at] as number) + 1 : Math.max(row[at + 1] as number, next[at] as number))
    row = next
  }
  return row[b.length] as number
}

it.each(applications)('the README tells how many lines of %s were changed', (name) => {
  const linesOf = (file: string) =>
    readFileSync(join(folder, name, file), 'utf8')
      .trimEnd()
      .split('\n')
  const row = readFileSync(join(root, 'README.md'), 'utf8').match(
    new RegExp(`^\\| \`${name}\` .* (\\d+) \\| (\\d+) \\| (\\d+) \\|$`, 'm'),
  )
  const old = linesOf(name === 'php' ? 'old.php' : 'old.mjs')
  // PHP stays as it is: the application beside it is a new one.
  const fresh = name === 'php' ? old : linesOf('new.mjs')
  const same = common(old, fresh)
  expect(row?.slice(1).map(Number)).toEqual([old.length, old.length - same, fresh.length - same])
})
