import { legacySessions } from '../../adapters/legacy/source.ts'
import type { LegacySessions } from '../../src/request/exchange.ts'
import type { VirtualTime } from './virtual-time.ts'

const id = 'Xw1p9dKq3vTz7LmN0bRsYfGhJ2cE4uAa'

/** Another library with one session, whose store never fails but takes its time. */
export class OldLibrary {
  readonly legacy: LegacySessions
  #data: object | undefined

  constructor(time: VirtualTime) {
    const call = <Result>(work: () => Result) =>
      new Promise<Result>((done) => time.after(1 + Math.floor(time.random() * 40), () => done(work())))
    this.legacy = legacySessions({
      name: 'old',
      cookieNames: ['old'],
      verify: (value) => (value === id ? { id } : undefined),
      read: () => call(() => this.#data),
      remove: () =>
        call(() => {
          this.#data = undefined
        }),
    })
  }

  /** The Cookie header of its browser. */
  login(data: object): string {
    this.#data = data
    return `old=${id}`
  }
}
