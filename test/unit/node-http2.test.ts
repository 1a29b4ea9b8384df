import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { session } from '../../adapters/frameworks/node.ts'
import { kit } from '../support/app.ts'
import type { Req } from '../support/node-server.ts'

type Res = import('node:http').ServerResponse

describe('G9: over HTTP/2, whose responses Node makes alike', () => {
  it.each<[string, (res: Res) => unknown]>([
    ['end with nothing', (res) => res.end()],
    ['end with a text', (res) => res.end('text')],
    ['write and end', (res) => [res.write('te'), res.end('xt')]],
    ['writeHead', (res) => res.writeHead(201, { 'X-A': 'a' }).end('text')],
    ['a stream', (res) => Readable.from(['te', 'xt']).pipe(res)],
  ])('%s', async (_, write) => {
    const test = kit()
    const withSession = session(test.options)
    const server = createServer((req, res) => {
      const [request, response] = [req, res] as unknown as [Req, Res]
      withSession(request, response, (error) => {
        if (error) return response.writeHead(500).end()
        request.session.set('n', 1)
        return write(response)
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const stream = client.request({ ':path': '/' })
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    let text = ''
    for await (const chunk of stream) text += chunk
    client.close()
    server.close()
    expect([text, headers['cache-control'], headers.vary]).toEqual([
      ...[expect.stringMatching(/^(text)?$/), 'private, no-store', 'Cookie'],
    ])
    expect(headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-sid=/)])
  })
})
