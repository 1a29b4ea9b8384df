import type { Configured } from '../../../src/configured.ts'
import type { SessionCookie } from './cookie.ts'

/** What the bridge is told about its configuration. */
export interface Setup extends Configured {
  /** Whether the last change of this key wins, where two meet. */
  isLast(key: string): boolean
  cookie(until: number | undefined): SessionCookie
}
