import { wholeNumber } from '../../../src/checks.ts'
import { checkSecrets } from '../../../src/crypto/keys.ts'
import { SessionOptionsError } from '../../../src/errors.ts'
import type { Store } from '../../../src/store.ts'
import { storeFromEnv } from '../env.ts'

/** What the environment says about a container. */
export interface ContainerConfig {
  readonly store: Store
  /** For the option `secret`: the first signs, all verify. */
  readonly secret: readonly string[]
  readonly port: number
  /** Where to listen; undefined is every address of the machine, IPv6 ones where it has any. */
  readonly hostname: string | undefined
  readonly drainSeconds: number
  readonly stopSeconds: number
}

/** How long a stop may take; the defaults end the process within five seconds. */
export const defaults = { port: 3000, drainSeconds: 0, stopSeconds: 4 } as const
/** More is a unit mistaken for another. */
const mostSeconds = 3600

/**
 * What a container is told by its environment.
 *
 * | variable | default | |
 * |---|---|---|
 * | `SESSION_SECRET` | required | one secret or several, separated by commas or spaces: the first signs, all verify |
 * | `PORT` | 3000 | 1 to 65535 |
 * | `HOST` | every address | an address or name to listen on |
 * | `DRAIN_SECONDS` | 0 | between turning not ready and closing the door, 0 to 3600 |
 * | `STOP_SECONDS` | 4 | for requests in flight to finish, 1 to 3600 |
 *
 * and the store as `storeFromEnv` finds it. An empty variable counts as not set. Rejects with `SessionOptionsError` that names the
 * variable and shows no value.
 */
export async function containerFromEnv(env: object): Promise<ContainerConfig> {
  return {
    secret: secretsFrom(env),
    port: wholeFrom(env, 'PORT', defaults.port, 1, 65_535),
    hostname: textOf(env, 'HOST'),
    drainSeconds: wholeFrom(env, 'DRAIN_SECONDS', defaults.drainSeconds, 0, mostSeconds),
    stopSeconds: wholeFrom(env, 'STOP_SECONDS', defaults.stopSeconds, 1, mostSeconds),
    // Last, so that nothing has been opened when another variable is wrong.
    store: await storeFromEnv(env),
  }
}

/** Checked now: `session()` would do it later, and could not say which variable is wrong. */
export function secretsFrom(env: object): readonly string[] {
  const secrets = (textOf(env, 'SESSION_SECRET') ?? '').split(/[\s,]+/).filter((secret) => secret !== '')
  try {
    checkSecrets(secrets.length > 1 ? secrets : secrets[0])
  } catch (error) {
    throw new SessionOptionsError((error as Error).message.replace(/^secret/, 'SESSION_SECRET'))
  }
  return secrets
}

function wholeFrom(env: object, name: string, byDefault: number, least: number, most: number): number {
  const text = textOf(env, name)
  const value = text === undefined ? undefined : /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  return wholeNumber(name, value, byDefault, least, most)
}

function textOf(env: object, name: string): string | undefined {
  const value = (env as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
