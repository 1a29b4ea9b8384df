import type { Store } from '../../src/index.ts'
import { StoreUnavailableError } from '../../src/index.ts'
import type { VirtualTime } from '../simulation/virtual-time.ts'
import { type StoreCall, wrapStore } from '../support/stores.ts'

/** The deadline of one call: a store that talks to a network bounds it. */
const callMs = 250

/** Bad weather at one store, for the calls of some processes. */
export interface Spell {
  readonly node: number
  readonly from: number
  readonly to: number
  readonly processes: ReadonlySet<number>
  /** Share of the calls that meet a fault. */
  readonly share: number
}

/** What becomes of one call: when it is applied, if ever, and when the caller hears of it, if ever. Milliseconds. */
interface Fate {
  readonly appliedAfter?: number
  readonly answeredAfter?: number
  readonly rejectedAfter?: number
}

/**
 * One process's way to one store that obeys the contract and no more: calls may be slow, rejected, applied with their answer lost,
 * never answered, or applied long after their caller was told that they failed.
 */
export function link(time: VirtualTime, inner: Store, shareOfFaults: () => number): Store {
  const draw = (most: number) => time.random() * most
  const fair = (): Fate => ({ appliedAfter: 0.5 + draw(4), answeredAfter: 0.5 + draw(4) })
  const foul: readonly (() => Fate)[] = [
    () => ({ rejectedAfter: draw(5) }),
    () => ({ appliedAfter: draw(8), rejectedAfter: 8 + draw(8) }),
    () => ({ appliedAfter: draw(8) }),
    () => ({}),
    () => ({ appliedAfter: draw(120), answeredAfter: draw(120) }),
    () => ({ appliedAfter: callMs + draw(1250) }),
  ]
  return wrapStore(inner, (call) => {
    const isFoul = time.random() < shareOfFaults()
    const fate = isFoul ? (foul[Math.floor(draw(foul.length))] as () => Fate)() : fair()
    return call.verb === 'check' || call.verb === 'close' ? call.apply() : meet(time, call, fate)
  })
}

function meet<T>(time: VirtualTime, { apply, signal }: StoreCall<T>, fate: Fate): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new StoreUnavailableError('bad weather'))
    const patience = time.after(Math.min(fate.rejectedAfter ?? callMs, callMs), fail)
    signal?.addEventListener('abort', fail, { once: true })
    if (fate.appliedAfter === undefined) return
    time.after(fate.appliedAfter, () => {
      const answered = apply()
      answered.catch(() => {})
      if (fate.answeredAfter === undefined) return
      time.after(fate.answeredAfter, () => {
        patience()
        answered.then(resolve, reject)
      })
    })
  })
}
