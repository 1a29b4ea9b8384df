import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** Types of records (RFC 1035 section 3.2.2, RFC 3596, RFC 2782). */
const types = { A: 1, AAAA: 28, SRV: 33 } as const
type Zone = Readonly<Record<string, Partial<Record<keyof typeof types, readonly Buffer[]>>>>

const v4 = (address: string) => Buffer.from(address.split('.').map(Number))
const v6 = (hex: string) => Buffer.from(hex, 'hex')
const nameOf = (name: string) =>
  Buffer.concat([...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.of(0)])

function srv(priority: number, weight: number, port: number, target: string): Buffer {
  const numbers = Buffer.alloc(6)
  for (const [at, number] of [priority, weight, port].entries()) numbers.writeUInt16BE(number, at * 2)
  return Buffer.concat([numbers, nameOf(target)])
}

const zone: Zone = {
  'pods.test': { A: [v4('10.0.0.2'), v4('10.0.0.1')], AAAA: [v6('fd000000000000000000000000000001')] },
  'six.test': { AAAA: [v6('fd000000000000000000000000000002')] },
  '_memcached._tcp.test': {
    SRV: [srv(10, 1, 11_211, 'b.test'), srv(10, 1, 11_212, 'a.test'), srv(20, 1, 11_213, 'c.test')],
  },
}

/** A name server on loopback that knows the zone `test` and refuses nothing: what it does not know does not exist. */
export async function startNameServer(): Promise<{ readonly port: number; close(): void }> {
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => socket.send(answerTo(query), port, address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { port: socket.address().port, close: () => socket.close() }
}

/** One question, as every client asks; anything after it, such as EDNS, is left out of the answer (RFC 6891 section 7). */
function answerTo(query: Buffer): Buffer {
  const labels: string[] = []
  let at = 12
  for (let length = query[at++] ?? 0; length > 0; length = query[at++] ?? 0) {
    labels.push(query.subarray(at, at + length).toString())
    at += length
  }
  const records = zone[labels.join('.').toLowerCase()]
  const type = query.readUInt16BE(at)
  const wanted = Object.entries(types).find(([, number]) => number === type)?.[0] as keyof typeof types | undefined
  const found = (wanted && records?.[wanted]) ?? []
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  // A response, authoritative, recursion available; NXDOMAIN where there is nothing under the name.
  header.writeUInt16BE(0x8580 | (records ? 0 : 3), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(found.length, 6)
  return Buffer.concat([header, query.subarray(12, at + 4), ...found.map((data) => recordOf(type, data))])
}

/** For 60 s, under the name of the question. */
function recordOf(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}
