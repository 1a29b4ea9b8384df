import type { Version } from '../../../../../src/store.ts'
import { builtins } from '../../lazy-node.ts'
import type { Call } from './call.ts'
import { noData, ReplyError } from './parser.ts'
import {
  asked,
  type CasNumber,
  type Protocol,
  type ProtocolContext,
  refused,
  refusedForCas,
  resolve,
  told,
} from './protocol.ts'
import type { Writer } from './writer.ts'

const code = (text: string): number => (text.charCodeAt(0) << 8) | text.charCodeAt(1)
/** protocol.txt, "Meta Commands": value, done, miss, not stored, exists, not found. */
const codes = { VA: code('VA'), HD: code('HD'), EN: code('EN'), NS: code('NS'), EX: code('EX'), NF: code('NF') }
const space = 32
const flagOpaque = 79 // O
const flagCas = 99 // c
/** Win, stale, lock sent: added unasked where somebody invalidated the item (`md k I`). Its value stands; nothing of ours uses them. */
const unaskedFlags = 'WXZ'
const absent = -1

/**
 * The meta commands, in the form they have since memcached 1.6.13.
 *
 * Every request carries a number that its reply must repeat, and begins it at random: a stream that has slipped by a reply, or
 * a reply made up of stored bytes, cannot pass. On misses servers before 1.6.18 leave it out (measured on 1.6.15).
 */
export class MetaProtocol implements Protocol {
  readonly name = 'meta'
  readonly #context: ProtocolContext
  #nextOpaque: number = builtins.crypto.randomInt(1, 2 ** 29)
  // The flags of the line last read; fields, so that a reply needs no object.
  #opaque: number = absent
  #cas: string = ''

  constructor(context: ProtocolContext) {
    this.#context = context
  }

  write(call: Call, writer: Writer): number {
    call.opaque = this.#nextOpaque++
    return writer.request(requestOf(call), call.value, call.signal === undefined)
  }

  casOf(version: Version): CasNumber {
    const [, epoch, cas] = /^([0-9a-f]{16}):([1-9]\d{0,19})$/.exec(version) ?? []
    return cas === undefined || epoch !== this.#context.epoch ? { status: 'none' } : { status: 'known', cas }
  }

  line(bytes: Buffer, start: number, end: number): number {
    const call = asked(this.#context)
    const isCode = end - start === 2 || bytes[start + 2] === space
    const status = isCode ? ((bytes[start] as number) << 8) | (bytes[start + 1] as number) : 0
    if (status === codes.VA) return this.#value(call, bytes, start + 3, end)
    if (status === 0 || !this.#ends(call, status, bytes, start + 2, end))
      this.#other(call, bytes.toString('latin1', start, end))
    return noData
  }

  data(value: Uint8Array): void {
    const call = asked(this.#context)
    if (this.#cas === '0') refusedForCas(this.#context, call)
    else resolve(this.#context, call, { value, version: this.#version() })
  }

  #value(call: Call, bytes: Buffer, start: number, end: number): number {
    let at = start
    let length = 0
    for (; at < end && bytes[at] !== space; at++) length = 10 * length + digit(bytes[at] as number)
    this.#flags(bytes, at, end)
    if ((call.verb !== 'get' && call.verb !== 'gat') || at === start || this.#cas === '') throw wrongReply()
    if (this.#opaque !== call.opaque) throw otherReply()
    return length
  }

  /** Whether the line is one that this verb can end with, and has ended it. */
  #ends(call: Call, status: number, bytes: Buffer, start: number, end: number): boolean {
    const { verb } = call
    const isDone = status === codes.HD && verb !== 'get' && verb !== 'gat' && verb !== 'version'
    if (!isDone && !isMiss(verb, status)) return false
    this.#flags(bytes, start, end)
    if (this.#opaque !== call.opaque && (isDone || this.#opaque !== absent)) throw otherReply()
    if (verb === 'delete' || verb === 'set') resolve(this.#context, call, undefined)
    else if (!isDone) resolve(this.#context, call, missOf(status))
    else this.#stored(call)
    return true
  }

  #stored(call: Call): void {
    if (this.#cas === '') throw wrongReply()
    if (this.#cas === '0') refusedForCas(this.#context, call)
    else resolve(this.#context, call, { status: 'stored', version: this.#version() })
  }

  #other(call: Call, line: string): void {
    if (!told(this.#context, call, line)) refused(this.#context, call, line)
  }

  #version(): Version {
    return `${this.#context.epoch}:${this.#cas}`
  }

  /** Servers before 1.6.18 send more than one space between flags, and one behind the last (measured). */
  #flags(bytes: Buffer, start: number, end: number): void {
    this.#opaque = absent
    this.#cas = ''
    for (let at = start; at < end; at++) {
      const flag = bytes[at] as number
      if (flag === space) continue
      const from = at + 1
      let number = 0
      while (at + 1 < end && bytes[at + 1] !== space) number = 10 * number + digit(bytes[++at] as number)
      if (flag === flagOpaque && at >= from) this.#opaque = number
      else if (flag === flagCas && at >= from) this.#cas = bytes.toString('latin1', from, at + 1)
      else if (at >= from || !unaskedFlags.includes(String.fromCharCode(flag))) throw wrongReply()
    }
  }
}

function requestOf(call: Call): string {
  const { key, opaque, expires } = call
  switch (call.verb) {
    case 'get':
      return `mg ${key} v c O${opaque}\r\n`
    case 'gat':
      return `mg ${key} v c T${expires} O${opaque}\r\n`
    case 'add':
      return `ms ${key} ${call.value?.byteLength} T${expires} ME c O${opaque}\r\n`
    case 'cas':
      return `ms ${key} ${call.value?.byteLength} T${expires} C${call.cas} c O${opaque}\r\n`
    case 'set':
      return `ms ${key} ${call.value?.byteLength} T${expires} c O${opaque}\r\n`
    case 'delete':
      return `md ${key} O${opaque}\r\n`
    default:
      return `${call.verb}\r\n`
  }
}

function isMiss(verb: Call['verb'], status: number): boolean {
  if (status === codes.EN) return verb === 'get' || verb === 'gat'
  if (status === codes.NS) return verb === 'add'
  if (status === codes.EX) return verb === 'cas'
  return status === codes.NF && (verb === 'cas' || verb === 'delete')
}

function missOf(status: number): null | { status: 'taken' | 'conflict' | 'missing' } {
  if (status === codes.EN) return null
  if (status === codes.NS) return { status: 'taken' }
  return { status: status === codes.EX ? 'conflict' : 'missing' }
}

function digit(byte: number): number {
  if (byte < 48 || byte > 57) throw wrongReply()
  return byte - 48
}

const wrongReply = (): ReplyError => new ReplyError('sent something that is not a reply')
const otherReply = (): ReplyError => new ReplyError('sent a reply to nothing that was asked')
