import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { nextCookies } from '../support/jar.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'
import type { BackendKind } from './backends.ts'
import { type ServerProcess, startProcess } from './processes.ts'

const k1 = 'the first secret of a rotation, 5Hq9-zLw2'
const k2 = 'another secret of a rotation, 8Tn3-vXc6'
const steps: readonly (readonly string[])[] = [[k1, k2], [k2, k1], [k2]]
const namespace = 'rotation'
const users = 24

/** A process, and how many requests it has to answer. */
interface Site {
  readonly process: ServerProcess
  open: number
}

const undone: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const undo of undone.splice(0).reverse()) await undo()
})

async function backend(start: () => Promise<TestServer>): Promise<TestServer> {
  const server = await start()
  undone.push(() => server.stop())
  return server
}

/** Four processes behind a balancer, and users who change their sessions all the time, each at any of them. */
async function under(load: { start: () => Promise<ServerProcess>; rotate: (sites: Site[]) => Promise<void> }) {
  const sites: Site[] = await Promise.all([1, 2, 3, 4].map(async () => ({ process: await load.start(), open: 0 })))
  undone.push(async () => void (await Promise.all(sites.map(({ process }) => process.stop()))))
  let turn = 0
  const ask = async (path: string, cookie: string | undefined, at?: Site) => {
    const site = at ?? (sites[turn++ % sites.length] as Site)
    site.open++
    try {
      const method = path === '/data' ? 'GET' : 'POST'
      const response = await fetch(site.process.origin + path, { method, headers: cookie ? { Cookie: cookie } : {} })
      return {
        status: response.status,
        text: await response.text(),
        cookie: nextCookies(cookie, response.headers.getSetCookie()),
      }
    } finally {
      site.open--
    }
  }
  const crowd = Array.from({ length: users }, () => ({ cookie: undefined as string | undefined, n: 0 }))
  type User = (typeof crowd)[number]
  const visit = async (user: User) => {
    const { status, cookie } = await ask('/increment', user.cookie)
    expect(status).toBe(200)
    user.cookie = cookie
    user.n++
    // Lost, it would begin again at 1.
    expect((await ask('/data', user.cookie)).text).toBe(`{"n":${user.n}}`)
  }
  await Promise.all(crowd.map(visit))
  const first = crowd.map(({ cookie }) => cookie as string)
  let isOver = false
  const visits = crowd.map(async (user) => {
    while (!isOver) {
      await visit(user)
      await sleep(5 + Math.random() * 20)
    }
  })
  const broken = Promise.all(visits)
  /** Each of them has made a change that began after now: then its token and record are of the first secret. */
  const everybody = async () => {
    const before = crowd.map(({ n }) => n)
    await waitFor(() => expect(crowd.every(({ n }, at) => n >= (before[at] as number) + 2)).toBe(true))
  }
  try {
    await Promise.race([broken, rotate(load, sites, everybody)])
  } finally {
    isOver = true
  }
  await broken
  await Promise.all(crowd.map(visit))
  const old = first.flatMap((cookie) => sites.map((site) => ask('/data', cookie, site)))
  return { visits: crowd.map(({ n }) => n), old: await Promise.all(old) }
}

async function rotate(
  load: { rotate: (sites: Site[]) => Promise<void> },
  sites: Site[],
  everybody: () => Promise<void>,
): Promise<void> {
  for (const _ of steps) {
    await load.rotate(sites)
    await everybody()
  }
}

const expectNothingLost = ({ visits, old }: Awaited<ReturnType<typeof under>>) => {
  expect(Math.min(...visits)).toBeGreaterThan(steps.length)
  expect(old).toHaveLength(4 * users)
  // No record under the old id was ended: only its token is good no more.
  expect(old.filter(({ status, text }) => status !== 200 || text !== '{}')).toEqual([])
}

describe.each<readonly [BackendKind, () => Promise<TestServer>]>([
  ['memcached', startMemcached],
  ['redis', startRedis],
])('four processes on %s, under load', (kind, startBackend) => {
  it('replaced one by one from k1 to k2 they lose no session, and accept none of k1 afterwards (B27)', async () => {
    const { port } = await backend(startBackend)
    let secret: readonly string[] = [k1]
    const start = () => startProcess(kind, port, { namespace, secret })
    const lists = [...steps]
    const result = await under({
      start,
      async rotate(sites) {
        secret = lists.shift() as readonly string[]
        const started = await Promise.all(sites.map(start))
        for (const [at, old] of [...sites.entries()]) {
          sites[at] = { process: started[at] as ServerProcess, open: 0 }
          await waitFor(() => expect(old.open).toBe(0))
          await old.process.stop()
        }
      },
    })
    expectNothingLost(result)
  })

  it('by one file of secrets, without a restart, they lose none either, and accept none of k1 afterwards (B27, B30)', async () => {
    const { port } = await backend(startBackend)
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'))
    undone.push(() => rm(folder, { recursive: true }))
    const secretsFile = join(folder, 'secrets')
    const write = async (list: readonly string[]) => {
      await writeFile(`${secretsFile}.new`, list.join('\n'))
      await rename(`${secretsFile}.new`, secretsFile)
    }
    await write([k1])
    const lists = [...steps]
    const result = await under({
      start: () => startProcess(kind, port, { namespace, secretsFile, refreshSeconds: 1 }),
      async rotate() {
        await write(lists.shift() as readonly string[])
        // Nobody uses a list that is older than twice that.
        await sleep(2500)
      },
    })
    expectNothingLost(result)
  })
})
