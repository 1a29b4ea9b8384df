import { busyness } from '../own-time.ts'

/**
 * How busy the machine is, 1 on an idle one. The processes of a laboratory get no more than their share: on a busy machine the
 * deadlines are longer and the users come slower by this much, and what is counted is the same.
 */
export const busy: number = Number(process.env.CLAIMCHECK_BUSY) || busyness()
// The processes that are started from here have to agree.
process.env.CLAIMCHECK_BUSY = `${busy}`

/** As the library has it where nothing is in its way. */
const stretched = (ms: number) => (busy === 1 ? undefined : ms * busy)

/** Options of the stores. */
export const callMs: number | undefined = stretched(250)
/** Option of the sessions. */
export const requestMs: number | undefined = stretched(500)
