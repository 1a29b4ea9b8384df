import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Far more than any machine needs for it. */
const mostMs = 10_000

/**
 * Stops a process, and returns when none of its threads runs any more: on a busy machine some go on for moments, and may still answer.
 * Linux tells of each thread; elsewhere it waits for a tenth of a second.
 */
export function stopStill(pid: number): void {
  process.kill(pid, 'SIGSTOP')
  if (!existsSync('/proc')) pause(100)
  else
    for (const deadline = Date.now() + mostMs; runs(pid); pause(1))
      if (Date.now() > deadline) throw new Error(`process ${pid} was told to stop, and runs on`)
}

const pause = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/** Stopped, traced, and dead threads do not. */
const runs = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).some((thread) => !/[TtZX]/.test(stateOf(`/proc/${pid}/task/${thread}/stat`)))

/** The letter behind the name, which may hold anything. A thread that has just ended has no file any more. */
function stateOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(') ').at(-1)?.[0] ?? 'X'
  } catch {
    return 'X'
  }
}
