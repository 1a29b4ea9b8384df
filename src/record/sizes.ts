import { crypto } from '#crypto'
import type { KeySize } from '../events.ts'
import type { SessionData } from './journal.ts'

/** As many as say where the bytes are. */
const mostKeys = 3
/** A name may be a text that somebody typed: a message need not hold all of it. */
const nameLength = 40

/** The keys that take most of the room, the biggest first. */
export function biggestKeys(data: SessionData): readonly KeySize[] {
  const sizes = [...data].map(([key, value]) => ({ name: key, bytes: crypto.utf8(JSON.stringify(value)).length }))
  return sizes
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, mostKeys)
    .map(({ name, bytes }) => ({ name: name.slice(0, nameLength), bytes }))
}
