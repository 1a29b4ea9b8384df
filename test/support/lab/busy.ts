import { cpus, loadavg } from 'node:os'
import { busyness, stretched } from '../own-time.ts'

/**
 * How busy the machine is, 1 on an idle one. The processes of a laboratory get no more than their share: on a busy machine the
 * deadlines are longer and the users come slower by this much, and what is counted is the same. Measured as each bench is set up;
 * the processes that are started from there have to agree, and are told.
 */
export let busy: number = Number(process.env.CLAIMCHECK_BUSY)
if (!busy) measureBusy()

/** Measures anew: a run of tests takes minutes, and the machine may have got other work meanwhile. */
export function measureBusy(): void {
  busy = busyness()
  process.env.CLAIMCHECK_BUSY = `${busy}`
}

/**
 * What may take `ms` on an idle machine, at the end of a test: other work may have come since the deadlines were set, or gone, or have come
 * and gone. Only the system's load tells of the last.
 */
export const promised = (ms: number): number => Math.max(ms * busy, stretched(ms), ms * Math.round(recentLoad()))

/** The programs that wanted each core in the last minute, in pairs: the test itself is one, and its servers another. */
const recentLoad = () => (loadavg()[0] ?? 0) / cpus().length / 2

/** As the library has it where nothing is in its way. */
const ownOr = (ms: number) => (busy === 1 ? undefined : ms * busy)

/** Option of the stores. */
export const callMs = (): number | undefined => ownOr(250)
/** Option of the sessions. */
export const requestMs = (): number | undefined => ownOr(500)
