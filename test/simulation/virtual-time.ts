/** A seeded random source (mulberry32): the same schedule every time. */
export function seededRandom(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

interface Event {
  readonly at: number
  readonly sequence: number
  run: (() => void) | undefined
}

const realImmediate = globalThis.setImmediate
const realNow = performance.now.bind(performance)

/**
 * Time that passes only from event to event, and randomness from a seed.
 *
 * Takes the place of setTimeout, performance.now, Math.random and getRandomValues while it is installed, so that the REAL code
 * runs in it unchanged. Promises settle between two events.
 */
export class VirtualTime {
  now = 0
  readonly random: () => number
  readonly #events: Event[] = []
  #sequence = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  /** Runs something after so many milliseconds; the returned function takes it back. */
  after(ms: number, run: () => void): () => void {
    const event: Event = { at: this.now + Math.max(0, ms), sequence: this.#sequence++, run }
    this.#push(event)
    return () => {
      event.run = undefined
    }
  }

  /** Lets everything happen that is due before `until`. */
  async run(until: number): Promise<void> {
    for (;;) {
      await new Promise((settled) => realImmediate(settled))
      const next = this.#pop(until)
      if (!next) return
      this.now = next.at
      next.run?.()
    }
  }

  install(): () => void {
    const saved = { setTimeout, clearTimeout, random: Math.random, getRandomValues: crypto.getRandomValues }
    globalThis.setTimeout = ((run: () => void, ms = 0) => this.after(ms, run)) as unknown as typeof setTimeout
    globalThis.clearTimeout = ((cancel?: () => void) => cancel?.()) as unknown as typeof clearTimeout
    performance.now = () => this.now
    Math.random = this.random
    crypto.getRandomValues = (<T>(bytes: T): T => {
      for (let i = 0; i < (bytes as Uint8Array).length; i++) (bytes as Uint8Array)[i] = Math.floor(this.random() * 256)
      return bytes
    }) as typeof crypto.getRandomValues
    return () => {
      globalThis.setTimeout = saved.setTimeout
      globalThis.clearTimeout = saved.clearTimeout
      performance.now = realNow
      Math.random = saved.random
      crypto.getRandomValues = saved.getRandomValues
    }
  }

  #push(event: Event): void {
    const heap = this.#events
    let at = heap.push(event) - 1
    for (let up = (at - 1) >> 1; at > 0 && isBefore(event, heap[up] as Event); up = (at - 1) >> 1) {
      heap[at] = heap[up] as Event
      heap[up] = event
      at = up
    }
  }

  /** The next event that was not taken back, if it is due. */
  #pop(until: number): Event | undefined {
    for (;;) {
      const first = this.#events[0]
      if (!first || (first.run && first.at > until)) return undefined
      this.#removeFirst()
      if (first.run) return first
    }
  }

  #removeFirst(): void {
    const heap = this.#events
    const last = heap.pop() as Event
    if (heap.length === 0) return
    heap[0] = last
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      if (left < heap.length && isBefore(heap[left] as Event, heap[least] as Event)) least = left
      if (right < heap.length && isBefore(heap[right] as Event, heap[least] as Event)) least = right
      if (least === at) return
      const moved = heap[at] as Event
      heap[at] = heap[least] as Event
      heap[least] = moved
      at = least
    }
  }
}

const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

/** Runs this with the clock and the timers of a seed, and gives back those of the machine. */
export async function inVirtualTime<Result>(
  seed: number,
  work: (time: VirtualTime) => Promise<Result>,
): Promise<Result> {
  const time = new VirtualTime(seed)
  const restore = time.install()
  try {
    return await work(time)
  } finally {
    restore()
  }
}
