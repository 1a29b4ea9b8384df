import type { Awaitable } from '../crypto/contract.ts'
import { checkLivingSecrets, type LivingSecret, type SecretProvider } from '../crypto/secrets.ts'
import { SessionOptionsError } from '../errors.ts'
import type { SessionEventHandler } from '../events.ts'
import { type Answer, askingSource } from './asking.ts'

/** What asks for secrets, and how often. */
export interface AskedSecrets {
  readonly ask: SecretProvider
  readonly refreshMs: number
}

type Make<Signer> = (secrets: readonly Uint8Array[]) => Promise<Signer>

/** A signer of secrets of which some have an end: then it is made anew without them, and forgets what it had verified under them. */
export function endingSigner<Signer>(
  secrets: readonly LivingSecret[],
  make: Make<Signer>,
  now: () => number,
): () => Awaitable<Signer> {
  let ready: Signer | undefined
  let endsAt = Number.NEGATIVE_INFINITY
  const build = async () => {
    const time = now()
    const living = secrets.filter((secret) => secret.endsAt > time)
    const signer = await make(living.map(({ bytes }) => bytes))
    ready = signer
    endsAt = Math.min(...living.map((secret) => secret.endsAt))
    return signer
  }
  return () => (ready && now() < endsAt ? ready : build())
}

/** A signer of secrets that a function gives. */
export function askingSigner<Signer>(
  secrets: AskedSecrets,
  make: Make<Signer>,
  now: () => number,
  onEvent: SessionEventHandler | undefined,
): () => Awaitable<Signer> {
  const read = (given: unknown): Answer<Signer> => {
    const list = checkLivingSecrets(listOf(given))
    const text = list.map(({ bytes, endsAt }) => `${endsAt}:${bytes}`).join(';')
    const makeOf = async () => {
      const signer = endingSigner(list, make, now)
      await signer()
      return signer
    }
    return { text, make: makeOf }
  }
  const named = { keys: 'secrets', giver: 'the function of the option secret' }
  return askingSource(secrets, read, () => tell(onEvent), named).get
}

/** One secret alone is most likely a mistake: it could not be rotated. */
function listOf(given: unknown): readonly unknown[] {
  if (!Array.isArray(given)) throw new SessionOptionsError('secret must be a function that gives a list')
  return given
}

/** The last keys are kept. What a handler throws is dropped, as everywhere. */
export function tell(onEvent: SessionEventHandler | undefined): void {
  try {
    onEvent?.({ type: 'secrets-kept' })
  } catch {}
}
