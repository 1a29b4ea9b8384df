import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort, startMemcached, startRedis, type TestServer } from '../../test/support/servers.ts'

/** The stores that all contenders share: one at a time is measured. */
export interface Stores {
  readonly memcached: readonly [TestServer, TestServer]
  readonly redis: TestServer
  close(): Promise<void>
}

/** A contender that runs. */
export interface Running {
  readonly name: string
  readonly url: string
  /** Microseconds of CPU so far, all threads, and bytes of memory now. */
  usage(): Promise<{ readonly cpuUs: number; readonly rssBytes: number }>
  close(): Promise<void>
}

export async function startStores(): Promise<Stores> {
  const memcached = [await startMemcached(['-m', '1024']), await startMemcached(['-m', '1024'])] as const
  const redis = await startRedis()
  return {
    memcached,
    redis,
    async close() {
      for (const server of [...memcached, redis]) await server.stop()
    },
  }
}

/** `name` is the file in `contenders`, and a variant behind a colon. */
export async function startContender(name: string, stores: Stores): Promise<Running> {
  const port = await freePort()
  const options = { port, memcached: stores.memcached.map((server) => server.port), redis: stores.redis.port }
  const child: ChildProcess = fork(join(import.meta.dirname, 'server.mjs'), [name, JSON.stringify(options)])
  const [said] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => [`ended with ${code}`]),
  ])
  if (said !== 'ready') throw new Error(`${name} ${said}`)
  const url = `http://127.0.0.1:${port}`
  // Frameworks say when they begin to listen, not when they do.
  while (!(await fetch(`${url}/untouched`).catch(() => undefined))) await setTimeout(10)
  return {
    name,
    url,
    async usage() {
      child.send('usage')
      const [usage] = await once(child, 'message')
      return usage
    },
    async close() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

const ticksPerSecond = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100

/** Microseconds of CPU of the stores' processes; Linux only, 0 elsewhere. */
export function storeCpuUs({ memcached, redis }: Stores): number {
  const of = ({ pid }: TestServer) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond
    } catch {
      return 0
    }
  }
  return [...memcached, redis].reduce((sum, server) => sum + of(server), 0)
}
