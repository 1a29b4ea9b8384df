import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from '@upstash/redis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { upstashStore } from '../../adapters/stores/redis/upstash.ts'
import type { UnavailableReason } from '../../src/index.ts'
import { everyVerb, expectOutage, secrets } from '../support/outage.ts'

/** What stands at the address of the database. */
let answer: (response: ServerResponse, body: string) => void
let url: string
let close: () => Promise<void>

beforeEach(async () => {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    answer(response, Buffer.concat(chunks).toString())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  close = async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  }
})

afterEach(() => close())

const inTime = 400 + 300
const json = (status: number, error: string) => (response: ServerResponse, body: string) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `${error}: ${body}` }))
}
const html = (status: number) => (response: ServerResponse, body: string) => {
  response.writeHead(status, { 'content-type': 'text/html' }).end(`<html>${status} ${body}</html>`)
}

type Answer = typeof answer

/** As Upstash words them (its documentation, "Troubleshooting"). */
const worded: [what: string, UnavailableReason, Answer][] = [
  ['the daily limit', 'quota', json(400, 'ERR max daily request limit exceeded. Limit: 10000, Usage: 10000')],
  ['the monthly limit', 'quota', json(429, 'ERR max requests limit exceeded. Limit: 500000, Usage: 500000')],
  ['a full database', 'quota', json(400, 'ERR DB capacity quota exceeded')],
  ['a read-only token', 'forbidden', json(400, "NOPERM this user has no permissions to run the 'set' command")],
  ['a wrong token', 'authentication', json(401, 'WRONGPASS invalid or missing auth token')],
  ['no such command', 'missing-command', json(400, "ERR Command is not available: 'EVAL'")],
  ['an unknown command', 'missing-command', json(400, "ERR unknown command 'GETEX'")],
]

/** Told by the status alone, which the SDK does not pass on. */
const byStatus: [what: string, UnavailableReason, Answer][] = [
  ['too many at once', 'rate-limited', html(429)],
  ['too many at once, as JSON', 'rate-limited', json(429, 'too fast')],
  ['no entry', 'forbidden', html(403)],
  ['no token', 'authentication', html(401)],
  ['a wrong address', 'not-found', html(404)],
  ['a gateway', 'bad-gateway', html(502)],
  ['a service that is away', 'bad-gateway', html(503)],
  ['a gateway that waited in vain', 'bad-gateway', html(504)],
  ['a server that failed', 'failed', json(500, 'ERR internal')],
]

const strange: [what: string, UnavailableReason, Answer][] = [
  ['a page', 'wrong-answer', html(200)],
  ['half an answer', 'wrong-answer', (response) => response.end('{"result":"O')],
  ['nothing of redis', 'wrong-answer', (response) => response.end('{"status":"ok"}')],
]

describe.each([
  ['our own client', undefined, [...worded, ...byStatus, ...strange]],
  ['@upstash/redis', Redis, [...worded, ...strange.slice(0, 2)]],
])('%s tells why an Upstash database cannot be used (F31)', (_, client, cases) => {
  it.each(cases)('%s: %s', async (_what, reason, given) => {
    answer = given
    const store = upstashStore({ client, url, token: 'TOKEN' })
    for (const call of everyVerb(store)) {
      expect(await expectOutage(call(), inTime, ['TOKEN', 'html', 'Limit:'])).toMatchObject({ reason })
    }
    const { host } = new URL(url)
    expect(await store.check?.()).toEqual({ ready: false, nodes: [{ node: host, up: false, reason }] })
  })
})

describe('an answer of the REST client is bounded (F32)', () => {
  const store = () => upstashStore({ url, token: 'TOKEN', callMs: 5000 })
  const head = { 'content-type': 'application/json' }
  const floods: [what: string, flood: (response: ServerResponse) => void][] = [
    ['endless', (response) => flood(response.writeHead(200, head), '[')],
    ['endless white space', (response) => flood(response.writeHead(200, head), ' ')],
    ['endless text', (response) => flood(response.writeHead(200, head), '"'.padEnd(2, 'x'))],
    ['an endless error', (response) => flood(response.writeHead(500, head), '[')],
  ]

  it.each(floods)('%s: it hangs up', async (_what, give) => {
    let sent = 0
    answer = (response) => {
      give(response)
      response.once('close', () => {
        sent = response.socket?.bytesWritten ?? sent
      })
    }
    await expect(store().read('k')).rejects.toMatchObject({ reason: 'wrong-answer' })
    // What the kernel buffers comes on top.
    expect(sent).toBeLessThan(20_000_000)
  })

  it.each([
    ['nested', '['.repeat(1_400_000)],
    ['nested after a good start', `{"result":["conflict",${'['.repeat(1_300_000)}`],
    ['nested objects', '{"result":'.repeat(140_000)],
    ['many members', `{"result":[${'1,'.repeat(600_000)}1]}`],
  ])('%s: it is not parsed', async (_what, body) => {
    answer = (response) => response.writeHead(200, head).end(body)
    const parse = JSON.parse
    const sizes: number[] = []
    JSON.parse = (text: string) => {
      // Whatever else runs here parses less.
      if (text.length > 1000) sizes.push(text.length)
      return parse(text) as unknown
    }
    try {
      await expect(store().read('k')).rejects.toMatchObject({ reason: 'wrong-answer' })
    } finally {
      JSON.parse = parse
    }
    expect(sizes).toEqual([])
  })

  it('takes the largest record, and text of another program full of brackets', async () => {
    const largest = new Uint8Array(1_000_000).fill(7)
    const text = Buffer.from(largest).toString('base64url')
    answer = (response) => response.writeHead(200, head).end(JSON.stringify({ result: ['conflict', text] }))
    const outcome = await store().update(secrets.key, secrets.value, 60, 'v')
    expect(outcome).toMatchObject({ status: 'conflict', current: { version: text.slice(0, 32) } })
    const foreign = JSON.stringify({ a: [[[['"\\']]]] }).repeat(1000)
    answer = (response) => response.writeHead(200, head).end(JSON.stringify({ result: foreign }))
    expect((await store().read(secrets.key))?.value).toEqual(new TextEncoder().encode(foreign))
  })
})

/** Sends for as long as somebody listens. */
function flood(response: ServerResponse, text: string): void {
  const chunk = text.repeat(65_536)
  const push = () => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', push)
  push()
}
