import { accessSync, constants, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerType, serve } from '@hono/node-server'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { nextCookies } from '../support/jar.ts'
import { startServer, type TestServer } from '../support/servers.ts'

type Data = { user: string }

interface Cache {
  readonly file: string
  command(config: string, port: number): string[]
  config(port: number, app: number, folder: string): string
}

/** Debian's caches in front of an app, told to cache whatever they may. */
const caches: Record<string, Cache> = {
  nginx: {
    file: '/usr/sbin/nginx',
    command: (config) => ['/usr/sbin/nginx', '-c', config],
    config: (port, app, folder) => `
      daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
      events { worker_connections 64; }
      http {
        access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
        proxy_cache_path ${folder}/cache keys_zone=shared:1m;
        server {
          listen 127.0.0.1:${port};
          location / { proxy_pass http://127.0.0.1:${app}; proxy_cache shared; proxy_cache_valid 200 10m; }
        }
      }`,
  },
  haproxy: {
    file: '/usr/sbin/haproxy',
    command: (config) => ['/usr/sbin/haproxy', '-db', '-f', config],
    config: (port, app) => `
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
cache shared
  total-max-size 4
  max-age 600
  process-vary on
frontend front
  bind 127.0.0.1:${port}
  http-request cache-use shared
  http-response cache-store shared
  default_backend app
backend app
  server app 127.0.0.1:${app}
`,
  },
  varnish: {
    file: '/usr/sbin/varnishd',
    command: (config, port) => [
      ...['/usr/sbin/varnishd', '-F', '-j', 'none', '-a', `127.0.0.1:${port}`, '-f', config],
      ...['-n', `${config}.work`, '-s', 'malloc,8m'],
    ],
    // Its own rules pass every request with a cookie by; these look into the cache first.
    config: (_port, app) => `vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "${app}"; }
sub vcl_recv { if (req.method == "GET") { return (hash); } }
`,
  },
}

function isThere(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

let app: ServerType
let port = 0
let publicAnswers = 0
beforeAll(async () => {
  const hono = new Hono<SessionEnv<Data>>()
  hono.use(session({ store: memoryStore(), secret: 'k8Jw0sPz1mQv7Xc3Rt5Yb9Nd2Fh4Lg6A', cookie: { insecure: true } }))
  hono.get('/public', (c) => c.text(`${++publicAnswers}`, 200, { 'Cache-Control': 'public, max-age=60' }))
  hono.get('/who', async (c) => c.text(`${await c.var.session.get('user')}`))
  hono.get('/enter', (c) => {
    const user = c.req.header('X-User') ?? ''
    c.header('Cache-Control', 'public, max-age=60')
    c.var.session.set('user', user)
    return c.text(user)
  })
  port = await new Promise((listening) => {
    app = serve({ fetch: hono.fetch, port: 0, hostname: '127.0.0.1' }, (info) => listening(info.port))
  })
})
afterAll(() => app.close())

describe.each(Object.entries(caches))('E5: %s in front', (name, cache) => {
  if (!isThere(cache.file)) console.warn(`SKIPPED: ${name} is not installed: no real cache of its kind in front`)
  test.skipIf(!isThere(cache.file))('serves nobody the answer or the cookie of another', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'claimcheck-cache-'))
    const config = join(folder, 'config')
    let server: TestServer | undefined
    try {
      server = await startServer((at) => {
        writeFileSync(config, cache.config(at, port, folder))
        return cache.command(config, at)
      })
      await expectNoLeak(`http://127.0.0.1:${server.port}`)
    } finally {
      await server?.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })
})

/** Two users take turns; whoever sees the other's name, or is given the other's cookie, was served from the shared cache. */
async function expectNoLeak(url: string): Promise<void> {
  const users = ['alice', 'bob'].map((name) => ({ name, cookie: '' }))
  const seen: string[] = []
  for (let turn = 0; turn < 50; turn++) {
    for (const user of users) {
      const headers = { 'X-User': user.name, ...(user.cookie === '' ? {} : { Cookie: user.cookie }) }
      const entered = await fetch(`${url}/enter`, { headers })
      user.cookie = nextCookies(user.cookie, entered.headers.getSetCookie()) ?? ''
      seen.push(`${user.name} ${await entered.text()}`)
      const who = await fetch(`${url}/who`, { headers: { Cookie: user.cookie } })
      seen.push(`${user.name} ${await who.text()}`)
    }
  }
  expect([...new Set(seen)].sort()).toEqual(['alice alice', 'bob bob'])
  expect(new Set(users.map(({ cookie }) => cookie)).size).toBe(2)
  const answers = await Promise.all([1, 2, 3].map(async () => (await fetch(`${url}/public`)).text()))
  const again = await (await fetch(`${url}/public`)).text()
  // It does cache what it may: otherwise all this would prove nothing.
  expect(answers).toContain(again)
}
