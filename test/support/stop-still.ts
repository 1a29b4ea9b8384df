import { readdirSync, readFileSync } from 'node:fs'

/** Far more than any machine needs for it. */
const mostMs = 5000

/**
 * Stops a process, and returns when none of its threads runs any more: on a busy machine some go on for moments, and may still answer.
 * Only Linux tells; elsewhere it returns at once.
 */
export function stopStill(pid: number): void {
  process.kill(pid, 'SIGSTOP')
  for (const deadline = Date.now() + mostMs; Date.now() < deadline && runs(pid); )
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
}

function runs(pid: number): boolean {
  try {
    const stateOf = (thread: string) => readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(') ').at(-1)?.[0]
    return readdirSync(`/proc/${pid}/task`).some((thread) => stateOf(thread) !== 'T')
  } catch {
    return false
  }
}
