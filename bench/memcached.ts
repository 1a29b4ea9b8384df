/**
 * Reads a session the way a request does (value, compare-and-swap number, new expiry) and compares clients.
 *
 * `node bench/memcached.ts [rounds] [milliseconds]`. One process per client, one active at a time, the order reversed every
 * round; ratios are medians of the ratios within a round, so that a busy machine hits both sides. npm's `memcached` and `memcache`
 * are no dependencies of the project: `npm run bench:memcached` installs them in this folder.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { binaryDriver } from '../adapters/stores/memcached/client/binary/driver.ts'
import type { Driver } from '../adapters/stores/memcached/client/driver.ts'
import { textDriver } from '../adapters/stores/memcached/client/text/driver.ts'
import type { Entry } from '../src/store.ts'

interface Job {
  readonly inFlight: number
  readonly ms: number
}
interface Sample {
  readonly opsPerSecond: number
  readonly cpuUs: number
  readonly p99Us: number
}
interface BenchClient {
  /** One read of the key; no promise more than the client itself makes. */
  read(key: string): Promise<unknown>
  /** How many bytes came. */
  bytesOf(answer: unknown): number
}

const levels = [1, 32, 256]
const keys = Array.from({ length: 1000 }, (_, at) => `session:${at.toString().padStart(43, 'k')}`)
const valueBytes = 1024
const times = { connectMs: 5000, callMs: 5000 }
const reference = 'memjs GAT'

const clients: { readonly [name: string]: (port: number) => Promise<BenchClient> } = {
  [reference]: memjsClient,
  'binary driver': async (port) => ofDriver(binaryDriver(addressOf(port), times)),
  'text driver': async (port) => ofDriver(textDriver(addressOf(port), { ...times, protocol: 'meta' })),
  'text, classic': async (port) => ofDriver(textDriver(addressOf(port), { ...times, protocol: 'classic' })),
  'memcached 2 (gets)': memcachedClient,
  'memcache 1 (get)': memcacheClient,
}

const addressOf = (port: number) => ({ node: `127.0.0.1:${port}`, host: '127.0.0.1', port })

function ofDriver(driver: Driver): BenchClient {
  return {
    read: (key) => driver.getAndTouch(key, 1800),
    bytesOf: (entry) => (entry as Entry | null)?.value.byteLength ?? 0,
  }
}

async function memjsClient(port: number): Promise<BenchClient> {
  const { Client, Server, Utils } = await import('memjs')
  const client = new Client([new Server('127.0.0.1', port)], { retries: 1 })
  const getAndTouch = 0x1d
  const expiry = Buffer.from([0, 0, 7, 8])
  const perform = client.perform.bind(client) as (...args: readonly unknown[]) => void
  const read = (key: string) =>
    new Promise((resolve, reject) => {
      client.incrSeq()
      const request = Utils.makeRequestBuffer(getAndTouch, key, expiry, '', client.seq)
      perform(key, request, client.seq, (error: unknown, reply?: { header: { cas: Buffer }; val: Buffer }) =>
        // The number is a view of what may hold the replies of others: whoever keeps it has to copy it.
        reply ? resolve({ value: reply.val, version: Buffer.from(reply.header.cas) }) : reject(error),
      )
    })
  return { read, bytesOf: (entry) => (entry as Entry).value.byteLength }
}

/** Has no get-and-touch: less work than the others do. */
async function memcachedClient(port: number): Promise<BenchClient> {
  type Client = { gets(key: string, done: (error: unknown, reply?: Record<string, string>) => void): void }
  const module = (await outside('memcached')) as { default: new (server: string) => Client }
  const client = new module.default(`127.0.0.1:${port}`)
  const read = (key: string) =>
    new Promise((resolve, reject) => {
      client.gets(key, (error, reply) => (reply?.[key] === undefined ? reject(error) : resolve(reply[key])))
    })
  return { read, bytesOf: (value) => (value as string).length }
}

/** Has neither get-and-touch nor numbers. */
async function memcacheClient(port: number): Promise<BenchClient> {
  type Client = { connect(): Promise<void>; get(key: string): Promise<string | undefined> }
  const module = (await outside('memcache')) as { Memcache: new (options: object) => Client }
  const client = new module.Memcache({ nodes: [`127.0.0.1:${port}`], timeout: 5000 })
  await client.connect()
  return { read: (key) => client.get(key), bytesOf: (value) => (value as string | undefined)?.length ?? 0 }
}

function outside(name: string): Promise<unknown> {
  const require = createRequire(join(import.meta.dirname, 'package.json'))
  return import(pathToFileURL(require.resolve(name)).href)
}

/** Keeps `inFlight` reads going for the time; every answer is checked. */
async function measure(client: BenchClient, { inFlight, ms }: Job): Promise<Sample> {
  const latencies: number[] = []
  let next = 0
  const cpu = process.cpuUsage()
  const start = performance.now()
  const worker = async () => {
    for (let now = performance.now(); now - start < ms; ) {
      const bytes = client.bytesOf(await client.read(keys[next++ % keys.length] as string))
      if (bytes !== valueBytes) throw new Error(`${bytes} bytes instead of ${valueBytes}`)
      const end = performance.now()
      latencies.push(end - now)
      now = end
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const elapsed = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const operations = latencies.length
  latencies.sort((a, b) => a - b)
  const p99Us = 1000 * (latencies[Math.floor(0.99 * operations)] ?? Number.NaN)
  return { opsPerSecond: (1000 * operations) / elapsed, cpuUs: (user + system) / operations, p99Us }
}

async function serveJobs(name: string, port: number): Promise<void> {
  const client = await clients[name]?.(port)
  if (!client) throw new Error(`no client ${name}`)
  await measure(client, { inFlight: 32, ms: 300 })
  process.on('message', async (job: Job) => process.send?.(await measure(client, job)))
  process.send?.('ready')
}

/** On two cores and more, client and server have one each; without `taskset` the system decides. */
function pin(pid: number | undefined, core: number): void {
  if (pid !== undefined) spawnSync('taskset', ['-a', '-c', '-p', `${core}`, `${pid}`], { stdio: 'ignore' })
}

async function startServer(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  await new Promise((closed) => probe.close(closed))
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn('memcached', [...user, '-l', '127.0.0.1', '-p', `${port}`, '-U', '0', '-t', '1'], {
    stdio: 'ignore',
  })
  const driver = textDriver(addressOf(port), { connectMs: 1000, callMs: 1000 })
  for (let tries = 0; tries < 100; tries++) {
    const isUp = await driver.version().then(
      () => true,
      () => false,
    )
    if (isUp) break
    await new Promise((wait) => setTimeout(wait, 50))
  }
  pin(child.pid, 1)
  const value = Buffer.alloc(valueBytes, 'x')
  await Promise.all(keys.map((key) => driver.set(key, value, 3600)))
  driver.close()
  return { child, port }
}

async function startClient(name: string, port: number): Promise<ChildProcess | undefined> {
  const child = fork(fileURLToPath(import.meta.url), ['--client', name, `${port}`], { stdio: 'pipe' })
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  const isReady = await Promise.race([once(child, 'message').then(() => true), once(child, 'exit').then(() => false)])
  if (!isReady) console.error(`SKIPPED ${name}: ${/^\w*Error: .*$/m.exec(errors)?.[0] ?? errors}`)
  pin(child.pid, 0)
  return isReady ? child : undefined
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

function print(samples: ReadonlyMap<string, readonly Sample[]>, inFlight: number): void {
  const base = samples.get(reference) ?? []
  console.log(`\n${inFlight} in flight`.padEnd(22), '  ops/s    x memjs  CPU us/op  x memjs   p99 us')
  for (const [name, own] of samples) {
    const ratio = (of: keyof Sample) => median(own.map((sample, at) => sample[of] / (base[at]?.[of] ?? Number.NaN)))
    const of = (what: keyof Sample) => median(own.map((sample) => sample[what]))
    const numbers = [
      of('opsPerSecond').toFixed(0).padStart(8),
      ratio('opsPerSecond').toFixed(2).padStart(10),
      of('cpuUs').toFixed(2).padStart(10),
      ratio('cpuUs').toFixed(2).padStart(8),
      of('p99Us').toFixed(0).padStart(8),
    ]
    console.log(name.padEnd(20), ...numbers)
  }
}

async function compare(rounds: number, ms: number): Promise<void> {
  const server = await startServer()
  const children = new Map<string, ChildProcess>()
  for (const name of Object.keys(clients)) {
    const child = await startClient(name, server.port)
    if (child) children.set(name, child)
  }
  for (const inFlight of levels) {
    const samples = new Map<string, Sample[]>([...children.keys()].map((name) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      const order = [...children]
      for (const [name, child] of round % 2 ? order.toReversed() : order) {
        child.send({ inFlight, ms } satisfies Job)
        const [sample] = (await once(child, 'message')) as [Sample]
        samples.get(name)?.push(sample)
      }
    }
    print(samples, inFlight)
  }
  for (const child of [...children.values(), server.child]) child.kill('SIGKILL')
}

const [, , first, name, port] = process.argv
if (first === '--client') await serveJobs(name as string, Number(port))
else await compare(Number(first ?? 7), Number(name ?? 500))
