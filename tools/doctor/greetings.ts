import { connect as connectPlainly, type Socket } from 'node:net'
import { connect } from 'node:tls'
import type { Address } from '../../adapters/stores/memcached/address.ts'

const patienceMs = 2000

const placeOf = ({ host, dial, port }: Address) =>
  host === undefined ? { path: port as string } : { host: dial ?? host, port: port as number }

/** Whether a server answers a TLS greeting. Whose certificate it is does not matter here: nothing is said on this connection. */
export function speaksTls(address: Address): Promise<boolean> {
  const socket = connect({ ...placeOf(address), rejectUnauthorized: false })
  return answer(socket, (settle) => socket.once('secureConnect', () => settle(true)))
}

/** protocol_binary.txt: magic 0x80, opcode 0x0b (version), nothing else. */
const versionRequest = Buffer.alloc(24)
versionRequest[0] = 0x80
versionRequest[1] = 0x0b
const answerMagic = 0x81

/** Whether a server answers in the binary protocol. With SASL it speaks no other, and waits in silence for the rest of what is none. */
export function speaksBinary(address: Address): Promise<boolean> {
  const socket = connectPlainly(placeOf(address))
  return answer(socket, (settle) => {
    socket.once('data', (chunk: Buffer) => settle(chunk[0] === answerMagic)).write(versionRequest)
  })
}

function answer(socket: Socket, ask: (settle: (answer: boolean) => void) => void): Promise<boolean> {
  return new Promise((done) => {
    const settle = (result: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      done(result)
    }
    const timer = setTimeout(() => settle(false), patienceMs)
    socket.on('error', () => settle(false))
    socket.once('close', () => settle(false))
    ask(settle)
  })
}
