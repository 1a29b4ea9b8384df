/** The requests that are being answered. */
export interface Work {
  run(answer: () => Response | Promise<Response>): Response | Promise<Response>
  /** Resolves when none is left. */
  done(): Promise<void>
}

/**
 * Counts answers until they are made: a client that hangs up takes its connection along, but not the handler, nor its commit.
 * Once stopping, each answer asks the client to open another connection, which then goes to another container.
 */
export function createWork(isStopping: () => boolean): Work {
  const pending = new Set<Promise<Response>>()
  const last = (response: Response) => (isStopping() ? closing(response) : response)
  return {
    run(answer) {
      const answered = answer()
      // What is there at once stays so: a promise costs Node's adapter its shortest way.
      if (!(answered instanceof Promise)) return last(answered)
      pending.add(answered)
      return answered.finally(() => pending.delete(answered)).then(last)
    },
    async done() {
      while (pending.size > 0) await Promise.allSettled(pending)
    },
  }
}

/** A copy, because the headers of what another fetch answered cannot be changed. */
function closing(response: Response): Response {
  // After a switch of protocols there is no next request.
  if (response.status === 101 || response.type === 'error') return response
  const copy = new Response(response.body, response)
  copy.headers.set('Connection', 'close')
  return copy
}

/** Whether the work was done in time; what it ends with does not matter. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false)
  })
  return Promise.race([
    work.then(
      () => true,
      () => true,
    ),
    late,
  ]).finally(() => clearTimeout(timer))
}
