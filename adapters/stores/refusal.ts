import { StoreUnavailableError } from '../../src/errors.ts'

/**
 * The node answered, and said no: out of memory, for one. An outage of the call but not of the node.
 *
 * No breaker counts it: a node that cannot take one more large value still has everybody's sessions.
 */
export class RefusalError extends StoreUnavailableError {}
