import { SessionValueError } from '../../../../src/errors.ts'

/**
 * memcached's item limit (-I) covers header, CAS, key and value, 59 bytes beside the last two (measured on 1.6.18, with limits from 32 KB
 * to 2 MB and keys of 51 and 250); the rest is for what other versions need.
 */
const headerBytes = 512
/** The limit where no -I changes it, and the most that is used: readers take nothing larger. */
const usualItemBytes = 1_048_576

/** How large an item may be at one server. */
export class ItemLimit {
  readonly #node: string
  /** Key and value together. */
  readonly #mostBytes: number

  /** `itemBytes`: the server's own limit; undefined where it does not tell. */
  constructor(node: string, itemBytes?: number | undefined) {
    this.#node = node
    this.#mostBytes = Math.min(itemBytes ?? usualItemBytes, usualItemBytes) - headerBytes
  }

  /**
   * Why a value must not be sent; undefined where it may. memcached drops the OLD value when it refuses a new one for its size,
   * even with a wrong CAS (measured).
   */
  refusal(key: string, value: Uint8Array | undefined): SessionValueError | undefined {
    const most = this.#mostBytes - key.length
    if (value === undefined || value.byteLength <= most) return undefined
    const reason = `${value.byteLength} bytes are too large: memcached at ${this.#node} holds ${Math.max(most, 0)} here`
    return new SessionValueError('too-large', reason)
  }
}
