import type { Awaitable } from '../crypto/contract.ts'
import { SessionOptionsError, StoreUnavailableError } from '../errors.ts'
import { isWorkers } from '../runtime.ts'

/** Somebody who gives keys, and how often they are asked. */
export interface Asked {
  /** Told whether it was asked before. */
  readonly ask: (refresh: boolean) => Promise<unknown>
  readonly refreshMs: number
}

/** What an answer says: a text to tell it from another, and how a value is made of it. */
export interface Answer<Value> {
  readonly text: string
  make(): Promise<() => Awaitable<Value>>
}

/** Keys as they are now. */
export interface Source<Value> {
  get(): Awaitable<Value>
  /** Asks at once, or waits for the answer that is under way; undefined where it was asked less than `apartMs` ago. Never rejects. */
  renew(apartMs: number): Promise<void> | undefined
}

/** What the keys are called in errors: `there are no secrets yet: the function of the option secret failed`. */
export interface Named {
  readonly keys: string
  readonly giver: string
}

/** After so long without an answer it has failed. */
const askMs = 5000
/** Before it is asked again after a failure. */
const retryMs = 1000

/**
 * What is made of the answers of somebody who gives keys. It starts no timer: whoever comes when it is time asks for all, in the background.
 * An answer that is twice as old, since nobody came, is not used before the next: nothing is accepted under a key that has left long ago.
 * Where there is no answer or `read` throws, the last one is kept.
 */
export function askingSource<Value>(
  { ask, refreshMs }: Asked,
  read: (given: unknown) => Answer<Value>,
  onFailure: () => void,
  { keys, giver }: Named,
): Source<Value> {
  let value: (() => Awaitable<Value>) | undefined
  let text: string | undefined
  let askedAt = Number.NEGATIVE_INFINITY
  let dueAt = Number.NEGATIVE_INFINITY
  let staleAt = Number.POSITIVE_INFINITY
  let failure: unknown
  let asking: Promise<void> | undefined

  /** Never rejects. */
  const refresh = async () => {
    const isAgain = value !== undefined
    askedAt = performance.now()
    dueAt = askedAt + Math.max(refreshMs, askMs)
    try {
      const answer = read(await inTime(ask, isAgain, giver))
      if (answer.text !== text) {
        value = await answer.make()
        text = answer.text
      }
      dueAt = performance.now() + refreshMs
      staleAt = dueAt + refreshMs
    } catch (error) {
      failure = error
      dueAt = performance.now() + retryMs
      onFailure()
    }
  }
  /** A promise of workerd belongs to the request that made it. */
  const refreshOnce = () => {
    if (isWorkers()) return refresh()
    asking ??= refresh().finally(() => {
      asking = undefined
    })
    return asking
  }
  const wait = async () => {
    const mustAsk = performance.now() >= dueAt || (isWorkers() && !value)
    await (asking ?? (mustAsk ? refreshOnce() : undefined))
    if (value) return value()
    if (failure instanceof SessionOptionsError) throw failure
    throw new StoreUnavailableError(`there are no ${keys} yet: ${giver} failed`, { cause: failure })
  }
  if (!isWorkers()) void refreshOnce()
  return {
    get() {
      const time = performance.now()
      if (!value || time >= staleAt || (isWorkers() && time >= dueAt)) return wait()
      if (time >= dueAt) void refreshOnce()
      return value()
    },
    renew: (apartMs) => asking ?? (performance.now() - askedAt >= apartMs ? refreshOnce() : undefined),
  }
}

async function inTime(ask: Asked['ask'], refresh: boolean, giver: string): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${giver} did not answer in time`)), askMs)
  })
  return Promise.race([ask(refresh), late]).finally(() => clearTimeout(timer))
}
