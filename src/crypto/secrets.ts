import { isDate, need, refuseUnknown } from '../checks.ts'
import { checkSecrets, type Secret } from './keys.ts'

/** A secret that nothing is accepted under any more from some time on: an old one, whose end is known. */
export interface DatedSecret {
  readonly secret: Secret
  readonly until: Date
}

/** One secret, or several: the first signs, all verify. */
export type Secrets = Secret | readonly (Secret | DatedSecret | undefined)[] | undefined

/**
 * Gives the secrets as they are now: of a vault, or a file that is written anew. Told whether it was asked before, so that it can look past
 * a cache. A list that is empty or wrong counts as a failure.
 */
export type SecretProvider = (refresh: boolean) => Promise<readonly (Secret | DatedSecret)[]>

/** A checked secret. */
export interface LivingSecret {
  readonly bytes: Uint8Array
  /** Milliseconds since 1970; Infinity where it has no end. */
  readonly endsAt: number
}

/** Checks secrets, some of which may have an end; throws `SessionOptionsError` naming what is wrong, never showing a secret. */
export function checkLivingSecrets(option: unknown): readonly LivingSecret[] {
  if (!Array.isArray(option)) return checkSecrets(option).map((bytes) => ({ bytes, endsAt: Number.POSITIVE_INFINITY }))
  const ends = option.map((one, at) => endOf(one, `secret[${at}]`))
  const secrets = checkSecrets(option.map((one) => (isDated(one) ? one.secret : one)))
  need(ends[0] === Number.POSITIVE_INFINITY, 'secret[0] signs, so it has no until: put the new secret before it')
  return secrets.map((bytes, at) => ({ bytes, endsAt: ends[at] as number }))
}

const isDated = (one: unknown): one is DatedSecret => typeof one === 'object' && one !== null && 'secret' in one

function endOf(one: unknown, name: string): number {
  if (!isDated(one)) return Number.POSITIVE_INFINITY
  refuseUnknown(one, ['secret', 'until'], `option ${name}.`)
  need(isDate(one.until), `${name}.until must be a Date`)
  return one.until.getTime()
}
