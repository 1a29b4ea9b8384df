import type { ChildProcess } from 'node:child_process'

const works = new Set<() => void>()

process.once('exit', () => {
  for (const work of works) work()
})
// Vitest ends its workers by the one and a person a whole run by the other: unheard, both end a process without `exit`.
process.once('SIGTERM', () => process.exit(143))
process.once('SIGINT', () => process.exit(130))

/** Runs this as the process ends, whatever a test forgot; the function takes it back. */
export function atExit(work: () => void): () => void {
  works.add(work)
  return () => void works.delete(work)
}

/** Ends the child with this process; one that ends what it has started itself is asked by SIGTERM. */
export function endWithThis(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): void {
  const forget = atExit(() => child.kill(signal))
  child.once('exit', forget)
}
