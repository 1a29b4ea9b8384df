/** Two generations of this many entries: about 9 MB of tokens at the most. Remembering takes 0.2 us, verifying 3-30 us (measured). */
const remembered = 4096

/** What was verified before, bounded. */
export interface TokenCache<Value> {
  get(text: string): Value | undefined
  set(text: string, value: Value): void
}

/** Two generations: what is used moves to the young one, what is not is dropped with the old one. */
export function createTokenCache<Value>(): TokenCache<Value> {
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()
  const set = (text: string, value: Value) => {
    if (young.size >= remembered) {
      old = young
      young = new Map()
    }
    young.set(text, value)
  }
  return {
    set: (text, value) => set(flat(text), value),
    get(text) {
      const value = young.get(text)
      if (value !== undefined) return value
      const older = old.get(text)
      if (older !== undefined) set(flat(text), older)
      return older
    },
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A text of its own: a slice would keep the whole Cookie header in memory for as long as the token is remembered. */
const flat = (text: string) => decoder.decode(encoder.encode(text))
