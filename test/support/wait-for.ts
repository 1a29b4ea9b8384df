import { vi } from 'vitest'

/** Waits until the check holds, for so long that a busy machine is no reason to fail. */
export function waitFor<Result>(check: () => Result): Promise<Awaited<Result>> {
  return vi.waitFor(check, { timeout: 20_000, interval: 20 }) as Promise<Awaited<Result>>
}
