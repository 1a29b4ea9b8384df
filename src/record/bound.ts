import { crypto } from '#crypto'
import type { Identity } from '../claim/identity.ts'

/** Additional data of a seal: what is sealed opens only behind its own head and under its own store key. */
export function boundTo(bytes: Uint8Array, headBytes: number, { key }: Identity): Uint8Array {
  const keyBytes = crypto.utf8(key)
  const data = new Uint8Array(headBytes + keyBytes.length)
  for (let at = 0; at < headBytes; at++) data[at] = bytes[at] as number
  data.set(keyBytes, headBytes)
  return data
}
