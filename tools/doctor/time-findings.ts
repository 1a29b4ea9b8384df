import { type Finding, when } from '../finding.ts'
import { type Cycled, percentile } from './cycles.ts'
import type { Expected, MemcachedFacts } from './facts.ts'

/** memcached tells whole seconds and looks at its clock once a second: below this it is no skew. */
const ticksSeconds = 5
/** protocol.txt, "Expiration times": what is longer is sent as a point in time, so that the server's clock counts. */
const longestRelativeSeconds = 2_592_000

/** Whether the clocks agree, and whether the store is quick enough for its own deadlines. */
export function clockFindings({ nodes }: MemcachedFacts, { longestSeconds }: Expected): readonly Finding[] {
  const off = nodes.filter(({ skewSeconds = 0 }) => Math.abs(skewSeconds) >= ticksSeconds)
  const isLong = longestSeconds > longestRelativeSeconds
  return off.map(({ node, skewSeconds = 0 }): Finding => {
    const by = `${Math.abs(skewSeconds)} s ${skewSeconds > 0 ? 'ahead of' : 'behind'}`
    return {
      ...({ code: 'clock-skew', level: 'warning', node } as const),
      what: `Its clock is ${by} the one here.`,
      why: isLong
        ? `Sessions that are kept for more than 30 days end ${Math.abs(skewSeconds)} s too ${skewSeconds > 0 ? 'early' : 'late'}. And one of the two machines is wrong: a claim check from a machine that is a minute ahead is refused by the others.`
        : 'Times up to 30 days do not depend on it. But one of the two machines is wrong: a claim check from a machine that is a minute ahead is refused by the others.',
      todo: 'Let both follow a time server. A memcached that was suspended with its machine stays behind until it is restarted.',
    }
  })
}

/** `callMs`: how long the store waits for one answer. */
export function cycleFindings(cycled: Cycled | undefined, callMs: number): readonly Finding[] {
  if (cycled === undefined) return []
  const { cycles, failed, latencies } = cycled
  const slowest = Math.max(...Object.values(latencies).map((list) => percentile(list, 0.5) ?? 0))
  return [
    ...when(failed > 0, () => ({
      ...({ code: 'cycles-failed', level: 'error' } as const),
      what: `Of ${cycles} sessions that were created, read, changed and ended for a trial, ${failed} did not go through.`,
      why: 'As many requests of users would be answered with 503.',
      todo: 'See the other findings; if there are none, look at the network and at the load of the servers.',
    })),
    ...when(slowest > callMs / 4, () => ({
      ...({ code: 'slow', level: 'warning' } as const),
      what: `Half of all calls take more than ${Math.round(slowest)} ms, and ${callMs} ms are the most that one may take.`,
      why: 'A request makes one to four of them; a short pause more, and it is a 503.',
      todo: 'Bring the application nearer to its store. Where it cannot be nearer, raise callMs and requestMs.',
    })),
  ]
}
