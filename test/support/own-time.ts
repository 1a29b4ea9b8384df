/**
 * Time as this process gets it: a clock that goes on only while its loop turns. On a machine with too much to do, where every
 * timer is late, it goes slower; and so a deadline can be tested there: what waits too long shows, and what waits for the
 * machine does not.
 */
const tickMs = 5
/** What one turn counts at most; a timer on an idle machine is late by a part of a millisecond. */
const mostMs = tickMs * 1.2
const now = performance.now.bind(performance)

let passed = 0
let before = now()

const sinceTick = () => Math.min(now() - before, mostMs)

setInterval(() => {
  passed += sinceTick()
  before = now()
}, tickMs).unref()

/** The milliseconds since this was called, as this process got them. */
export function stopwatch(): () => number {
  const start = passed + sinceTick()
  return () => passed + sinceTick() - start
}

/** So long as a process may take on this machine for what takes `ms` at most on an idle one. Ask when it is over. */
export const stretched = (ms: number): number => ms * busyness()

/** How busy the machine is: how many times longer than on an idle one work takes, in whole numbers, 8 at most. */
export function busyness(): number {
  const [start, used] = [now(), process.cpuUsage()]
  while (now() - start < 100);
  const { user, system } = process.cpuUsage(used)
  return Math.min(8, Math.max(1, Math.round(((now() - start) * 1000) / (user + system))))
}
