import { encodeBase64url, firstBytes } from '../crypto/base64url.ts'
import type { Awaitable } from '../crypto/contract.ts'
import type { Key, KeySet } from '../crypto/keys.ts'
import { createTokenCache, ownText } from './token-cache.ts'

/**
 * Makes and reads the values of the receipt cookie: what tells a browser's last revision after its token was sent.
 *
 * `<revision, base 36>.<base64url of the first 16 bytes of HMAC-SHA-256(store key, NUL, revision as it stands here)>`. A receipt
 * proves nothing of a session but its revision, and only for the session that it was made for: without the token it is no use.
 */
export interface Receipts {
  issue(storeKey: string, revision: number): Promise<string>
  /** The highest revision above `known` that one of the values proves for this session; `known` where none does. */
  latest(values: readonly string[], storeKey: string, known: number): Awaitable<number>
}

/** As many as a browser can hold after a change of path and domain; each costs a MAC. */
const maxMacs = 4
const maxRevision = 2 ** 48 - 1
const macBytes = 16
const shape = /^(0|[1-9a-z][0-9a-z]{0,9})\.[A-Za-z0-9_-]{22}$/

/** The receipts of one key set; any of its keys verifies. */
export function createReceipts(keys: KeySet<Key>): Receipts {
  const memory = createTokenCache<true>()

  async function isGenuine(value: string, storeKey: string, macs: { left: number }): Promise<boolean> {
    const entry = `${storeKey} ${value}`
    if (memory.get(entry)) return true
    for (const key of keys.byHeader.values()) {
      if (macs.left-- <= 0) return false
      if (!isSame(await write(key, storeKey, revisionText(value)), value)) continue
      memory.set(ownText(entry), true)
      return true
    }
    return false
  }

  async function genuineOf(later: readonly string[], storeKey: string, known: number): Promise<number> {
    const macs = { left: maxMacs }
    for (const value of later) if (await isGenuine(value, storeKey, macs)) return revisionIn(value)
    return known
  }

  return {
    async issue(storeKey, revision) {
      const value = await write(keys.first, storeKey, revision.toString(36))
      memory.set(`${storeKey} ${value}`, true)
      return value
    },
    latest(values, storeKey, known) {
      // Highest first, and only those above what is known: a receipt from before a login is older than the token, and costs nothing.
      const later = values.filter((value) => revisionIn(value) > known).sort((a, b) => revisionIn(b) - revisionIn(a))
      const [highest] = later
      if (highest === undefined) return known
      return memory.get(`${storeKey} ${highest}`) ? revisionIn(highest) : genuineOf(later, storeKey, known)
    },
  }
}

async function write(key: Key, storeKey: string, revision: string): Promise<string> {
  const mac = await (await key.receipt()).digest(`${storeKey}\0${revision}`)
  return `${revision}.${encodeBase64url(firstBytes(mac, macBytes))}`
}

const revisionText = (value: string) => value.slice(0, value.indexOf('.'))

/** -1 where it is no receipt at all. */
function revisionIn(value: string): number {
  const revision = shape.test(value) ? Number.parseInt(revisionText(value), 36) : -1
  return revision <= maxRevision ? revision : -1
}

/** Compares in a time that depends on the lengths alone. */
function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at)
  return difference === 0
}
