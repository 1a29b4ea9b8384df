import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api'

/** What a tally counts. */
interface Counted {
  readonly attributes: Attributes
  count: number
}

/**
 * A counter by store and a word of a closed list, counted here and told when metrics are collected: a counter of the SDK takes a
 * microsecond each time, since it makes a text of the attributes.
 */
export class Tally {
  readonly #counted = new Map<string, Counted>()
  readonly #attribute: string
  readonly stop: () => void

  /** `attribute`: the name that the word has. */
  constructor(meter: Meter, name: string, unit: string, description: string, attribute: string) {
    this.#attribute = attribute
    const counter = meter.createObservableCounter(name, { unit, description })
    const tell = (result: ObservableResult) => this.#tell(result)
    counter.addCallback(tell)
    this.stop = () => counter.removeCallback(tell)
  }

  add(store: string, word: string | undefined): void {
    const key = `${word} ${store}`
    const known = this.#counted.get(key)
    if (known) known.count++
    else this.#counted.set(key, { count: 1, attributes: this.attributesOf(store, word) })
  }

  attributesOf(store: string, word: string | undefined): Attributes {
    return { 'claimcheck.store.name': store, ...(word === undefined ? {} : { [this.#attribute]: word }) }
  }

  #tell(result: ObservableResult): void {
    for (const { attributes, count } of this.#counted.values()) result.observe(count, attributes)
  }
}

/** More than the nodes of any ring, each with a dozen commands. */
const mostKept = 1000

/** The attributes of a text that tells them apart, made once. */
export function kept(make: (...words: string[]) => Attributes): (...words: string[]) => Attributes {
  const known = new Map<string, Attributes>()
  return (...words) => {
    const key = words.join('\0')
    const found = known.get(key)
    if (found) return found
    if (known.size >= mostKept) known.clear()
    const made = make(...words)
    known.set(key, made)
    return made
  }
}
