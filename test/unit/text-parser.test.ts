import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Call, type Outcome, type Verb } from '../../adapters/stores/memcached/client/text/call.ts'
import { CallQueue } from '../../adapters/stores/memcached/client/text/call-queue.ts'
import { ClassicProtocol } from '../../adapters/stores/memcached/client/text/classic.ts'
import { MetaProtocol } from '../../adapters/stores/memcached/client/text/meta.ts'
import { Parser, ReplyError } from '../../adapters/stores/memcached/client/text/parser.ts'
import type { Protocol } from '../../adapters/stores/memcached/client/text/protocol.ts'
import { Writer } from '../../adapters/stores/memcached/client/text/writer.ts'
import type { Entry } from '../../src/store.ts'

const epoch = '0123456789abcdef'
const record = Uint8Array.from({ length: 40 }, (_, at) => at)

/** A protocol without a socket: what was asked, and a way to let bytes come in. */
function client(kind: 'meta' | 'classic', hasGats = true) {
  const queue = new CallQueue()
  const context = { node: 'node', epoch, first: () => queue.first, answered: () => void queue.shift() }
  const protocol: Protocol = kind === 'meta' ? new MetaProtocol(context) : new ClassicProtocol(context, hasGats)
  const parser = new Parser(protocol)
  const sink = { write() {}, cork() {}, uncork() {} }
  const writer = new Writer(sink, { isQuiet: true, flushed() {} })
  const ask = (verb: Verb, key = 'key') => {
    const call = new Call('node', verb, key, {
      expires: 60,
      cas: '7',
      ...(verb === 'add' || verb === 'cas' || verb === 'set' ? { value: record } : {}),
    })
    call.promise.catch(() => {})
    call.bytes = protocol.write(call, writer)
    queue.push(call)
    return call
  }
  const hear = (text: string | Buffer, sizes: readonly number[] = []) => {
    const bytes = Buffer.from(text as string, 'latin1')
    let at = 0
    for (let piece = 0; at < bytes.length; piece++) {
      const size = sizes.length > 0 ? (sizes[piece % sizes.length] as number) : bytes.length
      // A chunk of its own, as a socket makes for every read.
      parser.push(Buffer.from(bytes.subarray(at, at + size)))
      at += size
    }
  }
  return { ask, hear, protocol, queue, parser }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

/** Values that look like replies: CR, LF, whole lines, and anything. */
const trickyValue = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r',
        '\n',
        '\r\n',
        'END\r\n',
        'EN\r\n',
        'HD O1\r\n',
        'VA 3 c1 O1\r\nabc\r\n',
        'STORED\r\n',
        '\0',
      ),
      fc.uint8Array({ maxLength: 40 }).map(text),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))

interface Exchange {
  readonly verb: Verb
  readonly value: string | undefined
  readonly cas: number
}
const exchange: fc.Arbitrary<Exchange> = fc.record({
  verb: fc.constantFrom<Verb>('get', 'gat', 'add', 'cas', 'delete'),
  value: fc.option(trickyValue, { nil: undefined }),
  cas: fc.integer({ min: 1, max: 2 ** 31 }),
})
const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 })

function metaReply({ verb, value, cas }: Exchange, opaque: number): string {
  if (verb === 'get' || verb === 'gat')
    return value === undefined ? `EN O${opaque}\r\n` : `VA ${value.length} c${cas} O${opaque}\r\n${value}\r\n`
  if (value === undefined) return verb === 'add' ? `NS O${opaque}\r\n` : `NF O${opaque}\r\n`
  return verb === 'delete' ? `HD O${opaque}\r\n` : `HD c${cas} O${opaque}\r\n`
}

function classicReply({ verb, value, cas }: Exchange, key: string): string {
  if (verb === 'get' || verb === 'gat')
    return value === undefined ? 'END\r\n' : `VALUE ${key} 0 ${value.length} ${cas}\r\n${value}\r\nEND\r\n`
  if (value === undefined) return verb === 'add' ? 'NOT_STORED\r\n' : 'NOT_FOUND\r\n'
  return verb === 'delete' ? 'DELETED\r\n' : 'STORED\r\n'
}

function expectOutcome({ verb, value }: Exchange, outcome: Outcome): void {
  if (verb === 'delete') expect(outcome).toBeUndefined()
  else if (verb === 'get' || verb === 'gat')
    expect(outcome === null ? undefined : text((outcome as Entry).value)).toBe(value)
  else if (value !== undefined) expect(outcome).toMatchObject({ status: 'stored' })
  else expect(outcome).toEqual({ status: verb === 'add' ? 'taken' : 'missing' })
}

describe.each(['meta', 'classic'] as const)('%s: replies cut anywhere', (kind) => {
  test('give every call its own outcome', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(exchange, { minLength: 1, maxLength: 12 }), cuts, async (exchanges, sizes) => {
        const { ask, hear, queue } = client(kind)
        const calls = exchanges.map(({ verb }, at) => ask(verb, `key${at}`))
        const replies = exchanges.map((one, at) =>
          kind === 'meta' ? metaReply(one, calls[at]?.opaque ?? 0) : classicReply(one, `key${at}`),
        )
        hear(replies.join(''), sizes)
        expect(queue.size).toBe(0)
        for (const [at, call] of calls.entries()) expectOutcome(exchanges[at] as Exchange, await call.promise)
      }),
      { numRuns: 300 },
    )
  })

  test('in every two pieces, and byte by byte', async () => {
    const one: Exchange = { verb: 'get', value: 'a\r\nEND\r\nb', cas: 5 }
    const replyOf = (call: Call) => (kind === 'meta' ? metaReply(one, call.opaque) : classicReply(one, call.key))
    for (let cut = 1; cut < 60; cut++) {
      const { ask, hear } = client(kind)
      const call = ask('get')
      hear(replyOf(call), [cut, 1000])
      expect(text(((await call.promise) as Entry).value)).toBe(one.value)
    }
    const { ask, hear } = client(kind)
    const call = ask('get')
    hear(replyOf(call), [1])
    expect(text(((await call.promise) as Entry).value)).toBe(one.value)
  })

  test('a value over many chunks is its own memory, of its own size', async () => {
    const { ask, hear } = client(kind)
    const call = ask('get')
    const one: Exchange = { verb: 'get', value: 'x'.repeat(300_000), cas: 5 }
    hear(kind === 'meta' ? metaReply(one, call.opaque) : classicReply(one, call.key), [65_536])
    const { value } = (await call.promise) as Entry
    expect(text(value)).toBe(one.value)
    expect(value.buffer.byteLength).toBe(300_000)
  })

  test.each([
    ['a line without an end', 'x'.repeat(600)],
    ['a bare line feed', 'HD\n'],
    ['an empty line', '\r\n'],
    ['a word that is none', 'HELLO\r\n'],
    ['an error', 'ERROR\r\n'],
    ['a client error', 'CLIENT_ERROR bad command line format\r\n'],
    ['the outcome of another verb', kind === 'meta' ? 'NS\r\n' : 'NOT_STORED\r\n'],
    ['a value without end', kind === 'meta' ? 'VA 99999999 c1 O1\r\n' : 'VALUE key 0 99999999 1\r\n'],
    ['a negative length', kind === 'meta' ? 'VA -1 c1 O1\r\n' : 'VALUE key 0 -1 1\r\n'],
    ['a value that is longer', kind === 'meta' ? 'VA 1 c1 OPAQUE\r\nabc\r\n' : 'VALUE key 0 1 1\r\nabc\r\nEND\r\n'],
    ['a value without a number', kind === 'meta' ? 'VA 1 OPAQUE\r\na\r\n' : 'VALUE key 0 1\r\na\r\nEND\r\n'],
    ['the value of another request', kind === 'meta' ? 'VA 1 c1 O1\r\na\r\n' : 'VALUE other 0 1 1\r\na\r\nEND\r\n'],
  ])('%s is no reply', (_, reply) => {
    for (const sizes of [[1000], [1]]) {
      const { ask, hear } = client(kind)
      const call = ask('get')
      expect(() => hear(reply.replace('OPAQUE', `O${call.opaque}`), sizes)).toThrow(ReplyError)
      expect(call.isSettled).toBe(false)
    }
  })

  test('a reply to nothing that was asked is none', () => {
    expect(() => client(kind).hear('HD O1\r\n')).toThrow(ReplyError)
    const { ask, hear } = client(kind)
    const call = ask('delete')
    const reply = kind === 'meta' ? `HD O${call.opaque}\r\n` : 'DELETED\r\n'
    expect(() => hear(reply + reply)).toThrow(ReplyError)
  })

  test('refusals end the call and not the connection', async () => {
    const { ask, hear } = client(kind)
    const [large, full, good] = [ask('set'), ask('set'), ask('get')]
    hear('SERVER_ERROR object too large for cache\r\nSERVER_ERROR out of memory storing object\r\n')
    hear(kind === 'meta' ? `EN O${good.opaque}\r\n` : 'END\r\n')
    await expect(large.promise).rejects.toMatchObject({ code: 'too-large' })
    await expect(full.promise).rejects.toMatchObject({ code: 'unavailable', node: 'node' })
    expect(await good.promise).toBeNull()
  })
})

describe('meta', () => {
  test('spaces more than needed, and no number on a miss: servers before 1.6.18', async () => {
    const { ask, hear } = client('meta')
    const [gone, taken, stale, stored, read] = [ask('get'), ask('add'), ask('cas'), ask('cas'), ask('get')]
    hear(`EN\r\nNS \r\nEX  c0 \r\nHD  c9 O${stored.opaque} \r\nVA 1  c9  O${read.opaque}\r\nx\r\n`)
    expect(await gone.promise).toBeNull()
    expect(await taken.promise).toEqual({ status: 'taken' })
    expect(await stale.promise).toEqual({ status: 'conflict' })
    expect(await stored.promise).toEqual({ status: 'stored', version: `${epoch}:9` })
    expect(await read.promise).toEqual({ value: Uint8Array.of(0x78), version: `${epoch}:9` })
  })

  test.each([
    'HD c1',
    'HD c1 O',
    'HD c1 O1',
    'EX O1',
    'NF O1',
    'HD c1 Ox',
    'HD cx OPAQUE',
    'HD OPAQUE',
    'HD c1 OPAQUE q',
  ])('an update answered with %s has no outcome', (line) => {
    const { ask, hear } = client('meta')
    const call = ask('cas')
    expect(() => hear(`${line.replace('OPAQUE', `O${call.opaque}`)}\r\n`)).toThrow(ReplyError)
  })

  test('an item somebody invalidated is read, its flags are ignored', async () => {
    const { ask, hear } = client('meta')
    const call = ask('get')
    hear(`VA 1 c9 O${call.opaque} W X\r\nx\r\n`)
    expect(await call.promise).toMatchObject({ version: `${epoch}:9` })
  })

  test('number 0 means a server without numbers', async () => {
    const { ask, hear } = client('meta')
    const [read, added] = [ask('get'), ask('add')]
    hear(`VA 1 c0 O${read.opaque}\r\nx\r\nHD c0 O${added.opaque}\r\n`)
    for (const call of [read, added]) await expect(call.promise).rejects.toThrow(/compare-and-swap/)
  })
})

describe('classic', () => {
  test('touch and gets where there is no gats', async () => {
    const { ask, hear } = client('classic', false)
    const [hit, miss] = [ask('gat'), ask('gat')]
    hear('TOUCHED\r\nVALUE key 0 1 7\r\nx\r\nEND\r\nNOT_FOUND\r\nEND\r\n', [3])
    expect(await hit.promise).toMatchObject({ value: Uint8Array.of(0x78) })
    expect(await miss.promise).toBeNull()
  })

  test('a version from a write has no number until the entry is read', async () => {
    const { ask, hear, protocol } = client('classic')
    const add = ask('add')
    hear('STORED\r\n')
    const { version } = (await add.promise) as { version: string }
    expect(protocol.casOf(version)).toEqual({ status: 'read' })
    const read = ask('get')
    hear(Buffer.concat([Buffer.from('VALUE key 0 40 77\r\n'), record, Buffer.from('\r\nEND\r\n')]))
    expect(((await read.promise) as Entry).version).toBe(version)
    expect(protocol.casOf(version)).toEqual({ status: 'known', cas: '77' })
    expect(protocol.casOf(version.replace(epoch, 'f'.repeat(16)))).toEqual({ status: 'none' })
  })
})
