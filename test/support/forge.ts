import { drawId, type Identity, identify } from '../../src/claim/identity.ts'
import { createTokens } from '../../src/claim/token.ts'
import { checkSecrets, deriveKeys, type KeySet } from '../../src/crypto/keys.ts'
import { sealRecord } from '../../src/record/record.ts'
import type { Store } from '../../src/store.ts'
import { type Any, secret } from './app.ts'

/** What a valid claim check and its record consist of, for records no commit would write. */
export interface Forge {
  readonly ring: KeySet
  readonly identity: Identity
  readonly key: string
  /** A Cookie header that the application takes for its own. */
  readonly cookie: string
  readonly until: number
  /** Well sealed, whatever the plaintext is. */
  seal(plaintext: string | Uint8Array): Promise<Uint8Array>
  /** Seals a record of this data (as JSON text, so that it may hold `__proto__`). */
  sealData(data: string): Promise<Uint8Array>
  /** Puts bytes under the key, whatever was there. */
  put(store: Store, value: Uint8Array): Promise<void>
}

const revision = 1_600_000_000_000

/** A session as the real key ring would make it; `now` in milliseconds. */
export async function forge(now: number, secrets: unknown = secret, namespace = 'session'): Promise<Forge> {
  const ring = await deriveKeys(checkSecrets(secrets), '__Host-sid')
  const identity = await identify(drawId(), namespace, ring)
  const until = Math.floor(now / 1000) + 28_800
  const token = await createTokens(ring, namespace, () => now).sign({ identity, revision, until })
  const seal = (plaintext: string | Uint8Array) => {
    const bytes = typeof plaintext === 'string' ? new TextEncoder().encode(plaintext) : plaintext
    return sealRecord(ring, identity, revision, bytes)
  }
  return {
    ring,
    identity,
    key: identity.key,
    cookie: `__Host-sid=${token}`,
    until,
    seal,
    sealData: (data) => seal(`{"created":${until - 28_800},"until":${until},"data":${data}}`),
    put: async (store, value) => {
      await store.delete(identity.key)
      await store.create(identity.key, value, 1800)
    },
  }
}

/** What sort of names inherit from Object.prototype; a bag of data must not know them. */
export const inherited: readonly (keyof Any)[] = Object.getOwnPropertyNames(Object.prototype).filter(
  (name) => name !== '__proto__',
)
