import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { session } from '../../adapters/frameworks/node.ts'
import { kit } from '../support/app.ts'
import { wrapStore } from '../support/stores.ts'
import { isInstalled, load } from './packages.ts'
import { listen } from './sites.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
const heap = () => {
  for (let round = 0; round < 3; round++) collect()
  return process.memoryUsage().heapUsed
}
const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`

// biome-ignore lint/suspicious/noExplicitAny: the packages' types are not installed.
type Loose = any

describe.skipIf(!isInstalled)('express5 under load', () => {
  it('R24: 10,000 answers of 1 KB are held at once, each in a few KB, and all leave', async () => {
    const [connections, pipelined] = [100, 100]
    const count = connections * pipelined
    const test = kit({ requestMs: 60_000 })
    const waiting = { count: 0, all: Promise.withResolvers<void>(), release: Promise.withResolvers<void>() }
    const wait = () => {
      if (++waiting.count === count) waiting.all.resolve()
      return waiting.release.promise
    }
    const store = wrapStore(test.store, async ({ verb, apply }) => {
      if (verb === 'create') await wait()
      return apply()
    })
    const app = load('express5')()
    app.use(session({ ...test.options, store }))
    app.get('/held', (req: Loose, res: Loose) => {
      req.session.set('id', 1)
      res.send('x'.repeat(1024))
    })
    // What as many requests cost that wait for something of their own.
    app.get('/plain', async (_req: Loose, res: Loose) => {
      await wait()
      res.send('x'.repeat(1024))
    })
    await using here = await listen(app)
    const used: number[] = []
    for (const path of ['/plain', '/held']) {
      Object.assign(waiting, { count: 0, all: Promise.withResolvers(), release: Promise.withResolvers() })
      const before = heap()
      const clients = Array.from({ length: connections }, () => pipeline(here.port, path, pipelined))
      await waiting.all.promise
      used.push(heap() - before)
      waiting.release.resolve()
      const cookies = path === '/held' ? pipelined : 0
      for (const found of await Promise.all(clients)) expect(found).toEqual({ answers: pipelined, cookies })
    }
    const [plain = 0, held = 0] = used
    const each = (held - plain) / count
    console.log(
      `${count} requests at once: ${megabytes(plain)} of heap where each waits by itself, ${megabytes(held)} where its answer of 1 KB ` +
        `is held: ${(each / 1024).toFixed(1)} KB more each, session and commit included`,
    )
    expect(each).toBeLessThan(16 * 1024)
  })

  it('R24: a stream of 100 MB flows through it with less than 20 MB more heap', async () => {
    const megabyte = 2 ** 20
    const total = 100
    const test = kit()
    const app = load('express5')()
    app.use(session(test.options))
    let made = 0
    app.get('/', (req: Loose, res: Loose) => {
      req.session.set('seen', 1)
      const source = new Readable({
        read() {
          made += 65_536
          this.push(made <= total * megabyte ? Buffer.alloc(65_536, 'x') : null)
        },
      })
      source.pipe(res)
    })
    await using here = await listen(app)
    const sent = request({ host: '127.0.0.1', port: here.port })
    sent.end()
    const memory = () => heap() + process.memoryUsage().arrayBuffers
    const before = memory()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    let bytes = 0
    let most = 0
    let ahead = 0
    let next = 0
    for await (const chunk of response) {
      bytes += chunk.length
      if (bytes < next) continue
      next += 5 * megabyte
      most = Math.max(most, memory() - before)
      ahead = Math.max(ahead, made - bytes)
    }
    console.log(
      `${total} MB streamed: at most ${megabytes(most)} of heap and buffers more, ${megabytes(ahead)} ahead of the reader`,
    )
    expect([bytes, response.headers['set-cookie']?.length]).toEqual([total * megabyte, 1])
    expect(most).toBeLessThan(20 * megabyte)
    expect(ahead).toBeLessThan(20 * megabyte)
  })
})

/** Sends requests without waiting for answers, which Node works on all at once; what has come back in the end. */
async function pipeline(port: number, path: string, count: number): Promise<{ answers: number; cookies: number }> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(count))
  let text = ''
  const answers = () => text.split('HTTP/1.1 200 OK').length - 1
  for await (const chunk of socket) {
    text += chunk
    if (text.length > count * 1024 && answers() === count && text.endsWith('x'.repeat(1024))) break
  }
  return { answers: answers(), cookies: text.split(/^set-cookie: __Host-sid=/im).length - 1 }
}
