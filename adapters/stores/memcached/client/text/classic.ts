import type { Version } from '../../../../../src/store.ts'
import type { Call, Outcome } from './call.ts'
import { noData, ReplyError } from './parser.ts'
import {
  asked,
  type CasNumber,
  complaint,
  type Protocol,
  type ProtocolContext,
  refused,
  refusedForCas,
  resolve,
  told,
} from './protocol.ts'
import type { Writer } from './writer.ts'

/** What a version is taken from: there every record has a random iv (see `Store`). */
const fingerprintBytes = 24
/** Numbers are needed from a read to the update after it: some milliseconds. One that was forgotten costs a round trip. */
const maxNumbers = 4096

const endings: { readonly [verb in Call['verb']]?: { readonly [line: string]: Outcome } } = {
  cas: { EXISTS: { status: 'conflict' }, NOT_FOUND: { status: 'missing' } },
  add: { NOT_STORED: { status: 'taken' } },
  set: { STORED: undefined },
  delete: { DELETED: undefined, NOT_FOUND: undefined },
}

/**
 * The classic text commands, for servers before 1.6.13.
 *
 * `STORED` tells no number. So a version is what the entry begins with, for reads and writes alike; the numbers that reads saw
 * are remembered, and an update that has none reads the entry first. Replies carry no number of their own: a value is
 * checked by its key, everything else by its order alone.
 */
export class ClassicProtocol implements Protocol {
  readonly name = 'classic'
  readonly #context: ProtocolContext
  readonly #hasGats: boolean
  readonly #numbers: Map<Version, string> = new Map()
  #cas: string = ''
  /** The value, once it is complete; `END` has to follow. */
  #value: Uint8Array | undefined
  /** The first of two replies is in, where `gat` has to be two commands. */
  #isTouched: boolean = false

  constructor(context: ProtocolContext, hasGats: boolean) {
    this.#context = context
    this.#hasGats = hasGats
  }

  write(call: Call, writer: Writer): number {
    return writer.request(requestOf(call, this.#hasGats), call.value, call.signal === undefined)
  }

  casOf(version: Version): CasNumber {
    const [epoch, fingerprint] = version.split(':', 2)
    if (epoch !== this.#context.epoch || !/^=[\w-]{0,32}$/.test(fingerprint ?? '')) return { status: 'none' }
    const cas = this.#numbers.get(version)
    return cas === undefined ? { status: 'read' } : { status: 'known', cas }
  }

  line(bytes: Buffer, start: number, end: number): number {
    const call = asked(this.#context)
    const line = bytes.toString('latin1', start, end)
    if (call.verb === 'get' || call.verb === 'gat') return this.#read(call, line)
    const outcomes = endings[call.verb]
    if (outcomes && Object.hasOwn(outcomes, line)) resolve(this.#context, call, outcomes[line])
    else if (line === 'STORED' && call.value && (call.verb === 'add' || call.verb === 'cas'))
      resolve(this.#context, call, { status: 'stored', version: this.#versionOf(call.value) })
    else if (!told(this.#context, call, line)) refused(this.#context, call, line)
    return noData
  }

  data(value: Uint8Array): void {
    this.#value = value
  }

  #read(call: Call, line: string): number {
    if (call.verb === 'gat' && !this.#hasGats && !this.#isTouched) return this.#touched(line)
    const value = this.#value
    this.#value = undefined
    if (value) {
      if (line !== 'END') throw new ReplyError('sent something that is not a reply')
      this.#found(call, value)
    } else if (line.startsWith('VALUE ')) return this.#header(call, line)
    else if (line === 'END') resolve(this.#context, call, null)
    else refused(this.#context, call, line)
    this.#isTouched = false
    return noData
  }

  #touched(line: string): number {
    if (line !== 'TOUCHED' && line !== 'NOT_FOUND') throw new ReplyError(complaint(line))
    this.#isTouched = true
    return noData
  }

  #header(call: Call, line: string): number {
    const [, key, length, cas] = /^VALUE (\S+) \d{1,10} (\d{1,9}) (\d{1,20})$/.exec(line) ?? []
    if (cas === undefined) throw new ReplyError('sent something that is not a reply')
    if (key !== call.key) throw new ReplyError('sent a reply to nothing that was asked')
    this.#cas = cas
    return Number(length)
  }

  #found(call: Call, value: Uint8Array): void {
    const version = this.#versionOf(value)
    if (this.#cas === '0') refusedForCas(this.#context, call)
    else {
      this.#remember(version, this.#cas)
      resolve(this.#context, call, { value, version })
    }
  }

  #versionOf(value: Uint8Array): Version {
    const start = Buffer.from(value.buffer, value.byteOffset, Math.min(value.byteLength, fingerprintBytes))
    return `${this.#context.epoch}:=${start.toString('base64url')}`
  }

  #remember(version: Version, cas: string): void {
    this.#numbers.delete(version) // so that the newest is last
    this.#numbers.set(version, cas)
    if (this.#numbers.size <= maxNumbers) return
    for (const oldest of this.#numbers.keys()) return void this.#numbers.delete(oldest)
  }
}

/** protocol.txt, "Storage commands", "Retrieval command", "Get And Touch". Flags are always 0. */
function requestOf(call: Call, hasGats: boolean): string {
  const { verb, key, expires } = call
  switch (verb) {
    case 'get':
      return `gets ${key}\r\n`
    case 'gat':
      return hasGats ? `gats ${expires} ${key}\r\n` : `touch ${key} ${expires}\r\ngets ${key}\r\n`
    case 'cas':
      return `cas ${key} 0 ${expires} ${call.value?.byteLength} ${call.cas}\r\n`
    case 'add':
    case 'set':
      return `${verb} ${key} 0 ${expires} ${call.value?.byteLength}\r\n`
    case 'delete':
      return `delete ${key}\r\n`
    default:
      return `${verb}\r\n`
  }
}
