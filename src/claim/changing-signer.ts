import type { Awaitable } from '../crypto/contract.ts'
import { checkLivingSecrets, type LivingSecret, type SecretProvider } from '../crypto/secrets.ts'
import { SessionOptionsError, StoreUnavailableError } from '../errors.ts'
import type { SessionEventHandler } from '../events.ts'
import { isWorkers } from '../runtime.ts'

/** What asks for secrets, and how often. */
export interface AskedSecrets {
  readonly ask: SecretProvider
  readonly refreshMs: number
}

/** After so long without an answer it has failed. */
const askMs = 5000
/** Before it is asked again after a failure. */
const retryMs = 1000

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

/**
 * A signer of secrets that a function gives. It starts no timer: whoever comes when it is time asks for all, in the background. A list that
 * is twice as old, since nobody came, is not used before that answer: nothing is accepted under a secret that has left it long ago.
 */
export function askingSigner<Signer>(
  { ask, refreshMs }: AskedSecrets,
  make: Make<Signer>,
  now: () => number,
  onEvent: SessionEventHandler | undefined,
): () => Awaitable<Signer> {
  let signer: (() => Awaitable<Signer>) | undefined
  let secrets = ''
  let dueAt = Number.NEGATIVE_INFINITY
  let staleAt = Number.POSITIVE_INFINITY
  let failure: unknown
  let asking: Promise<void> | undefined

  /** Never rejects. */
  const refresh = async () => {
    const isAgain = signer !== undefined
    dueAt = performance.now() + Math.max(refreshMs, askMs)
    try {
      const list = checkLivingSecrets(listOf(await inTime(ask, isAgain)))
      const text = list.map(({ bytes, endsAt }) => `${endsAt}:${bytes}`).join(';')
      if (text !== secrets) {
        const next = endingSigner(list, make, now)
        await next()
        signer = next
        secrets = text
      }
      dueAt = performance.now() + refreshMs
      staleAt = dueAt + refreshMs
    } catch (error) {
      failure = error
      dueAt = performance.now() + retryMs
      tell(onEvent)
    }
  }
  /** A promise of workerd belongs to the request that made it. */
  const refreshOnce = () => {
    if (isWorkers()) return refresh()
    asking ??= refresh().finally(() => {
      asking = undefined
    })
    return asking
  }
  const wait = async () => {
    const mustAsk = performance.now() >= dueAt || (isWorkers() && !signer)
    await (asking ?? (mustAsk ? refreshOnce() : undefined))
    if (signer) return signer()
    if (failure instanceof SessionOptionsError) throw failure
    throw new StoreUnavailableError('there are no secrets yet: the function of the option secret failed', {
      cause: failure,
    })
  }
  if (!isWorkers()) void refreshOnce()
  return () => {
    const time = performance.now()
    if (!signer || time >= staleAt || (isWorkers() && time >= dueAt)) return wait()
    if (time >= dueAt) void refreshOnce()
    return signer()
  }
}

/** One secret alone is most likely a mistake: it could not be rotated. */
function listOf(given: unknown): readonly unknown[] {
  if (!Array.isArray(given)) throw new SessionOptionsError('secret must be a function that gives a list')
  return given
}

async function inTime(ask: SecretProvider, refresh: boolean): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the function of the option secret did not answer in time')), askMs)
  })
  return Promise.race([ask(refresh), late]).finally(() => clearTimeout(timer))
}

/** What a handler throws is dropped, as everywhere. */
function tell(onEvent: SessionEventHandler | undefined): void {
  try {
    onEvent?.({ type: 'secrets-kept' })
  } catch {}
}
