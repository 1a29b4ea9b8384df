import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../../src/crypto/base64url.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const bytes = fc.uint8Array({ maxLength: 300 })
const letter = fc.constantFrom(...alphabet)
const runs = { numRuns: 2000 }

describe('base64url', () => {
  it('encodes as Buffer does', () => {
    fc.assert(
      fc.property(bytes, (given) => encodeBase64url(given) === Buffer.from(given).toString('base64url')),
      runs,
    )
  })

  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        expect(decodeBase64url(encodeBase64url(given))).toEqual(given)
      }),
      runs,
    )
  })

  it('encodes views of a larger buffer', () => {
    const whole = Uint8Array.from({ length: 64 }, (_, at) => at * 5)
    for (let at = 0; at < 8; at++) {
      const view = whole.subarray(at, at + 32)
      expect(encodeBase64url(view)).toBe(Buffer.from(view).toString('base64url'))
    }
  })

  it('decodes exactly the texts that are the encoding of something', () => {
    fc.assert(
      fc.property(fc.string({ unit: letter, maxLength: 60 }), (text) => {
        const decoded = Buffer.from(text, 'base64url')
        const canonical = decoded.toString('base64url') === text
        expect(decodeBase64url(text)).toEqual(canonical ? new Uint8Array(decoded) : undefined)
      }),
      runs,
    )
  })

  it('of all last letters accepts one in 4 after one more, one in 16 after two, and none alone', () => {
    const accepted = (before: string) => [...alphabet].filter((last) => decodeBase64url(before + last)).length
    expect([accepted(''), accepted('A'), accepted('AA'), accepted('AAA'), accepted('AAAA')]).toEqual([0, 4, 16, 64, 0])
  })

  it('refuses every character outside the alphabet, at any place', () => {
    const odd = Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code)).filter(
      (c) => !alphabet.includes(c),
    )
    for (const character of [...odd, '\u2000', '\ufeff', '\u{1f600}', '\ud800']) {
      for (const text of [`${character}AAA`, `AA${character}A`, `AAA${character}`, `AAAA${character}`])
        expect(decodeBase64url(text)).toBeUndefined()
    }
  })

  it('refuses any text that has one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        if (!/^[A-Za-z0-9_-]*$/.test(text)) expect(decodeBase64url(text)).toBeUndefined()
      }),
      runs,
    )
  })

  it('refuses padding, line breaks and the standard alphabet', () => {
    for (const text of ['TQ==', 'TWE=', 'TWFu\n', ' TWFu', 'T WFu', '+AAA', '/AAA', '=', '====']) {
      expect(decodeBase64url(text)).toBeUndefined()
    }
  })

  it('gives bytes that share their buffer with nobody', () => {
    expect(decodeBase64url('TWFu')?.buffer.byteLength).toBe(3)
  })

  it('has an encoding for no bytes', () => {
    expect(encodeBase64url(new Uint8Array())).toBe('')
    expect(decodeBase64url('')).toEqual(new Uint8Array())
  })
})
