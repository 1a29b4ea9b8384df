/** A promise that knows whether anybody waits for it. A subclass, since `await` does not call the `then` of a plain one. */
class Told<Result> extends Promise<Result> {
  isAwaited = false

  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  // biome-ignore lint/suspicious/noThenProperty: a promise has one.
  override then<A = Result, B = never>(
    onDone?: ((value: Result) => A | PromiseLike<A>) | null,
    onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isAwaited = true
    return super.then(onDone, onFailed)
  }
}

/**
 * The failures of a request's changes. One whose promise nobody awaits must neither be lost nor end the process, so the commit throws
 * it.
 */
export class Failures {
  readonly #failed: { readonly told: Told<unknown>; readonly error: unknown }[] = []

  /** The promise to hand out: it never becomes an unhandled rejection. */
  watch<Result>(work: Promise<Result>): Promise<Result> {
    const told = new Told<Result>((resolve) => resolve(work))
    work.catch((error: unknown) => this.#failed.push({ told, error }))
    return quiet(told)
  }

  /** Throws the first failure that nobody has waited for. */
  throwUntold(): void {
    const untold = this.#failed.find(({ told }) => !told.isAwaited)
    if (untold) throw untold.error
  }
}

/** Keeps a promise from ending the process where nobody waits for it; that is no waiting. */
export function quiet<Result>(promise: Promise<Result>): Promise<Result> {
  Promise.prototype.then.call(promise, undefined, noop)
  return promise
}

const noop = () => {}
