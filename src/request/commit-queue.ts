import type { Budget } from './budget.ts'

/**
 * Lets commits of one session follow one another inside a process.
 *
 * Each hands its result on, so that the next can write at once where it would otherwise collide and read again: 50 parallel
 * updates of one session cost one round trip each. Between processes compare-and-swap decides alone.
 */
export class CommitQueue<Result> {
  readonly #last = new Map<string, Promise<Result | undefined>>()

  /**
   * Runs the work after all earlier work of the same key; it receives what the one before it returned.
   * `waitFor` waits for the commit before. It may stop waiting by resolving undefined; later commits keep their order.
   */
  async run(
    key: string,
    waitFor: (turn: Promise<Result | undefined>) => Promise<Result | undefined>,
    work: (before: Result | undefined) => Promise<Result | undefined>,
  ): Promise<void> {
    const before = this.#last.get(key)
    const { promise: mine, resolve: hand } = Promise.withResolvers<Result | undefined>()
    const last = before !== undefined ? before.then(() => mine) : mine
    this.#last.set(key, last)
    let result: Result | undefined
    try {
      result = await work(before === undefined ? undefined : await waitFor(before))
    } finally {
      hand(result)
      if (this.#last.get(key) === last) this.#last.delete(key)
    }
  }
}

/** Waits for half of the time at most: compare-and-swap decides anyway, and a commit that hangs must not fail the next one. */
export async function inTurn<Result>(budget: Budget, turn: Promise<Result>): Promise<Result | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const enough = new Promise<undefined>((wake) => {
    timer = setTimeout(() => wake(undefined), budget.leftMs / 2)
  })
  return budget.wait(() => Promise.race([turn, enough])).finally(() => clearTimeout(timer))
}
