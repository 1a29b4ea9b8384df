import { SessionValueError } from '../../src/errors.ts'

/** How PHP writes sessions: its `session.serialize_handler`. */
export type PhpFormat = 'php' | 'php_serialize' | 'php_binary'

const semicolon = 0x3b
const colon = 0x3a
const quote = 0x22
const bar = 0x7c
const brace = 0x7d
/** Deeper than a session here can hold. */
const maxDepth = 32
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What a session of PHP holds. Throws `SessionValueError` naming the place for objects, references and what JSON cannot hold. */
export function readPhp(bytes: Uint8Array, format: PhpFormat): Readonly<Record<string, unknown>> {
  const isIgbinary = bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] !== undefined && bytes[3] <= 2
  if (isIgbinary) refuse('', 'is written by igbinary: set session.serialize_handler to php_serialize before the move')
  const reader = new PhpReader(bytes)
  if (format === 'php_serialize') return reader.whole()
  return format === 'php' ? reader.keyed() : reader.binary()
}

function refuse(path: string, why: string): never {
  throw new SessionValueError('invalid-value', path === '' ? `the old session ${why}` : `session value ${path} ${why}`)
}

/** Reads values in the format of `serialize()`: https://www.php.net/manual/function.serialize.php. Lengths are bytes. */
class PhpReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** One array that holds all. An empty one is a list to JavaScript. */
  whole(): Readonly<Record<string, unknown>> {
    if (this.#bytes.length === 0) return {}
    const value = this.#value('', 0)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { ...value }
      : { ...refuseList(value) }
  }

  /** `<key>|<value>` one after the other. */
  keyed(): Readonly<Record<string, unknown>> {
    const data: [string, unknown][] = []
    while (this.#at < this.#bytes.length) {
      const key = this.#until(bar)
      data.push([key, this.#value(key, 0)])
    }
    return Object.fromEntries(data)
  }

  /** `<length of the key><key><value>` one after the other. The highest bit of the length marks a key without a value. */
  binary(): Readonly<Record<string, unknown>> {
    const data: [string, unknown][] = []
    while (this.#at < this.#bytes.length) {
      const length = this.#bytes[this.#at++] as number
      const key = this.#text(length & 127, '')
      if (length < 128) data.push([key, this.#value(key, 0)])
    }
    return Object.fromEntries(data)
  }

  #value(path: string, depth: number): unknown {
    const type = String.fromCharCode(this.#bytes[this.#at] ?? 0)
    this.#at += 2
    if (type === 'N') return null
    if (type === 'b') return this.#until(semicolon) === '1'
    if (type === 'i' || type === 'd') return number(path, type, this.#until(semicolon))
    if (type === 's') return this.#string(path)
    if (type === 'a') return this.#array(path, depth + 1)
    const kind = kinds[type]
    if (kind === undefined) return refuse(path, 'is not in the format that the option format names')
    // `O:3:"Foo":...`: the name of the class stands there.
    const name = type === 'R' || type === 'r' ? '' : ` ${this.#className()}`
    return refuse(path, `is ${kind}${name} of PHP, which JSON cannot hold: change it there, or leave it out`)
  }

  #string(path: string): string {
    const length = Number(this.#until(colon))
    this.#expect(quote, path)
    const value = this.#text(length, path)
    this.#expect(quote, path)
    this.#expect(semicolon, path)
    return value
  }

  #array(path: string, depth: number): unknown {
    if (depth > maxDepth) refuse(path, `is nested deeper than ${maxDepth} levels`)
    const count = Number(this.#until(colon))
    this.#at++
    const entries: [string, unknown][] = []
    for (let at = 0; at < count; at++) {
      const key = String(this.#value(path, depth))
      entries.push([key, this.#value(path === '' ? key : `${path}.${key}`, depth)])
    }
    this.#expect(brace, path)
    const isList = entries.every(([key], at) => key === `${at}`)
    return isList ? entries.map(([, value]) => value) : Object.fromEntries(entries)
  }

  /** Up to this byte, which is passed over. */
  #until(byte: number): string {
    const end = this.#bytes.indexOf(byte, this.#at)
    if (end < 0) refuse('', 'is not in the format that the option format names')
    const found = this.#text(end - this.#at, '')
    this.#at++
    return found
  }

  #text(length: number, path: string): string {
    const end = this.#at + length
    if (!Number.isSafeInteger(length) || end > this.#bytes.length) refuse(path, 'is cut off')
    try {
      return text.decode(this.#bytes.subarray(this.#at, end))
    } catch {
      return refuse(path, 'is not UTF-8')
    } finally {
      this.#at = end
    }
  }

  #expect(byte: number, path: string): void {
    if (this.#bytes[this.#at++] !== byte) refuse(path, 'is not in the format that the option format names')
  }

  #className(): string {
    this.#until(quote)
    return this.#until(quote)
  }
}

const kinds: Readonly<Record<string, string>> = {
  O: 'an object',
  C: 'an object',
  E: 'an enumeration',
  R: 'a reference',
  r: 'a reference',
}

function number(path: string, type: string, digits: string): number {
  const value = Number(digits)
  const isFit = type === 'i' ? Number.isSafeInteger(value) : Number.isFinite(value)
  return digits !== '' && isFit ? value : refuse(path, `is the number ${digits}, which JSON cannot hold`)
}

function refuseList(value: unknown): object {
  if (Array.isArray(value)) return Object.fromEntries(value.map((one, at) => [`${at}`, one]))
  return refuse('', 'is not in the format that the option format names')
}
