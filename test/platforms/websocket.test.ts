import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { kit } from '../support/app.ts'

/** The text of a masked frame, as browsers send it (RFC 6455 section 5.2); all are shorter than 126 bytes here. */
function textOf(frame: Buffer): string {
  const length = (frame[1] as number) & 0x7f
  const mask = frame.subarray(2, 6)
  return String.fromCharCode(...frame.subarray(6, 6 + length).map((byte, at) => byte ^ (mask[at % 4] as number)))
}

/** Accepts a WebSocket (section 4.2.2) and answers each text message. */
function accept(request: IncomingMessage, socket: Duplex, answer: (message: string) => Promise<string>): void {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  const accepted = createHash('sha1').update(key).digest('base64')
  socket.write([...lines, `Sec-WebSocket-Accept: ${accepted}`, '', ''].join('\r\n'))
  socket.on('error', () => {})
  socket.on('data', async (frame: Buffer) => {
    if (((frame[0] as number) & 0x0f) !== 1) return void socket.end()
    const text = await answer(textOf(frame))
    socket.write(Buffer.concat([Buffer.of(0x81, Buffer.byteLength(text)), Buffer.from(text)]))
  })
}

test('each message of a WebSocket reads and saves the session of its handshake, and is told when that has ended', async () => {
  const site = kit()
  const user = site.browser()
  await user.visit((session) => session.set('user', 'alice'))
  const server = createServer().listen(0, '127.0.0.1')
  server.on('upgrade', async (request, socket) => {
    const { session, commit } = site.sessions.open(request.headers.cookie)
    await commit()
    accept(request, socket, async (message) => {
      const again = session.reopen()
      await again.session.update('messages', (list = []) => [...list, message])
      const name = await again.session.get('user')
      return `${name} ${(await again.commit()).status}`
    })
  })
  await once(server, 'listening')
  // Node's own client takes headers, which the types of browsers do not have.
  const init = { headers: { Cookie: user.cookie ?? '' } } as unknown as string[]
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, init)
  try {
    await once(socket, 'open')
    const say = async (message: string) => {
      const answer = once(socket, 'message')
      socket.send(message)
      return ((await answer)[0] as MessageEvent).data
    }
    expect(await say('one')).toBe('alice live')
    expect(await say('two')).toBe('alice live')
    expect(await user.visit((session) => session.get('messages'))).toEqual(['one', 'two'])
    await user.visit((session) => session.destroy())
    expect(await say('three')).toBe('undefined ended')
    expect(await site.live()).toEqual([])
  } finally {
    socket.close()
    server.closeAllConnections()
    server.close()
  }
})
