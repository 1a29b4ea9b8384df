/**
 * Which of `count` servers keeps the key: FNV-1a, stirred by MurmurHash3's finalizer, modulo `count`.
 *
 * FNV-1a alone leaves its low bits weak, and modulo uses just those. Changing the list moves most keys: a ring will replace this.
 */
export function serverIndex(key: string, count: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % count
}
