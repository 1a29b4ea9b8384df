import { SessionValueError } from '../../../../../src/errors.ts'
import type { Entry, Version } from '../../../../../src/store.ts'
import type { Address } from '../../address.ts'
import {
  abortable,
  type CasResult,
  type Driver,
  type DriverOptions,
  expiration,
  refusal,
  unavailable,
} from '../driver.ts'
import { Link } from '../reconnect.ts'
import { connecting } from '../traced.ts'
import { MemjsConnection } from './connection.ts'
import type { Message, Reply } from './memjs.ts'

/** Opcodes and statuses: protocol_binary.txt. 0x1d is GAT; its quiet sister 0x1e answers nothing on a miss. */
const opcodes = { get: 0x00, set: 0x01, add: 0x02, delete: 0x04, version: 0x0b, getAndTouch: 0x1d } as const
const statuses = { ok: 0x00, notFound: 0x01, exists: 0x02, tooLarge: 0x03, outOfMemory: 0x82 } as const
const { ok, notFound, exists, tooLarge, outOfMemory } = statuses

type Call = (message: Message, signal: AbortSignal | undefined, on?: MemjsConnection) => Promise<Answer>
type Answer = Reply & { readonly epoch: string }

/**
 * Speaks the binary protocol through memjs: for SASL and for servers that know nothing newer.
 *
 * `operationsPerConnection` is for tests; otherwise a connection is replaced before memjs's 32-bit counter wraps.
 */
export function binaryDriver(address: Address, options: DriverOptions, operationsPerConnection?: number): Driver {
  const { node } = address
  const link = new Link<MemjsConnection>(node, (onFault) =>
    connecting(address, () => new MemjsConnection(address, options, onFault, operationsPerConnection)),
  )

  const call: Call = async (message, signal, on) => {
    let connection = on
    // Again where a standstill, noticed since then, has replaced what the link gave.
    while (!connection || (!on && !connection.isOpen)) connection = await link.connection(signal)
    const reply = await abortable(connection.send(message), signal, node)
    if (reply.status === tooLarge)
      throw new SessionValueError('too-large', `the value is too large for memcached at ${node}`)
    if (reply.status === outOfMemory) throw refusal(node, 'is out of memory')
    return { ...reply, epoch: connection.epoch }
  }

  return {
    node,
    // No `stats`: memjs takes one packet for one request, and the counters come as many.
    protocol: 'binary',
    ...reads(node, call),
    ...writes(node, call, (epoch) => link.ofEpoch(epoch)),
    async version(signal) {
      const answer = await call({ opcode: opcodes.version, accepts: [ok] }, signal)
      return new TextDecoder().decode(answer.value)
    },
    isCurrent: (version) => link.ofEpoch(parseVersion(version)?.epoch ?? '') !== undefined,
    close: () => link.close(),
  }
}

function reads(node: string, call: Call): Pick<Driver, 'get' | 'getAndTouch'> {
  const accepts = [ok, notFound]
  const entryOf = (answer: Answer): Entry | null =>
    answer.status === notFound ? null : { value: answer.value, version: versionOf(answer, node) }
  return {
    async get(key, signal) {
      return entryOf(await call({ opcode: opcodes.get, key, accepts }, signal))
    },
    async getAndTouch(key, ttlSeconds, signal) {
      const extras = uint32s(expiration(ttlSeconds))
      return entryOf(await call({ opcode: opcodes.getAndTouch, key, extras, accepts }, signal))
    },
  }
}

function writes(
  node: string,
  call: Call,
  connectionOf: (epoch: string) => MemjsConnection | undefined,
): Pick<Driver, 'add' | 'cas' | 'set' | 'delete'> {
  const store = (opcode: number, key: string, value: Uint8Array, ttlSeconds: number, accepts: readonly number[]) => ({
    ...{ opcode, key, value, extras: uint32s(0, expiration(ttlSeconds)) },
    accepts: [ok, tooLarge, outOfMemory, ...accepts],
  })
  return {
    async add(key, value, ttlSeconds, signal) {
      const answer = await call(store(opcodes.add, key, value, ttlSeconds, [exists]), signal)
      return answer.status === exists ? { status: 'taken' } : { status: 'stored', version: versionOf(answer, node) }
    },
    async cas(key, value, ttlSeconds, version, signal): Promise<CasResult> {
      const known = parseVersion(version)
      const connection = connectionOf(known?.epoch ?? '')
      // Another connection, so maybe another life of the server, whose numbers began again: it must not be asked.
      if (!known || !connection) return { status: 'conflict' }
      if (signal?.aborted) throw unavailable(node, 'was not asked: the call had been aborted', signal.reason)
      const message = store(opcodes.set, key, value, ttlSeconds, [exists, notFound])
      const answer = await call({ ...message, cas: known.cas }, signal, connection)
      if (answer.status === ok) return { status: 'stored', version: versionOf(answer, node) }
      return { status: answer.status === notFound ? 'missing' : 'conflict' }
    },
    async set(key, value, ttlSeconds, signal) {
      await call(store(opcodes.set, key, value, ttlSeconds, []), signal)
    },
    async delete(key, signal) {
      await call({ opcode: opcodes.delete, key, accepts: [ok, notFound] }, signal)
    },
  }
}

function versionOf({ epoch, cas }: Answer, node: string): Version {
  // A server run with -C numbers nothing, and a zero in a SET means "no condition": updates would overwrite unseen.
  if (cas.every((byte) => byte === 0)) throw unavailable(node, 'runs without compare-and-swap (-C)')
  return `${epoch}:${cas.toString('hex')}`
}

function parseVersion(version: Version): { readonly epoch: string; readonly cas: Buffer } | undefined {
  const [, epoch, cas] = /^([0-9a-f]{16}):(?!0{16})([0-9a-f]{16})$/.exec(version) ?? []
  return epoch === undefined || cas === undefined ? undefined : { epoch, cas: Buffer.from(cas, 'hex') }
}

function uint32s(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length)
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * index)
  return bytes
}
